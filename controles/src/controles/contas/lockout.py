"""Counts failures to log in, and locks an address after too many.

An attempt is counted before it is looked at and given back if it was right. So a hundred attempts at the same moment
get no more guesses than five one after the other. Addresses that belong to nobody are counted alike.
"""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass

from sqlalchemy import Insert, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from controles.contas.models import TentativaEntrada

MAX_FAILURES = 5
LOCK = dt.timedelta(minutes=15)
# Failures this old are forgotten: nobody guesses a password at four attempts a day.
MEMORY = dt.timedelta(days=1)
SWEPT_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whether an attempt may go on. `locked_until`: from when on the next one may, if this one is refused or fails."""

    allowed: bool
    locked_until: dt.datetime | None


def identifier(email: str, key: bytes) -> bytes:
    """What stands for an address in the table."""
    return hmac.digest(key, email.strip().lower().encode(), hashlib.sha256)


def count_attempt(session: Session, identificador: bytes, *, agora: dt.datetime) -> Attempt:
    """Count an attempt that is about to be made. Commits nothing; commit before looking at the password."""
    session.execute(_insert(session, identificador, agora))
    t = TentativaEntrada
    failures = case((or_(t.bloqueado_ate.is_not(None), t.ultima_em < agora - MEMORY), 1), else_=t.falhas + 1)
    counted = session.execute(
        update(t)
        .where(t.identificador == identificador, or_(t.bloqueado_ate.is_(None), t.bloqueado_ate <= agora))
        .values(
            falhas=failures,
            ultima_em=agora,
            bloqueado_ate=case((failures >= MAX_FAILURES, agora + LOCK), else_=None),
        )
        .returning(t.bloqueado_ate),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if counted is not None:
        return Attempt(allowed=True, locked_until=counted.bloqueado_ate)
    until = session.scalar(select(t.bloqueado_ate).where(t.identificador == identificador))
    return Attempt(allowed=False, locked_until=until)


def give_back(session: Session, identificador: bytes) -> None:
    """The attempt that was counted last was right, but the login is not complete: the other failures stay."""
    t = TentativaEntrada
    session.execute(
        update(t).where(t.identificador == identificador, t.falhas > 0).values(falhas=t.falhas - 1, bloqueado_ate=None),
        execution_options={"synchronize_session": False},
    )


def forget(session: Session, identificador: bytes, *, agora: dt.datetime) -> None:
    """The login is complete: no failures. What other addresses left long ago goes too."""
    t = TentativaEntrada
    # What another login is deleting or counting at this moment is left to it: both would wait for each other.
    old = select(t.id).where(t.ultima_em < agora - MEMORY).limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
    session.execute(
        delete(t).where(or_(t.identificador == identificador, t.id.in_(old))),
        execution_options={"synchronize_session": False},
    )


def minutes_left(until: dt.datetime, *, agora: dt.datetime) -> int:
    """Whole minutes, at least one, that a lock still lasts."""
    return max(1, -(-int((until - agora).total_seconds()) // 60))


def _insert(session: Session, identificador: bytes, agora: dt.datetime) -> Insert:
    values = {"identificador": identificador, "falhas": 0, "ultima_em": agora}
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(TentativaEntrada).values(**values).on_conflict_do_nothing()
    return sqlite.insert(TentativaEntrada).values(**values).on_conflict_do_nothing()
