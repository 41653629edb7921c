"""A list is matched, accepted as a whole, once, and undone as a whole; its sum is always the file's."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.banco.models import TipoConta
from controles.caixa.records import NovaDevolucao
from controles.caixa.refunding import refund
from controles.caixa.services import reverse_lancamento
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.fechamento.services import close_month
from controles.militantes.queries import get_militante
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import Metodo, Pagamento
from controles.recebimentos.cnab import read_return
from controles.recebimentos.models import Estado, Fonte
from controles.recebimentos.payroll import read_payroll
from controles.recebimentos.queries import get_recebimento
from controles.recebimentos.records import DetalheRecebimento, NovaFolha
from controles.recebimentos.services import accept, assign_line, create_recebimento, discard, undo
from controles.recibos.models import Recibo
from controles.recibos.services import issue_recibos

from .conftest import DAY, file_240, title_240, written

CPF = "529.982.247-25"
MARCH = NovaFolha(empregador="Prefeitura", competencia=dt.date(2026, 3, 1), data=DAY)
SHEET = "matrícula;nome;valor\n101;Ana Prado;20,00\n102;Bia Prado;25,00\n;Zulmira Souza;30,00\n"


@pytest.fixture
def people(app: Flask, org: Any) -> tuple[int, int]:
    ana = org.militante("Ana Prado", matricula="000101", cpf=CPF)
    bia = org.militante("Bia Prado", matricula="000102")
    org.cotas("2026-02", "2026-03")
    return ana, bia


@pytest.fixture
def by(agora: dt.datetime) -> dict[str, Any]:
    return {"autor_id": None, "agora": agora}


@pytest.fixture
def payroll(people: Any, by: Any, hoje: dt.date) -> Any:
    def create(sheet: str = SHEET, folha: NovaFolha = MARCH) -> int:
        lines = read_payroll(sheet.encode(), folha)
        return create_recebimento(Fonte.FOLHA, lines, arquivo="folha.csv", folha=folha, hoje=hoje, **by)

    return create


@pytest.fixture
def returned(people: Any, by: Any, hoje: dt.date) -> Any:
    def create(*titles: list[str]) -> int:
        fonte, lines = read_return(written(file_240(*titles)), hoje=hoje)
        return create_recebimento(fonte, lines, arquivo="x.ret", hoje=hoje, **by)

    return create


def detail(recebimento_id: int) -> DetalheRecebimento:
    found = get_recebimento(recebimento_id)
    assert found is not None
    return found


def received() -> int:
    return int(db.session.scalars(sa.select(sa.func.coalesce(sa.func.sum(net_valor()), 0))).one())


def test_accepting_pays_the_month_of_the_list_and_leaves_the_unknown_unidentified(
    payroll: Any, people: Any, by: Any, hoje: dt.date
) -> None:
    number = payroll()
    assert received() == 0
    ana, bia = people
    assert [line.militante_id for line in detail(number).linhas] == [ana, bia, None]
    assert "Não há militante" in (detail(number).linhas[2].duvida or "")
    assert [line.difere for line in detail(number).linhas] == [False, True, False]
    assert accept(number, hoje=hoje, **by) == 3
    assert received() == 7500
    paid = {(cota.militante_id, cota.competencia.month): cota.pago for cota in db.session.scalars(sa.select(Cota))}
    assert paid == {(ana, 2): 0, (ana, 3): 2000, (bia, 2): 0, (bia, 3): 2000}
    ficha = get_militante(Escopo(), bia, hoje=hoje)
    assert ficha is not None
    assert ficha.credito == 500
    rows = db.session.scalars(sa.select(Pagamento).order_by(Pagamento.id)).all()
    assert [(row.militante_id, row.metodo, row.data_credito) for row in rows] == [
        (one, Metodo.FOLHA, DAY) for one in (ana, bia, None)
    ]
    # One movement of money at the bank.
    assert len({row.grupo for row in rows}) == 1
    assert [line.pagamento_id for line in detail(number).linhas] == [row.id for row in rows]


def test_the_same_list_again_is_known_and_a_longer_one_adds_only_what_is_new(
    payroll: Any, by: Any, hoje: dt.date
) -> None:
    accept(payroll(), hoje=hoje, **by)
    again = payroll()
    assert all(line.repetida for line in detail(again).linhas)
    with pytest.raises(Conflict, match="já foi registrado"):
        accept(again, hoje=hoje, **by)
    # By CPF instead of the matrícula, and with one more.
    longer = payroll(f"cpf;nome;valor\n{CPF};Ana Prado;20,00\n;Bia Prado;25,00\n;Outra Pessoa;5,00\n")
    assert [line.repetida for line in detail(longer).linhas] == [True, True, False]
    assert accept(longer, hoje=hoje, **by) == 1
    assert received() == 8000


def test_who_was_in_the_last_list_and_is_not_in_this_one_is_named(
    payroll: Any, by: Any, people: Any, hoje: dt.date
) -> None:
    february = NovaFolha(empregador="prefeitura", competencia=dt.date(2026, 2, 1), data=DAY)
    accept(payroll(folha=february), hoje=hoje, **by)
    now = payroll("matrícula;valor\n101;20,00\n")
    assert [(one.militante_id, one.valor) for one in detail(now).faltam] == [(people[1], 2500)]
    other = NovaFolha(empregador="Estado", competencia=MARCH.competencia, data=DAY)
    assert detail(payroll("matrícula;valor\n101;20,00\n", other)).faltam == ()


def test_a_line_is_given_to_a_person_until_the_list_is_decided(
    payroll: Any, by: Any, people: Any, hoje: dt.date
) -> None:
    number = payroll()
    assign_line(number, 4, people[0], **by)
    # A second line of the same person is another one.
    assert [line.militante_id for line in detail(number).linhas] == [people[0], people[1], people[0]]
    with pytest.raises(NotFound):
        assign_line(number, 9, people[0], **by)
    assert accept(number, hoje=hoje, **by) == 3
    with pytest.raises(Conflict):
        assign_line(number, 4, people[1], **by)
    assert db.session.scalars(sa.select(Pagamento.id).where(Pagamento.militante_id.is_(None))).all() == []


def test_undoing_reverses_all_and_the_file_can_come_again(payroll: Any, by: Any, org: Any, hoje: dt.date) -> None:
    number = payroll()
    accept(number, hoje=hoje, **by)
    first = detail(number).linhas[0].pagamento_id
    org.reverse(first)
    with pytest.raises(Invalid):
        undo(number, motivo=" ", **by)
    assert undo(number, motivo="mês errado", **by) == 2
    assert received() == 0
    assert db.session.scalars(sa.select(sa.func.sum(Cota.pago))).one() == 0
    with pytest.raises(Conflict):
        undo(number, motivo="mês errado", **by)
    assert accept(payroll(), hoje=hoje, **by) == 3
    assert received() == 7500
    acts = [row.acao for row in db.session.scalars(sa.select(Auditoria)) if row.tabela == "recebimento"]
    once = ["recebimento.criar", "recebimento.aceitar"]
    assert acts == [*once, "recebimento.desfazer", *once]


def test_undoing_leaves_the_same_as_each_estorno_alone_and_cancels_receipts(
    payroll: Any, by: Any, org: Any, people: Any, hoje: dt.date
) -> None:
    number = payroll()
    accept(number, hoje=hoje, **by)
    alone = org.pay(people[0], 2000)
    first, second, _ = (line.pagamento_id or 0 for line in detail(number).linhas)
    (recibo,) = issue_recibos(Escopo(), (first,), **by).ids
    org.reverse(alone)
    undo(number, motivo="x", **by)
    of = {row.estorna_id: row for row in db.session.scalars(sa.select(Pagamento)) if row.estorna_id is not None}
    assert (of[first].data_credito, of[first].valor, of[first].metodo) == (hoje, 2000, Metodo.FOLHA)
    assert {part.centavos for part in of[second].alocacoes} == {-2000}
    assert db.session.get_one(Pagamento, first, populate_existing=True).estornado
    assert db.session.get_one(Recibo, recibo, populate_existing=True).cancelado_em is not None
    acts = {
        row.registro_id: row for row in db.session.scalars(sa.select(Auditoria)) if row.acao == "pagamento.estornar"
    }
    one, many = acts[of[alone].id].depois, acts[of[first].id].depois
    assert one is not None
    assert many is not None
    assert one.keys() == many.keys()
    assert [part["centavos"] for part in many["cotas"]] == [-2000]


def test_a_list_is_not_undone_while_credit_of_it_was_given_back(
    payroll: Any, by: Any, org: Any, people: Any, hoje: dt.date
) -> None:
    number = payroll()
    accept(number, hoje=hoje, **by)
    caixa = org.conta("Caixa", tipo=TipoConta.CAIXA)
    made = refund(NovaDevolucao(conta_id=caixa, data=DAY, valor=300, militante_id=people[1]), hoje=hoje, **by)
    with pytest.raises(Conflict, match="devolvida"):
        undo(number, motivo="x", **by)
    assert received() == 7500
    reverse_lancamento(made, motivo="x", data=hoje, **by)
    assert undo(number, motivo="x", **by) == 3


def test_a_cpf_within_a_name_is_not_kept(payroll: Any) -> None:
    number = payroll("nome;valor\nFulano 111.444.777-35;20,00\n")
    (line,) = detail(number).linhas
    assert "***.444.777-**" in line.texto
    assert "111.444" not in line.texto + (line.duvida or "")


def test_a_discarded_list_writes_nothing(payroll: Any, by: Any, hoje: dt.date) -> None:
    number = payroll()
    discard(number, **by)
    assert detail(number).lista.estado is Estado.DESCARTADO
    for late in (lambda: accept(number, hoje=hoje, **by), lambda: discard(number, **by)):
        with pytest.raises(Conflict):
            late()
    with pytest.raises(NotFound):
        accept(99, hoje=hoje, **by)
    assert received() == 0


def test_a_day_in_a_closed_month_or_in_the_future_is_refused(payroll: Any, by: Any, hoje: dt.date) -> None:
    tomorrow = NovaFolha(empregador="x", competencia=MARCH.competencia, data=hoje + dt.timedelta(days=1))
    with pytest.raises(Invalid, match="ainda não chegou"):
        payroll(folha=tomorrow)
    with pytest.raises(Invalid) as refused:
        payroll(folha=NovaFolha(empregador=" ", competencia=MARCH.competencia, data=DAY))
    assert refused.value.field == "empregador"
    old = NovaFolha(empregador="x", competencia=MARCH.competencia, data=dt.date(2026, 2, 10))
    waiting = payroll(folha=old)
    close_month(dt.date(2026, 2, 1), com_pendencias=True, hoje=hoje, **by)
    for late in (lambda: accept(waiting, hoje=hoje, **by), lambda: payroll(folha=old)):
        with pytest.raises(Invalid, match="fechado"):
            late()
    assert received() == 0


def test_titles_are_matched_by_cpf_number_and_name_and_never_registered_twice(
    returned: Any, by: Any, people: Any, hoje: dt.date
) -> None:
    ana, bia = people
    titles = (
        title_240(1, our="1", cpf="52998224725", name="ANA PRADO"),
        title_240(3, our="2", yours="102", paid=2500),
        title_240(5, our="3", yours="X-77", name="BIA PRADO", paid=100),
        title_240(7, our="4", yours="X-78", paid=900),
        title_240(9, our="5", company=f"MILITANTE{ana}", cpf="11144477735", paid=50),
    )
    first = returned(*titles[:3])
    assert accept(first, hoje=hoje, **by) == 3
    second = returned(*titles)
    assert [line.militante_id for line in detail(second).linhas] == [ana, bia, bia, None, ana]
    assert [line.repetida for line in detail(second).linhas] == [True, True, True, False, False]
    assert accept(second, hoje=hoje, **by) == 2
    assert received() == 2000 + 2500 + 100 + 900 + 50
    methods = set(db.session.scalars(sa.select(Pagamento.metodo)))
    assert methods == {Metodo.BOLETO}


def test_two_treasurers_who_accept_the_same_file_at_once_register_it_once(
    app: Flask, payroll: Any, by: Any, hoje: dt.date
) -> None:
    lists = [payroll(), payroll()]
    db.session.commit()

    def attempt(number: int) -> bool:
        with app.app_context():
            try:
                accept(number, hoje=hoje, **by)
            except DomainError:
                return False
            return True

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(attempt, lists * 2))
    assert done.count(True) == 1
    db.session.rollback()
    assert received() == 7500
