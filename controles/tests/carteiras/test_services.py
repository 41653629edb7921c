"""One card for an active person, and one alone, however many issue at once."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.carteiras.models import Carteira
from controles.carteiras.queries import carteira_of
from controles.carteiras.records import Emitidas
from controles.carteiras.services import MOST_AT_ONCE, issue_carteiras, revoke_carteira
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo

WHOLE = Escopo()


def issue(org: Any, *ids: int, escopo: Escopo = WHOLE) -> Emitidas:
    return issue_carteiras(escopo, ids, autor_id=None, agora=org.clock.now, hoje=org.clock.today)


def test_a_card_is_valid_until_march_of_next_year_and_is_kept_till_then(app: Flask, org: Any) -> None:
    maria = org.militante()
    first = issue(org, maria)
    assert (len(first.novas), first.ids) == (1, first.novas)
    assert issue(org, maria) == Emitidas(first.ids, (), 0)
    card = carteira_of(WHOLE, maria)
    assert card is not None
    assert card.valida_ate == dt.date(2027, 3, 31)
    org.clock.now = dt.datetime(2027, 4, 1, 15, 0, tzinfo=dt.UTC)
    second = issue(org, maria)
    assert second.novas == second.ids != first.ids


def test_who_is_not_active_gets_none(app: Flask, org: Any) -> None:
    active, gone, away = (org.militante(name) for name in ("Ativa", "Saiu", "Licença"))
    org.end(gone, org.clock.today)
    org.on_leave(away, org.clock.today)
    issued = issue(org, gone, active, away)
    assert (len(issued.ids), issued.sem_direito) == (1, 2)


def test_many_who_issue_at_once_make_one_card(app: Flask, org: Any) -> None:
    maria = org.militante()
    db.session.rollback()
    together = Barrier(6)

    def run(_: int) -> tuple[int, ...]:
        with app.app_context():
            together.wait()
            return issue(org, maria).ids

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(run, range(6)))) == 1
    db.session.rollback()
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Carteira)).one() == 1


def test_a_lost_card_is_revoked_with_a_reason_and_another_may_follow(app: Flask, org: Any) -> None:
    maria = org.militante()
    (lost,) = issue(org, maria).ids
    with pytest.raises(Invalid, match="Escreva por que"):
        revoke_carteira(WHOLE, lost, motivo=" ", autor_id=None, agora=org.clock.now)
    revoke_carteira(WHOLE, lost, motivo="perdida", autor_id=None, agora=org.clock.now)
    assert carteira_of(WHOLE, maria) is None
    with pytest.raises(Conflict):
        revoke_carteira(WHOLE, lost, motivo="perdida", autor_id=None, agora=org.clock.now)
    assert issue(org, maria).ids != (lost,)


def test_a_nucleo_issues_and_revokes_for_its_own_alone(app: Flask, org: Any) -> None:
    near, far = org.nucleo("Perto"), org.nucleo("Longe")
    other = org.militante("Bia", nucleo_id=far)
    (card,) = issue(org, other).ids
    for attempt in (
        lambda: issue(org, other, escopo=Escopo(near)),
        lambda: revoke_carteira(Escopo(near), card, motivo="x", autor_id=None, agora=org.clock.now),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert carteira_of(Escopo(near), other) is None


def test_more_than_fit_are_refused(sqlite_app: Flask, org: Any) -> None:
    with pytest.raises(Invalid, match="escolha um núcleo"):
        issue(org, *range(1, MOST_AT_ONCE + 2))
