"""Closing and opening again: in order, with what is left to do in sight, by one person at a time."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.fechamento.closed_months import is_closed, last_closed
from controles.fechamento.models import Fechamento
from controles.fechamento.services import close_month, reopen_month
from controles.pagamentos.models import Pagamento

JANUARY, FEBRUARY, MARCH = (dt.date(2026, month, 1) for month in (1, 2, 3))
Close = Callable[..., None]


@pytest.fixture
def close(app: Flask, agora: dt.datetime, hoje: dt.date) -> Close:
    def do(competencia: dt.date, *, com_pendencias: bool = False) -> None:
        close_month(competencia, com_pendencias=com_pendencias, autor_id=None, agora=agora, hoje=hoje)

    return do


@pytest.fixture
def reopen(agora: dt.datetime) -> Close:
    def do(competencia: dt.date, motivo: str = "faltava um extrato") -> None:
        reopen_month(competencia, motivo=motivo, autor_id=None, agora=agora)

    return do


def test_a_month_that_runs_still_is_not_closed(close: Close) -> None:
    with pytest.raises(Invalid, match="a partir do dia 1 do mês seguinte"):
        close(MARCH)
    close(FEBRUARY)
    assert last_closed(db.session) == FEBRUARY


def test_what_is_left_to_do_has_to_be_seen(close: Close, org: Any) -> None:
    org.pay(None, 500, data_credito=dt.date(2026, 2, 2))
    with pytest.raises(Invalid, match="assim mesmo"):
        close(FEBRUARY)
    close(JANUARY)
    close(FEBRUARY, com_pendencias=True)
    row = db.session.scalars(sa.select(Auditoria).where(Auditoria.acao == "mes.fechar").order_by(Auditoria.id.desc()))
    assert row.first().depois == {"competencia": "2026-02-01", "linhas_abertas": 0, "sem_identificacao": 1}  # type: ignore[union-attr]


def test_a_closed_month_and_one_before_it_are_not_closed_again(close: Close) -> None:
    close(FEBRUARY)
    for month in (FEBRUARY, JANUARY):
        with pytest.raises(Conflict, match="já está fechado"):
            close(month)


def test_months_are_opened_again_from_the_last_one_back(close: Close, reopen: Close) -> None:
    close(JANUARY)
    close(FEBRUARY)
    with pytest.raises(Conflict, match="Reabra primeiro 02/2026"):
        reopen(JANUARY)
    reopen(FEBRUARY)
    assert last_closed(db.session) == JANUARY
    with pytest.raises(Conflict, match="está aberto"):
        reopen(FEBRUARY)
    close(FEBRUARY)
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Fechamento)).one() == 3
    assert audit.verify_chain(db.session).ok


def test_opening_again_wants_a_reason(close: Close, reopen: Close) -> None:
    close(FEBRUARY)
    with pytest.raises(Invalid, match="por que"):
        reopen(FEBRUARY, " ")
    reopen(FEBRUARY, "extrato do  BB")
    row = db.session.scalars(sa.select(Auditoria).where(Auditoria.acao == "mes.reabrir")).one()
    assert row.depois == {"competencia": "2026-02-01", "motivo": "extrato do BB"}


def at_once(app: Flask, *actions: Callable[[], object]) -> list[object]:
    together = Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        with app.app_context():
            together.wait()
            try:
                return action()
            except DomainError as refused:
                return refused

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def test_of_several_who_close_at_once_one_does(app: Flask, close: Close) -> None:
    results = at_once(app, *[lambda: close(FEBRUARY) for _ in range(5)])
    assert [isinstance(result, Conflict) for result in results].count(True) == 4, results
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Fechamento)).one() == 1


def test_no_payment_slips_into_a_month_that_is_being_closed(app: Flask, close: Close, org: Any) -> None:
    """Whoever registers at the moment of closing is in before it or is refused; nobody waits for ever."""
    people = [org.militante(f"A{number}", matricula=f"A{number}") for number in range(4)]
    org.cotas("2026-01", "2026-02")

    def pay(who: int) -> Callable[[], object]:
        return lambda: org.pay(who, 2000, data_credito=dt.date(2026, 2, 27))

    count = sa.select(sa.func.count()).select_from(Pagamento)
    for month in (JANUARY, FEBRUARY):
        before = db.session.scalars(count).one()
        db.session.rollback()
        results = at_once(app, *map(pay, people), partial(close, month))
        written = sum(isinstance(result, int) for result in results)
        assert db.session.scalars(count).one() == before + written
        assert all(isinstance(result, int | Invalid | None) for result in results), results
    closings = sa.select(sa.func.max(Auditoria.id)).where(Auditoria.acao == "mes.fechar")
    closing = db.session.scalars(closings).one()
    late = sa.select(sa.func.count()).where(Auditoria.acao == "pagamento.registrar", Auditoria.id > closing)
    assert db.session.scalars(late).one() == 0
    assert is_closed(last_closed(db.session), FEBRUARY)
