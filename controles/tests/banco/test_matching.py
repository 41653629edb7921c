"""Conciliação: what a line may be, what accepting writes, undo, and two treasurers at one line."""

import datetime as dt
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.banco import matching
from controles.banco.models import Conciliacao, Destino, LinhaExtrato
from controles.banco.queries import get_linha, get_partes, list_contas, list_linhas, suggest
from controles.banco.records import Sugestao
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.pagamentos.models import Pagamento
from controles.pagamentos.services import Alike
from controles.pix.txids import txid_of

NewLines = Callable[..., list[int]]
Statements = Callable[[], AbstractContextManager[list[str]]]
CPF = "529.982.247-25"
PIX = "E1234567820260301120000000000001"


@pytest.fixture
def ana(app: Flask, org: Any) -> int:
    militante_id: int = org.militante("Ana Prado", cpf=CPF, valor_cota=1000)
    org.cotas("2026-01", "2026-02")
    return militante_id


def offered(linha_id: int) -> list[Sugestao]:
    linha = get_linha(linha_id)
    assert linha is not None
    return list(suggest((linha,)).get(linha_id, ()))


def take(linha_id: int, *partes: tuple[int, int], outro: bool = False, hoje: dt.date) -> tuple[int, ...]:
    agora = dt.datetime(2026, 3, 17, 15, tzinfo=dt.UTC)
    return matching.match_militantes(linha_id, partes, outro=outro, autor_id=None, agora=agora, hoje=hoje)


def lines_are_matched_or_open() -> None:
    """Of every line, what it is matched to sums to its amount, or it is open; an account is the sum of its lines."""
    parts = (
        sa.select(Conciliacao.linha_id, sa.func.sum(Conciliacao.centavos).label("total"))
        .where(Conciliacao.desfeita_em.is_(None))
        .group_by(Conciliacao.linha_id)
        .subquery()
    )
    rows = db.session.execute(
        sa.select(LinhaExtrato.valor, LinhaExtrato.destino, parts.c.total).outerjoin(
            parts, parts.c.linha_id == LinhaExtrato.id
        )
    ).all()
    assert all(total is None if destino is None else total == valor for valor, destino, total in rows)
    (conta,) = list_contas()
    assert conta.saldo == 10000 + sum(valor for valor, _, _ in rows)
    assert conta.abertas == sum(destino is None for _, destino, _ in rows)


def test_the_same_pix_is_certain(org: Any, ana: int, new_lines: NewLines) -> None:
    paid = org.pay(ana, 1000, data_credito=dt.date(2026, 3, 1), e2eid=PIX)
    (linha,) = new_lines((1000, f"PIX {PIX}"))
    assert [(s.confianca, s.pagamento_id) for s in offered(linha)] == [("certa", paid)]


def test_a_cpf_is_sure_and_means_the_payment_that_is_there(org: Any, ana: int, new_lines: NewLines) -> None:
    first, second = new_lines((1000, f"PIX {CPF}"), (700, f"PIX {CPF}"))
    paid = org.pay(ana, 1000, data_credito=dt.date(2026, 3, 3))
    assert [(s.confianca, s.pagamento_id, s.militante_id) for s in offered(first)] == [("alta", paid, ana)]
    assert [(s.confianca, s.pagamento_id, s.militante_id) for s in offered(second)] == [("alta", None, ana)]


def test_the_txid_of_the_qr_code_says_for_whom_it_was_before_the_cpf_of_who_paid(
    org: Any, ana: int, new_lines: NewLines
) -> None:
    eva = org.militante("Eva")
    (paid_by_ana,) = new_lines((1000, f"PIX RECEBIDO {CPF} militante{eva}"))
    assert [(one.militante_id, one.confianca, one.motivo) for one in offered(paid_by_ana)] == [
        (eva, "alta", "o código do PIX do lançamento"),
        (ana, "alta", "o CPF do lançamento"),
    ]


@pytest.mark.parametrize(
    "text", ["MILITANTE99", "XMILITANTE2", "MILITANTE2A", f"MILITANTE{2**40}", "MILITANTE1 MILITANTE2"]
)
def test_a_txid_of_nobody_or_of_two_offers_nobody(org: Any, ana: int, new_lines: NewLines, text: str) -> None:
    org.militante("Eva")
    assert offered(new_lines((1234, f"PIX {text}"))[0]) == []


def test_a_name_and_a_value_with_its_day_are_less_sure(org: Any, ana: int, new_lines: NewLines) -> None:
    named, alone = new_lines((500, "PIX RECEBIDO - ANA PRADO"), (1500, "DEPOSITO"))
    paid = org.pay(ana, 1500, data_credito=dt.date(2026, 3, 1))
    assert [(s.confianca, s.militante_id) for s in offered(named)] == [("média", ana)]
    assert [(s.confianca, s.pagamento_id) for s in offered(alone)] == [("média", paid)]
    org.pay(ana, 1500, data_credito=dt.date(2026, 3, 2))
    org.militante("Ana Prado")
    assert {s.confianca for s in (*offered(named), *offered(alone))} == {"baixa"}


