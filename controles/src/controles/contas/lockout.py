"""Counts failures to log in, and makes whoever fails too often wait: each time twice as long.

An attempt is counted before it is looked at and given back if it was right. So a hundred attempts at the same moment
get no more guesses than five one after the other. Addresses that belong to nobody are counted alike.

What is counted is an account as tried from one place, so that nobody is locked out by what strangers type elsewhere:

- A device that has completed a login of the account before has a count of its own, and no other count touches it.
- Other devices share the count of their network address, that of the network around it, and the account's own. The last
  one bounds what many networks together may guess; it takes so many failures that a person never meets it.
- Codes are tried only by whoever knows the password, so strangers cannot use up the account's few attempts at them.
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
# The fifth lock in a row lasts four hours, and so does every one after it.
MOST_DOUBLINGS = 4
# Failures this old are forgotten: nobody guesses a password at four attempts a day.
MEMORY = dt.timedelta(days=1)
SWEPT_AT_ONCE = 100
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an attempt comes from: an address on the network, and the account's device if it is one."""

    address: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """One row of the table, and how many failures it takes to lock it."""

    identificador: bytes
    limit: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whether an attempt may go on. `locked_until`: from when on the next one may, if this one is refused or fails."""

    allowed: bool
    locked_until: dt.datetime | None


def counters_of(email: str, origin: Origin, *, code: bool, key: bytes) -> tuple[Counter, ...]:
    """What an attempt counts on, always in the same order. `code`: the password was right already."""
    if origin.device is not None:
        return (_counter(email, MAX_FAILURES, key, "device", origin.device),)
    of_code, of_account = counters_everywhere(email, key=key)
    return (
        _counter(email, MAX_FAILURES, key, "address", network_of(origin.address, 32, 64)),
        _counter(email, MAX_FAILURES_OF_NETWORK, key, "network", network_of(origin.address, 24, 48)),
        of_code if code else of_account,
    )


def counters_everywhere(email: str, *, key: bytes) -> tuple[Counter, Counter]:
    """What attempts from anywhere count on: codes, and passwords."""
    return _counter(email, MAX_FAILURES, key, "code"), _counter(email, MAX_FAILURES_OF_ACCOUNT, key, "account")


def _counter(email: str, limit: int, key: bytes, *what: str) -> Counter:
    text = "\n".join((*what, email.strip().lower()))
    return Counter(hmac.digest(key, text.encode(errors="surrogatepass"), hashlib.sha256), limit)


def network_of(address: str, bits: int, bits_of_v6: int) -> str:
    """The network of so many bits around an address; an IPv6 host has 64 bits to choose its own address from."""
    try:
        host = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    length = bits if host.version == 4 else bits_of_v6
    return str(ipaddress.ip_network((host, length), strict=False))


def count_attempt(session: Session, counters: Sequence[Counter], *, agora: dt.datetime) -> Attempt:
    """Count an attempt that is about to be made. Commits nothing; commit before looking at the password."""
    until: list[dt.datetime] = []
    for position, counter in enumerate(counters):
        attempt = _count(session, counter, agora=agora)
        if not attempt.allowed:
            # What is not looked at says nothing, so the others must not fill up with it.
            give_back(session, counters[:position])
            return attempt
        if attempt.locked_until is not None:
            until.append(attempt.locked_until)
    return Attempt(allowed=True, locked_until=max(until, default=None))


def give_back(session: Session, counters: Sequence[Counter]) -> None:
    """The attempt that was counted last was right, but the login is not complete: the other failures stay."""
    t = TentativaEntrada
    for counter in counters:
        # A lock that this attempt alone brought about is undone with it.
        undone = case((t.falhas >= counter.limit, 1), else_=0)
        session.execute(
            update(t)
            .where(t.identificador == counter.identificador, t.falhas > 0)
            .values(falhas=t.falhas - 1, bloqueado_ate=None, bloqueios=t.bloqueios - undone),
            execution_options={"synchronize_session": False},
        )


def forget(session: Session, counters: Sequence[Counter], *, agora: dt.datetime) -> None:
    """The login is complete: no failures in this place. What was left elsewhere long ago goes too."""
    t = TentativaEntrada
    unsynchronised = {"synchronize_session": False}
    # In the order in which they are counted: two logins in another order would wait for each other.
    for counter in counters:
        if counter.limit <= MAX_FAILURES:
            mine = t.identificador == counter.identificador
            session.execute(delete(t).where(mine), execution_options=unsynchronised)
        else:
            # Of one login after another an account must not get many times the guesses that it is meant to allow.
            give_back(session, (counter,))
    # What another login is deleting or counting at this moment is left to it.
    old = select(t.id).where(t.ultima_em < agora - MEMORY).limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
    session.execute(delete(t).where(t.id.in_(old)), execution_options=unsynchronised)


def release(session: Session, email: str, *, key: bytes) -> None:
    """Forget what attempts from everywhere together came to. What single addresses and devices did is still counted."""
    numbers = [counter.identificador for counter in counters_everywhere(email, key=key)]
    session.execute(
        delete(TentativaEntrada).where(TentativaEntrada.identificador.in_(numbers)),
        execution_options={"synchronize_session": False},
    )


def minutes_left(until: dt.datetime, *, agora: dt.datetime) -> int:
    """Whole minutes, at least one, that a lock still lasts."""
    return max(1, -(-int((until - agora).total_seconds()) // 60))


def _count(session: Session, counter: Counter, *, agora: dt.datetime) -> Attempt:
    t = TentativaEntrada
    until: dt.datetime | None = None
    # Again if a login that was completed at this moment took the row away in between.
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
