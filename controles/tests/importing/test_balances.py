"""What people owed before the accounts here began: one balance each."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controles.cotas.models import Cota
from controles.organizacao.records import DadosOrganizacao
from controles.organizacao.services import save_organizacao
from controles.pagamentos.models import Alocacao, Pagamento

from .conftest import Importer

SHEETS = Path(__file__).parent / "sheets"
BEGUN = DadosOrganizacao(nome="Associação", inicio=dt.date(2026, 1, 1))


def begin(importer: Importer, org: Any, clock: Any) -> None:
    with importer.app.app_context():
        save_organizacao(BEGUN, autor_id=None, agora=clock.now)
        names = (
            "Maria Aparecida da Silva",
            "José Antônio Gonçalves",
            "João Conceição",
            "Ângela Müller",
            "Célia Araújo",
        )
        for place, name in enumerate(names):
            org.militante(name, matricula=str(9000 + place))


@pytest.fixture
def give(importer: Importer, org: Any, clock: Any) -> Callable[[str | bytes], str]:
    begin(importer, org, clock)
    return lambda content: importer.give(content, tipo="saldos")


@pytest.fixture
def quick_give(quick: Importer, org: Any, clock: Any) -> Callable[[str | bytes], str]:
    begin(quick, org, clock)
    return lambda content: quick.give(content, tipo="saldos")


def test_what_is_owed_is_one_cota_of_the_month_before_and_what_was_paid_ahead_is_credit(
    importer: Importer, give: Any, org: Any
) -> None:
    page = give((SHEETS / "balances_columns.csv").read_bytes())
    assert "“abc” não é um valor em reais" in page
    assert "Gravar 2 linhas" in page
    shown = importer.page("?ver=novos")
    assert "Maria Aparecida da Silva, matrícula 9000 · R$ 75,00 a pagar" in shown
    assert "José Antônio Gonçalves, matrícula 9001 · R$ 50,00 a favor" in shown
    importer.act("so_validas")
    cotas = importer.rows(Cota.militante_id, Cota.competencia, Cota.valor, Cota.vencimento)
    assert cotas == [(1, dt.date(2025, 12, 1), 7500, dt.date(2025, 12, 31))]
    ahead = importer.rows(Pagamento.militante_id, Pagamento.data_credito, Pagamento.valor, Pagamento.conta_id)
    assert ahead == [(2, dt.date(2025, 12, 31), 5000, None)]
    # A payment pays it like any other cota.
    with importer.app.app_context():
        org.pay(1, 7500)
    assert importer.rows(Cota.pago) == [(7500,)]
    first = importer.path
    assert "já está gravado" in give("nome;deve\nMaria Aparecida da Silva;75,00\n")
    importer.path = first
    page = importer.act("desfazer", motivo="coluna trocada")
    assert "a cota já teve um pagamento" in importer.page("?ver=mantidos")
    assert importer.rows(Cota.valor) == [(7500,)]
    # The credit, what Maria paid, and the estorno of the credit.
    assert sorted(importer.rows(Pagamento.estornado)) == [(False,), (False,), (True,)]


def test_undone_balances_leave_nothing_and_can_come_again(importer: Importer, give: Any) -> None:
    sheet = (SHEETS / "balances_signs.csv").read_bytes()
    page = give(sheet)
    assert "Gravar 4 linhas" in page
    importer.act("so_validas")
    assert sorted(importer.rows(Cota.valor)) == [(2500,), (3000,), (7500,)]
    importer.act("desfazer", motivo="engano")
    assert importer.rows(Cota.valor) == []
    assert sorted(importer.rows(Pagamento.estornado)) == [(False,), (True,)]
    assert importer.rows(Alocacao.id) == []
    give(sheet)
    importer.act("so_validas")
    assert sorted(importer.rows(Cota.valor)) == [(2500,), (3000,), (7500,)]


def test_before_anybody_said_when_accounts_begin_the_page_says_where_to(quick: Importer) -> None:
    assert "em que mês a contabilidade começa" in quick.give("nome;saldo\nAna;-1,00\n", tipo="saldos")


def test_another_balance_for_the_same_person_is_refused(quick: Importer, quick_give: Any) -> None:
    quick_give("nome;deve\nMaria Aparecida da Silva;75,00\n")
    quick.act("gravar")
    page = quick_give("nome;deve\nMaria Aparecida da Silva;80,00\nCélia Araújo;1,00\nCélia Araújo;2,00\n")
    assert "já tem em 12/2025 R$ 75,00 a pagar" in page
    assert "já está na linha 3" in page


def test_no_cotas_are_generated_for_a_month_before_the_beginning(quick: Importer, quick_give: Any) -> None:
    answer = quick.visitor.submit("/cotas/gerar", competencia="2025-12-01")
    page = quick.visitor.open(answer.location) if answer.status_code == 303 else answer.text
    assert "A contabilidade começa em 01/2026" in page
    assert quick.rows(Cota.id) == []