def test_accepting_pays_the_oldest_cotas_and_leaves_the_list(
    ana: int, conta: int, new_lines: NewLines, hoje: dt.date
) -> None:
    (linha,) = new_lines((1500, f"PIX {CPF} {PIX}"))
    (pagamento_id,) = take(linha, (ana, 1500), hoje=hoje)
    pagamento = db.session.get_one(Pagamento, pagamento_id)
    assert (pagamento.valor, pagamento.data_credito, pagamento.e2eid) == (1500, dt.date(2026, 3, 2), PIX)
    assert db.session.scalars(sa.select(Cota.pago).order_by(Cota.competencia)).all() == [1000, 500]
    assert not list_linhas(conta, todas=False).linhas
    lines_are_matched_or_open()


def test_a_payment_that_is_there_is_linked_once(org: Any, ana: int, new_lines: NewLines, agora: dt.datetime) -> None:
    first, second = new_lines((1000, "A"), (1000, "B"))
    paid = org.pay(ana, 1000)
    matching.match_pagamento(first, paid, autor_id=None, agora=agora)
    with pytest.raises(Conflict, match="outro lançamento"):
        matching.match_pagamento(second, paid, autor_id=None, agora=agora)
    assert all(s.pagamento_id != paid for s in offered(second))
    lines_are_matched_or_open()


def test_what_does_not_fit_is_refused_and_nothing_is_written(
    org: Any, ana: int, new_lines: NewLines, agora: dt.datetime, hoje: dt.date
) -> None:
    came, went = new_lines((1000, "A"), (-1000, "B"))
    before = audit.verify_chain(db.session).checked
    other, undone = org.pay(ana, 999), org.pay(ana, 1000)
    org.reverse(undone)
    refused: list[Callable[[], Any]] = [
        lambda: take(came, (ana, 999), hoje=hoje),
        lambda: take(came, (ana, 2000), (ana, -1000), hoje=hoje),
        lambda: take(came, hoje=hoje),
        lambda: take(went, (ana, -1000), hoje=hoje),
        lambda: matching.match_pagamento(came, other, autor_id=None, agora=agora),
        lambda: matching.match_pagamento(came, undone, autor_id=None, agora=agora),
        lambda: matching.mark(came, Destino.DESPESA, "x", autor_id=None, agora=agora),
        lambda: matching.mark(went, Destino.DESPESA, " ", autor_id=None, agora=agora),
        lambda: matching.mark(went, Destino.PAGAMENTO, "x", autor_id=None, agora=agora),
    ]
    for action in refused:
        with pytest.raises(Invalid):
            action()
    assert audit.verify_chain(db.session).checked == before + 3
    lines_are_matched_or_open()


def test_a_like_payment_is_asked_about(org: Any, ana: int, new_lines: NewLines, hoje: dt.date) -> None:
    (linha,) = new_lines((1000, "A"))
    org.pay(ana, 1000, data_credito=dt.date(2026, 3, 2))
    with pytest.raises(Alike):
        take(linha, (ana, 1000), hoje=hoje)
    take(linha, (ana, 1000), outro=True, hoje=hoje)
    lines_are_matched_or_open()


def test_one_line_is_several_persons_payments_and_all_are_undone(
    org: Any, ana: int, new_lines: NewLines, agora: dt.datetime, hoje: dt.date
) -> None:
    rui = org.militante("Rui")
    (linha,) = new_lines((3000, f"PIX {PIX}"))
    ids = take(linha, (rui, 1000), (ana, 2000), hoje=hoje)
    assert [p.centavos for p in get_partes(linha)] == [1000, 2000]
    lines_are_matched_or_open()
    org.reverse(ids[0])
    assert [p.estornado for p in get_partes(linha)] == [True, False]
    matching.undo(linha, autor_id=None, agora=agora, hoje=hoje)
    assert db.session.scalars(sa.select(sa.func.sum(Cota.pago))).one() == 0
    assert not get_partes(linha)
    lines_are_matched_or_open()
    # The PIX is free again, and so is the line.
    take(linha, (ana, 3000), hoje=hoje)
    assert audit.verify_chain(db.session).ok


def test_undoing_leaves_a_payment_that_was_there_before(
    org: Any, ana: int, new_lines: NewLines, agora: dt.datetime, hoje: dt.date
) -> None:
    (linha,) = new_lines((1000, "A"))
    paid = org.pay(ana, 1000)
    matching.match_pagamento(linha, paid, autor_id=None, agora=agora)
    matching.undo(linha, autor_id=None, agora=agora, hoje=hoje)
    assert not db.session.get_one(Pagamento, paid, populate_existing=True).estornado
    with pytest.raises(Conflict):
        matching.undo(linha, autor_id=None, agora=agora, hoje=hoje)


