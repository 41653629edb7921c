"""Past payments from a spreadsheet: whose they are is never guessed, nothing is written twice, undoing leaves no trace
in the figures."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controles.auditoria.audit import verify_chain
from controles.contas.models import Papel
from controles.cotas.models import Cota
from controles.db import db
from controles.fechamento.services import close_month
from controles.pagamentos.models import Alocacao, Metodo, Pagamento

from .conftest import Importer

Visit = Callable[..., Any]
SHEETS = Path(__file__).parent / "sheets"
HEAD = "Matrícula;Nome;Data;Valor\n"


@pytest.fixture
def people(org: Any) -> Callable[[], dict[str, int]]:
    """Six members with the cotas of two months."""

    def make() -> dict[str, int]:
        names = ("Maria Aparecida da Silva", "José Antônio Gonçalves", "João Conceição", "Ângela Müller")
        cpfs = ("00000400610", "00000400700", None, None)
        made = {
            name.split()[0]: org.militante(name, matricula=str(9000 + place), cpf=number, valor_cota=2500)
            for place, (name, number) in enumerate(zip(names, cpfs, strict=True))
        }
        org.cotas("2026-01", "2026-02")
        return made

    return make


@pytest.fixture
def give(importer: Importer, people: Any) -> Callable[[str | bytes], str]:
    with importer.app.app_context():
        people()
    return lambda content: importer.give(content, tipo="pagamentos")


@pytest.fixture
def quick_give(quick: Importer, people: Any) -> Callable[[str | bytes], str]:
    with quick.app.app_context():
        people()
    return lambda content: quick.give(content, tipo="pagamentos")


def paid(importer: Importer) -> dict[tuple[int, str], int]:
    """What the cotas have been paid, by member and month."""
    rows = importer.rows(Cota.militante_id, Cota.competencia, Cota.pago)
    return {(who, f"{month:%Y-%m}"): pago for who, month, pago in rows if pago}


def test_payments_are_checked_written_found_again_and_undone(importer: Importer, give: Any) -> None:
    sheet = HEAD + "9000;Maria Aparecida da Silva;05/01/26;25,00\n9001;;6/2/2026;R$ 60,00\n"
    page = give(sheet)
    assert "Gravar 2 linhas" in page
    assert "Maria Aparecida da Silva, matrícula 9000 · 05/01/2026 · R$ 25,00" in page
    assert importer.rows(Pagamento.id) == []
    page = importer.act("gravar")
    assert "Veja os pagamentos" in page
    rows = importer.rows(Pagamento.data_credito, Pagamento.valor, Pagamento.metodo)
    assert rows == [(dt.date(2026, 1, 5), 2500, Metodo.OUTRO), (dt.date(2026, 2, 6), 6000, Metodo.OUTRO)]
    # The oldest cotas first; what is too much is credit.
    assert sorted(paid(importer).values()) == [2500, 2500, 2500]
    with importer.app.app_context():
        assert verify_chain(db.session).ok
    first = importer.path
    assert "já está gravado" in give(sheet)

    importer.path = first
    page = importer.act("desfazer", motivo="planilha errada")
    assert "Desfeita em" in page
    assert paid(importer) == {}
    by_day = sa.func.sum(sa.case((Pagamento.estorna_id.is_(None), Pagamento.valor), else_=-Pagamento.valor))
    with importer.app.app_context():
        net = db.session.execute(sa.select(Pagamento.data_credito, by_day).group_by(Pagamento.data_credito)).all()
    assert [total for _, total in net] == [0, 0]
    # And what was undone can come again.
    assert "Gravar 2 linhas" in give(sheet)
    importer.act("gravar")
    assert sorted(paid(importer).values()) == [2500, 2500, 2500]


def test_figures_that_were_cached_show_the_imported_payments(importer: Importer, give: Any) -> None:
    before = importer.visitor.get("/cotas?competencia=2026-01-01")
    assert before.count("Quitada</span>") == 0
    give(HEAD + "9000;;05/01/26;25,00\n9001;;05/01/26;25,00\n")
    importer.act("gravar")
    assert importer.visitor.get("/cotas?competencia=2026-01-01").count("Quitada</span>") == 2
    assert "R$ 50,00" in importer.visitor.get("/pagamentos")


def test_a_month_that_the_row_names_is_the_one_that_is_paid(importer: Importer, give: Any) -> None:
    give("Matrícula;Data;Valor;Mês de referência\n9000;05/03/26;30,00;fev/26\n")
    importer.act("gravar")
    assert [(month, pago) for (_, month), pago in paid(importer).items()] == [("2026-02", 2500)]
    assert importer.rows(Alocacao.centavos) == [(2500,)]


@pytest.mark.parametrize(
    ("row", "sentence", "answers"),
    [
        ("9000;João Conceição;05/01/26;25,00", "é de Maria Aparecida da Silva, e a linha diz João Conceição", 4),
        (";Maria Aparecida da Silva;05/01/26;25,00", "Há 2 militantes com o nome", 4),
        (";Maria Silva;05/01/26;25,00", "Não há militante com o nome Maria Silva", 4),
        (";Fulano;05/01/26;25,00", "Não há militante com o nome Fulano", 2),
        ("77;;05/01/26;25,00", "Não há militante com a matrícula 77", 2),
    ],
)
def test_whose_a_payment_is_is_asked_where_it_is_not_clear(
    quick: Importer, quick_give: Any, org: Any, row: str, sentence: str, answers: int
) -> None:
    with quick.app.app_context():
        org.militante("Maria Aparecida da Silva", matricula="55")
    page = quick_give(HEAD + row + "\n")
    assert sentence in page
    assert page.count('name="decisao_2"') == answers
    assert "Nada a gravar" in page


def test_a_conflict_is_decided_for_a_person_for_nobody_or_left_out(importer: Importer, give: Any) -> None:
    rows = "".join(f"9000;João Conceição;0{day}/01/26;25,00\n" for day in (5, 6, 7))
    give(HEAD + rows)
    page = importer.act("decidir", decisao_2="m:3", decisao_3="n", decisao_4="x")
    assert "Gravar 2 linhas" in page
    importer.act("gravar")
    assert sorted(importer.rows(Pagamento.militante_id), key=str) == [(3,), (None,)]
    assert "Não gravadas" in importer.page()


def test_an_answer_that_was_not_offered_is_none(quick: Importer, quick_give: Any) -> None:
    quick_give(HEAD + "9000;João Conceição;05/01/26;25,00\n")
    assert "uma das respostas" in quick.act("decidir", decisao_2="m:4")
    assert "uma das respostas" in quick.act("decidir", decisao_2="mesma pessoa")


def test_a_like_payment_is_asked_about_in_the_file_and_against_what_is_there(
    importer: Importer, give: Any, org: Any
) -> None:
    with importer.app.app_context():
        org.pay(2, 2500, data_credito=dt.date(2026, 1, 5))
    page = give(HEAD + "9000;;05/01/26;25,00\n9000;;05/01/26;25,00\n9001;;05/01/26;25,00\n")
    assert "A linha 2 diz a mesma pessoa, o mesmo dia e o mesmo valor" in page
    assert "Já há um pagamento desta pessoa, do mesmo dia e valor: o nº 1" in page
    assert "Gravar 1 linha" in page
    page = importer.act("decidir", decisao_3="o", decisao_4="x")
    assert "Gravar 2 linhas" in page
    importer.act("gravar")
    assert len(importer.rows(Pagamento.id)) == 3
    assert "já está gravado" in give(HEAD + "9000;;05/01/26;25,00\n9000;;05/01/26;25,00\n")


def test_a_person_that_was_chosen_stays_chosen_when_the_payment_is_like_another(
    quick: Importer, quick_give: Any
) -> None:
    quick_give(HEAD + "9002;;05/01/26;25,00\n9000;João Conceição;05/01/26;25,00\n")
    page = quick.act("decidir", decisao_3="m:3")
    assert "A linha 2 diz a mesma pessoa" in page
    quick.act("decidir", decisao_3="m:3+o")
    quick.act("gravar")
    assert quick.rows(Pagamento.militante_id) == [(3,), (3,)]


def test_a_closed_month_is_said_and_left_alone(quick: Importer, quick_give: Any, clock: Any) -> None:
    with quick.app.app_context():
        close_month(dt.date(2026, 1, 1), com_pendencias=True, autor_id=None, agora=clock.now, hoje=clock.today)
    page = quick_give(HEAD + "9000;;05/01/26;25,00\n9000;;05/02/26;25,00\n")
    assert "O mês 01/2026 está fechado: nada entra nele nem muda. Reabra o mês" in page
    quick.act("so_validas")
    assert quick.rows(Pagamento.data_credito) == [(dt.date(2026, 2, 5),)]
    with quick.app.app_context():
        close_month(dt.date(2026, 2, 1), com_pendencias=True, autor_id=None, agora=clock.now, hoje=clock.today)
    # What was written in a month that is closed by now is reversed today.
    quick.act("desfazer", motivo="engano")
    assert quick.rows(Pagamento.data_credito) == [(dt.date(2026, 2, 5),), (clock.today,)]


def test_a_month_that_closes_between_check_and_writing_stays_as_it_is(
    quick: Importer, quick_give: Any, clock: Any
) -> None:
    quick_give(HEAD + "9000;;05/01/26;25,00\n")
    with quick.app.app_context():
        close_month(dt.date(2026, 1, 1), com_pendencias=True, autor_id=None, agora=clock.now, hoje=clock.today)
    page = quick.act("gravar")
    assert "Os dados mudaram depois da conferência" in page
    assert quick.rows(Pagamento.id) == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("9000;;;25,00", "Informe a data do pagamento"),
        ("9000;;05/01/26;", "Informe o valor"),
        ("9000;;05/01/26;0,00", "O valor é zero"),
        ("9000;;05/01/26;-5,00", "é negativo"),
        ("9000;;05/01/27;5,00", "ainda não chegou"),
        (";;05/01/26;5,00", "não diz de quem é"),
        ("9000;;mês passado;5,00", "não é uma data"),
        ("9000;;05/01/1985;5,00", "é antiga demais"),
    ],
)
def test_what_is_no_payment_is_an_error_with_its_reason(
    quick: Importer, quick_give: Any, row: str, sentence: str
) -> None:
    assert sentence in quick_give(HEAD + row + "\n")


@pytest.mark.parametrize(
    ("said", "paid"), [("Pago", True), ("QUITADO", True), ("Estornado", False), ("A vencer", False)]
)
def test_only_what_was_paid_is_taken_from_a_list_that_says_it(
    quick: Importer, quick_give: Any, said: str, paid: bool
) -> None:
    page = quick_give(f"Matrícula;Data;Valor;Situação\n9000;05/01/26;25,00;{said}\n9001;;;Em aberto\n")
    assert ("Gravar 1 linha" in page) == paid
    assert ("não diz que foi pago" in page) != paid
    # A month without day and amount is no payment, and no mistake.
    assert "9001" in quick.page("?ver=puladas")


def test_amounts_months_and_names_are_read_as_people_write_them(quick: Importer, quick_give: Any) -> None:
    rows = (
        "9000.0;;05/01/26;1,234.50;Janeiro",
        ';"Gonçalves, José Antônio";05/01/26;+25,00;12',
        "9002;;05/01/26;25 reais;1",
    )
    page = quick_give("Matrícula;Nome;Data;Valor;Mês\n" + "\n".join(rows) + "\n")
    assert "Gravar 3 linhas" in page
    for shown in ("R$ 1.234,50 · de 01/2026", "José Antônio Gonçalves, matrícula 9001", "de 12/2025", "matrícula 9002"):
        assert shown in page


def test_a_pix_is_known_by_its_identifier(quick: Importer, quick_give: Any) -> None:
    head = "Matrícula;Data;Valor;Id\n"
    pix = "E0000000020260106120000000000001"
    quick_give(head + f"9000;05/01/26;25,00;{pix}\n9000;05/01/26;25,00;E0000000020260106120000000000002\n")
    quick.act("gravar")
    assert len(quick.rows(Pagamento.id)) == 2
    assert "já está gravado" in quick_give(head + f"9000;05/01/26;25,00;{pix}\n")
    assert "é o pagamento nº 1" in quick_give(head + f"9001;05/01/26;25,00;{pix}\n")


def test_the_treasury_imports_payments_and_sees_no_file_of_people(quick: Importer, visit: Visit) -> None:
    quick.give("nome;filiação\nAna;1/2/2020\n")
    treasurer = visit(Papel.TESOURARIA)
    page = treasurer.get("/importar")
    assert "Pagamentos já feitos" in page
    assert "lista.csv" not in page
    treasurer.get(quick.path, status=404)
    assert "Pagamentos já feitos" not in visit(Papel.SECRETARIA).get("/importar")


def test_sheets_of_payments_as_people_keep_them_are_read_or_asked_about(quick: Importer, quick_give: Any) -> None:
    page = quick_give((SHEETS / "payments_notebook.csv").read_bytes())
    assert "Gravar 3 linhas" in page
    assert "“31/02/2026” não existe no calendário" in page
    conflicts = quick.page("?ver=conflitos")
    assert "é de Ângela Müller, e a linha diz Outra Pessoa Qualquer" in conflicts
    assert "A linha 7 diz a mesma pessoa" in conflicts
    assert "TOTAL RECEBIDO" in quick.page("?ver=totais")

    page = quick_give((SHEETS / "payments_bank_pix.csv").read_bytes())
    assert "“-25,00” é negativo" in page
    assert "R$ 1.025,50" in quick.page("?ver=novos")
    conflicts = quick.page("?ver=conflitos")
    assert "Este CPF não é de nenhum militante" in conflicts
    assert "MARIA A DA SILVA" in conflicts

    page = quick_give((SHEETS / "payments_form.csv").read_bytes())
    assert "Gravar 2 linhas" in page
    assert "“bitcoin” não é uma forma de pagamento" in page
    assert "será essa data" in page
