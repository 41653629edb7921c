"""A closed month takes no write that is dated in it, whichever service it comes through, but is put right later."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.banco import matching
from controles.banco.models import Destino, Formato, LinhaExtrato
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.cotas.models import Cota
from controles.cotas.waiving import reopen_cota, undo_waiver, waive_cota, waive_month
from controles.db import db
from controles.domain.domain_errors import DomainError
from controles.domain.escopo import Escopo
from controles.fechamento.closed_months import is_closed, last_closed
from controles.fechamento.services import close_month, reopen_month
from controles.militantes.standing import end_membership, start_leave, undo_end
from controles.pagamentos.credit import identify_pagamento
from controles.pagamentos.models import Pagamento

WHOLE = Escopo()
JANUARY, FEBRUARY, MARCH = (dt.date(2026, month, 1) for month in (1, 2, 3))


def statement(*days: dt.date) -> tuple[ExtratoLido]:
    lines = tuple(LinhaLida(day, 1000 + number, "DEPOSITO") for number, day in enumerate(days))
    return (ExtratoLido(Formato.CSV, None, None, lines),)


@pytest.fixture
def world(app: Flask, org: Any, agora: dt.datetime, hoje: dt.date) -> dict[str, Any]:
    """Everything that can be dated in February, which is closed then; March is open."""
    ana = org.militante("Ana")
    eva = org.militante("Eva")
    org.militante("Rui")
    org.cotas("2026-02", "2026-03")
    february, march = db.session.scalars(
        sa.select(Cota.id).where(Cota.militante_id == ana).order_by(Cota.competencia)
    ).all()
    of_eva = db.session.scalars(sa.select(Cota.id).where(Cota.militante_id == eva, Cota.competencia == FEBRUARY)).one()
    waived = waive_cota(WHOLE, of_eva, motivo="x", autor_id=None, agora=agora)
    made: dict[str, Any] = {
        "ana": ana,
        "eva": eva,
        "february": february,
        "march": march,
        "waived": of_eva,
        "dispensa": waived.dispensa_id,
        "paid": org.pay(ana, 500, data_credito=dt.date(2026, 2, 20)),
        "nobody": org.pay(None, 700, data_credito=dt.date(2026, 2, 21)),
        "conta": org.conta(),
    }
    when = {"autor_id": None, "agora": agora}
    import_statement(statement(dt.date(2026, 2, 10)), conta_id=made["conta"], arquivo="x", **when)  # type: ignore[arg-type]
    made["linha"] = db.session.scalars(sa.select(LinhaExtrato.id)).one()
    close_month(FEBRUARY, com_pendencias=True, autor_id=None, agora=agora, hoje=hoje)
    return made


def writes(world: dict[str, Any], org: Any) -> dict[str, Callable[[], object]]:
    """Everything that would write something dated in February, or before it."""
    agora, hoje = org.clock.now, org.clock.today
    when: dict[str, Any] = {"autor_id": None, "agora": agora}
    both: dict[str, Any] = {**when, "hoje": hoje}
    day = dt.date(2026, 2, 28)
    return {
        "a payment": lambda: org.pay(world["ana"], 100, data_credito=day),
        "a payment of a month before": lambda: org.pay(world["ana"], 100, data_credito=dt.date(2025, 7, 1)),
        "a payment of nobody": lambda: org.pay(None, 100, data_credito=day),
        "an estorno of a closed day": lambda: org.reverse(world["paid"], day),
        "whose a payment is": lambda: identify_pagamento(WHOLE, world["nobody"], world["ana"], cota_ids=(), **both),
        "new cotas": lambda: (org.militante("Nova"), org.cotas("2026-02")),
        "new cotas of a month before": lambda: org.cotas("2026-01"),
        "a waived cota": lambda: waive_cota(WHOLE, world["february"], motivo="x", **when),
        "a waived month": lambda: waive_month(WHOLE, FEBRUARY, motivo="x", cancel=False, **when),
        "a cancelled month": lambda: waive_month(WHOLE, FEBRUARY, motivo="x", cancel=True, **when),
        "a waiver taken back": lambda: reopen_cota(WHOLE, world["waived"], **when),
        "a decision taken back": lambda: undo_waiver(WHOLE, world["dispensa"], **when),
        "a line's person": lambda: matching.match_militantes(
            world["linha"], ((world["ana"], 1000),), outro=True, **both
        ),
        "a line's payment": lambda: matching.match_pagamento(world["linha"], world["paid"], **when),
        "a line's kind": lambda: matching.mark(world["linha"], Destino.OUTRO, "juros", **when),
        "new lines": lambda: import_statement(statement(day), conta_id=world["conta"], arquivo="x", **when),
        "an account of before": lambda: org.conta("Outra", inicio=day),
        "what an account began with": lambda: org.conta(conta_id=world["conta"], saldo_inicial=5, versao=1),
    }


WRITES = (
    *("a payment", "a payment of a month before", "a payment of nobody", "an estorno of a closed day"),
    *("whose a payment is", "new cotas", "new cotas of a month before", "a waived cota", "a waived month"),
    *("a cancelled month", "a waiver taken back", "a decision taken back", "a line's person", "a line's payment"),
    *("a line's kind", "new lines", "an account of before", "what an account began with"),
)


def dated_rows() -> list[str]:
    """All that is dated in a closed month, as it stands."""
    found = []
    for table, column in (
        (Pagamento, Pagamento.data_credito),
        (Cota, Cota.competencia),
        (LinhaExtrato, LinhaExtrato.data),
    ):
        rows = db.session.execute(sa.select(table.__table__).where(column < MARCH))
        found += sorted(map(repr, rows))
    return found


def test_no_service_writes_into_a_closed_month(world: dict[str, Any], org: Any) -> None:
    actions = writes(world, org)
    assert tuple(actions) == WRITES
    before = dated_rows()
    for name, action in actions.items():
        with pytest.raises(DomainError, match="fechado"):
            action()
        assert dated_rows() == before, name


def test_the_same_is_written_once_the_month_is_open_again(world: dict[str, Any], org: Any) -> None:
    reopen_month(FEBRUARY, motivo="faltava um extrato", autor_id=None, agora=org.clock.now)
    actions = writes(world, org)
    # Of one thing that can be done in two ways, the first.
    for name in [name for name in WRITES if name not in {"a waived month", "a line's payment", "a line's kind"}]:
        actions[name]()


def test_an_estorno_of_an_open_day_puts_a_closed_month_right(world: dict[str, Any], org: Any) -> None:
    estorno = org.reverse(world["paid"])
    row = db.session.get_one(Pagamento, estorno)
    assert row.data_credito == org.clock.today
    # The money goes to whom it is due, on the day on which that was found out.
    org.reverse(world["nobody"])
    org.pay(world["eva"], 700)


def test_a_late_payment_of_a_closed_months_cota_belongs_to_the_month_in_which_it_came(
    world: dict[str, Any], org: Any
) -> None:
    paid = org.pay(world["ana"], 1500, cota_ids=(world["february"],))
    assert db.session.get_one(Pagamento, paid).data_credito == org.clock.today
    assert db.session.get_one(Cota, world["february"], populate_existing=True).pago == 2000


def test_whoever_left_in_a_closed_month_keeps_its_cota_and_owes_no_later_one(world: dict[str, Any], org: Any) -> None:
    def waived() -> list[bool]:
        rows = db.session.scalars(
            sa.select(Cota.dispensada_em).where(Cota.militante_id == world["ana"]).order_by(Cota.competencia)
        )
        return [day is not None for day in rows]

    end_membership(WHOLE, org.change(world["ana"], dt.date(2026, 2, 3)))
    assert waived() == [False, True]
    undo_end(WHOLE, org.change(world["ana"]))
    assert waived() == [False, False]
    start_leave(WHOLE, org.change(world["ana"], dt.date(2026, 2, 3)), prevista_ate=None)
    assert waived() == [False, True]


def test_lines_that_are_known_may_come_again_with_later_ones(world: dict[str, Any], agora: dt.datetime) -> None:
    again = statement(dt.date(2026, 2, 10), dt.date(2026, 3, 2))
    (done,) = import_statement(again, conta_id=world["conta"], arquivo="x", autor_id=None, agora=agora)
    assert (done.novas, done.repetidas) == (1, 1)


def test_closing_a_month_closes_all_before_it() -> None:
    assert is_closed(FEBRUARY, dt.date(2026, 2, 28))
    assert is_closed(FEBRUARY, JANUARY)
    assert not is_closed(FEBRUARY, MARCH)
    assert not is_closed(None, JANUARY)


def test_a_refusal_is_audited_by_nothing(world: dict[str, Any], org: Any) -> None:
    count = sa.select(sa.func.count()).select_from(Auditoria)
    before = db.session.scalars(count).one()
    with pytest.raises(DomainError):
        org.pay(world["ana"], 100, data_credito=dt.date(2026, 2, 28))
    assert db.session.scalars(count).one() == before
    assert last_closed(db.session) == FEBRUARY