def test_of_two_treasurers_at_one_line_one_wins_and_the_other_is_told(
    app: Flask, org: Any, ana: int, new_lines: NewLines, agora: dt.datetime, hoje: dt.date
) -> None:
    rui = org.militante("Rui")
    for number in range(25):
        linha = new_lines((1000 + number, f"linha {number}"))[-1]
        paid = org.pay(ana, 1000 + number)
        done = at_once(app, *everything(linha, 1000 + number, paid, ana, rui, agora, hoje))
        assert sum(isinstance(one, Conflict) for one in done) == 3, done
        told = at_once(app, *[functools.partial(matching.undo, linha, autor_id=None, agora=agora, hoje=hoje)] * 2)
        assert sum(isinstance(one, Conflict) for one in told) == 1, told
        db.session.rollback()
        lines_are_matched_or_open()


def everything(
    linha: int, valor: int, paid: int, ana: int, rui: int, agora: dt.datetime, hoje: dt.date
) -> tuple[Callable[[], object], ...]:
    """Four ways to match one line, each of which would do."""
    return (
        lambda: take(linha, (ana, valor), outro=True, hoje=hoje),
        lambda: take(linha, (rui, valor), outro=True, hoje=hoje),
        lambda: matching.match_pagamento(linha, paid, autor_id=None, agora=agora),
        lambda: matching.mark(linha, Destino.OUTRO, "x", autor_id=None, agora=agora),
    )


def at_once(app: Flask, *actions: Callable[[], Any]) -> list[Any]:
    together = threading.Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        with app.app_context():
            together.wait()
            try:
                return action()
            except DomainError as refused:
                return refused

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_a_page_of_lines_costs_the_same_statements_however_many_there_are(
    org: Any, ana: int, conta: int, new_lines: NewLines, statements: Statements
) -> None:
    new_lines(*[(1000 + n, f"PIX {CPF} ANA PRADO {n}") for n in range(40)])
    for n in range(40):
        org.pay(ana, 1000 + n, data_credito=dt.date(2026, 3, 2))
    with statements() as seen:
        offers = suggest.uncached(list_linhas.uncached(conta, todas=False).linhas)
    assert len(offers) == 40
    assert len([one for one in seen if one.lstrip().upper().startswith("SELECT")]) <= 4


def test_payments_that_were_one_movement_are_matched_with_one_line_and_only_together(
    new_lines: NewLines, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    day = dt.date(2026, 3, 2)
    first = org.pay(ana, 2000, data_credito=day, grupo="g")
    second = org.pay(bia, 2500, data_credito=day, grupo="g")
    line, other, wrong = new_lines((4500, "PIX"), (4500, "PIX"), (4400, "PIX"))
    by: dict[str, Any] = {"autor_id": None, "agora": agora}
    (offer,) = offered(line)
    assert (offer.grupo, offer.confianca) == ("g", "média")
    for refused, number, name in ((Invalid, wrong, "g"), (Invalid, line, "unknown")):
        with pytest.raises(refused, match="somam"):
            matching.match_grupo(number, name, **by)
    assert matching.match_grupo(line, "g", **by) == 2
    assert {parte.pagamento_id for parte in get_partes(line)} == {first, second}
    with pytest.raises(Conflict, match="já foi conciliado"):
        matching.match_grupo(other, "g", **by)
    assert offered(other) == []
    matching.undo(line, hoje=hoje, **by)
    # What matching did not register stays; but with one of them reversed the rest is not the line.
    org.reverse(second)
    with pytest.raises(Invalid, match="somam"):
        matching.match_grupo(line, "g", **by)


def test_a_line_with_the_code_of_chosen_cotas_pays_these_and_not_the_oldest(
    new_lines: NewLines, org: Any, ana: int, hoje: dt.date
) -> None:
    code = txid_of(ana, [dt.date(2026, 2, 1)])
    first, second = new_lines((1000, f"PIX RECEBIDO {code}"), (1000, f"PIX RECEBIDO {code} DE NOVO"))
    (offer,) = offered(first)
    assert (offer.militante_id, offer.confianca) == (ana, "alta")
    assert "02/2026" in offer.motivo
    take(first, (ana, 1000), hoje=hoje)
    assert {cota.competencia.month: cota.pago for cota in db.session.scalars(sa.select(Cota))} == {1: 0, 2: 1000}
    # Paid twice: the cota is not open any more, so the oldest open one is paid.
    take(second, (ana, 1000), outro=True, hoje=hoje)
    db.session.expire_all()
    assert {cota.competencia.month: cota.pago for cota in db.session.scalars(sa.select(Cota))} == {1: 1000, 2: 1000}
