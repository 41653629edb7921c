"""Counts failed logins, and makes whoever fails too often wait: each time twice as long.

An attempt is counted before it is checked, and taken back if it was right. So a hundred attempts at the same moment get
no more guesses than five in sequence. Addresses that belong to nobody are counted in the same way.

Attempts are counted for an account as tried from one place, so that strangers elsewhere cannot lock anybody out:

- A device that has completed a login of the account before has a counter of its own, and no other counter affects it.
- Other devices share the counters of their network address, of the network around it, and of the account. The last one
  limits what many networks together can guess; its limit is so high that a person never reaches it.
- Codes can be tried only by somebody who knows the password, so strangers cannot use up the few attempts at them.
"""

import datetime as dt
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Insert, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from controles.contas.models import TentativaEntrada

MAX_FAILURES = 5
MAX_FAILURES_OF_NETWORK = 15
MAX_FAILURES_OF_ACCOUNT = 45
LOCK = dt.timedelta(minutes=15)
# The fifth lock in a row and all later ones last four hours.
MOST_DOUBLINGS = 4
# Older failures are forgotten: nobody can guess a password with four attempts a day.
MEMORY = dt.timedelta(days=1)
SWEPT_AT_ONCE = 100
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an attempt comes from: a network address, and the account's device if it is one."""

    address: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """One row of the table, and how many failures lock it."""

    identificador: bytes
    limit: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whether an attempt may proceed. `locked_until`: when the next one may, if this one is refused or fails."""

    allowed: bool
    locked_until: dt.datetime | None


def counters_of(email: str, origin: Origin, *, code: bool, key: bytes) -> tuple[Counter, ...]:
    """The counters of an attempt, always in the same order. `code`: whether the password was already right."""
    if origin.device is not None:
        return (_counter(email, MAX_FAILURES, key, "device", origin.device),)
    of_code, of_account = counters_everywhere(email, key=key)
    return (
        _counter(email, MAX_FAILURES, key, "address", network_of(origin.address, 32, 64)),
        _counter(email, MAX_FAILURES_OF_NETWORK, key, "network", network_of(origin.address, 24, 48)),
        of_code if code else of_account,
    )


def counters_everywhere(email: str, *, key: bytes) -> tuple[Counter, Counter]:
    """The counters of attempts from anywhere: for codes, and for passwords."""
    return _counter(email, MAX_FAILURES, key, "code"), _counter(email, MAX_FAILURES_OF_ACCOUNT, key, "account")


def _counter(email: str, limit: int, key: bytes, *what: str) -> Counter:
    text = "\n".join((*what, email.strip().lower()))
    return Counter(hmac.digest(key, text.encode(errors="surrogatepass"), hashlib.sha256), limit)


def network_of(address: str, bits: int, bits_of_v6: int) -> str:
    """The network of this many bits around an address; an IPv6 host can choose 64 bits of its own address."""
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    length = bits if host.version == 4 else bits_of_v6
    return str(ipaddress.ip_network((host, length), strict=False))


def count_attempt(session: Session, counters: Sequence[Counter], *, agora: dt.datetime) -> Attempt:
    """Count an attempt that is about to be made. The caller must commit before checking the password."""
    until: list[dt.datetime] = []
    for position, counter in enumerate(counters):
        attempt = _count(session, counter, agora=agora)
        if not attempt.allowed:
            # An attempt that is not checked reveals nothing, so it must not fill the other counters.
            give_back(session, counters[:position])
            return attempt
        if attempt.locked_until is not None:
            until.append(attempt.locked_until)
    return Attempt(allowed=True, locked_until=max(until, default=None))


def give_back(session: Session, counters: Sequence[Counter]) -> None:
    """The last counted attempt was right, but the login is not complete: take it back and keep the other failures."""
    t = TentativaEntrada
    for counter in counters:
        # Also undo a lock that was caused by this attempt alone.
        undone = case((t.falhas >= counter.limit, 1), else_=0)
        session.execute(
            update(t)
            .where(t.identificador == counter.identificador, t.falhas > 0)
            .values(falhas=t.falhas - 1, bloqueado_ate=None, bloqueios=t.bloqueios - undone),
            execution_options={"synchronize_session": False},
        )


def forget(session: Session, counters: Sequence[Counter], *, agora: dt.datetime) -> None:
    """The login is complete: remove the failures in this place, and very old ones elsewhere."""
    t = TentativaEntrada
    unsynchronised = {"synchronize_session": False}
    # In the order in which they are counted: in another order two logins could wait for each other.
    for counter in counters:
        if counter.limit <= MAX_FAILURES:
            mine = t.identificador == counter.identificador
            session.execute(delete(t).where(mine), execution_options=unsynchronised)
        else:
            # Repeated logins must not give an account many times the guesses that it allows.
            give_back(session, (counter,))
    # Rows that another login is deleting or counting at this moment are left to it.
    old = select(t.id).where(t.ultima_em < agora - MEMORY).limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
    session.execute(delete(t).where(t.id.in_(old)), execution_options=unsynchronised)


def release(session: Session, email: str, *, key: bytes) -> None:
    """Forget the failures from everywhere together. Those of single addresses and devices still count."""
    numbers = [counter.identificador for counter in counters_everywhere(email, key=key)]
    session.execute(
        delete(TentativaEntrada).where(TentativaEntrada.identificador.in_(numbers)),
        execution_options={"synchronize_session": False},
    )


def minutes_left(until: dt.datetime, *, agora: dt.datetime) -> int:
    """For how many whole minutes, at least one, a lock still lasts."""
    return max(1, -(-int((until - agora).total_seconds()) // 60))


def _count(session: Session, counter: Counter, *, agora: dt.datetime) -> Attempt:
    t = TentativaEntrada
    until: dt.datetime | None = None
    # Repeat if a login that was just completed has removed the row.
    for _ in range(_TRIES):
        session.execute(_insert(session, counter.identificador, agora))
        counted = session.execute(_one_more(counter, agora), execution_options={"synchronize_session": False})
        if (row := counted.one_or_none()) is not None:
            return Attempt(allowed=True, locked_until=row.bloqueado_ate)
        until = session.scalar(select(t.bloqueado_ate).where(t.identificador == counter.identificador))
        if until is not None:
            break
    return Attempt(allowed=False, locked_until=until)


def _one_more(counter: Counter, agora: dt.datetime) -> ReturningUpdate[tuple[dt.datetime | None]]:
    t = TentativaEntrada
    forgotten = t.ultima_em < agora - MEMORY
    failures = case((or_(t.bloqueado_ate.is_not(None), forgotten), 1), else_=t.falhas + 1)
    locks = case((forgotten, 0), else_=t.bloqueios)
    full = failures >= counter.limit
    return (
        update(t)
        .where(t.identificador == counter.identificador, or_(t.bloqueado_ate.is_(None), t.bloqueado_ate <= agora))
        .values(
            falhas=failures,
            ultima_em=agora,
            bloqueios=case((full, locks + 1), else_=locks),
            bloqueado_ate=case((full, _end_of_lock(locks, agora)), else_=None),
        )
        .returning(t.bloqueado_ate)
    )


def _end_of_lock(locks: ColumnElement[int], agora: dt.datetime) -> ColumnElement[dt.datetime]:
    return case(
        *((locks >= doublings, agora + LOCK * 2**doublings) for doublings in range(MOST_DOUBLINGS, 0, -1)),
        else_=agora + LOCK,
    )


def _insert(session: Session, identificador: bytes, agora: dt.datetime) -> Insert:
    values = {"identificador": identificador, "falhas": 0, "bloqueios": 0, "ultima_em": agora}
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(TentativaEntrada).values(**values).on_conflict_do_nothing()
    return sqlite.insert(TentativaEntrada).values(**values).on_conflict_do_nothing()
