"""Counting failures: when an address is locked, and when it is forgotten."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select

from controles.contas import lockout
from controles.contas.models import TentativaEntrada
from controles.db import db

START = dt.datetime(2026, 3, 17, 15, 0, tzinfo=dt.UTC)
KEY = b"k" * 32
HERE = lockout.Origin("203.0.113.7")
Counters = tuple[lockout.Counter, ...]


def counters(email: str = "ana@exemplo.org", origin: lockout.Origin = HERE, *, code: bool = False) -> Counters:
    return lockout.counters_of(email, origin, code=code, key=KEY)


WHO, OTHER = counters(), counters("bia@exemplo.org")


@pytest.fixture(autouse=True)
def context(any_app: Flask) -> Iterator[None]:
    with any_app.app_context():
        yield


def count(agora: dt.datetime = START, who: Counters = WHO) -> lockout.Attempt:
    attempt = lockout.count_attempt(db.session, who, agora=agora)
    db.session.commit()
    return attempt


def commit(act: Callable[[], None]) -> None:
    act()
    db.session.commit()


def test_the_fifth_attempt_is_the_last_and_locks() -> None:
    attempts = [count() for _ in range(5)]
    assert [attempt.allowed for attempt in attempts] == [True] * 5
    assert [attempt.locked_until for attempt in attempts] == [None] * 4 + [START + lockout.LOCK]
    refused = count(START + dt.timedelta(minutes=14))
    assert refused == lockout.Attempt(allowed=False, locked_until=START + lockout.LOCK)


def test_after_the_lock_there_are_five_attempts_again() -> None:
    for _ in range(5):
        count()
    later = START + lockout.LOCK
    assert [count(later).locked_until for _ in range(5)] == [None] * 4 + [later + 2 * lockout.LOCK]


def test_each_lock_is_twice_as_long_as_the_one_before_up_to_four_hours() -> None:
    agora, minutes = START, []
    for _ in range(7):
        until = [count(agora).locked_until for _ in range(5)][-1]
        assert until is not None
        minutes.append((until - agora) // dt.timedelta(minutes=1))
        agora = until
    assert minutes == [15, 30, 60, 120, 240, 240, 240]
    assert [count(agora + 2 * lockout.MEMORY).locked_until for _ in range(5)][-1] == (
        agora + 2 * lockout.MEMORY + lockout.LOCK
    )


def test_failures_elsewhere_lock_nobody_here() -> None:
    stranger = counters(origin=lockout.Origin("198.51.100.9"))
    assert [count(who=stranger).allowed for _ in range(8)] == [True] * 5 + [False] * 3
    assert count() == lockout.Attempt(allowed=True, locked_until=None)


def test_a_network_has_fifteen_guesses_whatever_its_addresses() -> None:
    allowed = [
        count(who=counters(origin=lockout.Origin(f"198.51.100.{host}"))).allowed for host in range(6) for _ in range(5)
    ]
    assert allowed.count(True) == 15
    of_v6 = [
        count(who=counters(origin=lockout.Origin(f"2001:db8:1:{host}::1"))).allowed
        for host in range(6)
        for _ in range(5)
    ]
    assert of_v6.count(True) == 15


def test_many_networks_together_have_forty_five_guesses_and_a_known_device_goes_on() -> None:
    many = [lockout.Origin(f"198.51.{network}.9") for network in range(20)]
    assert [count(who=counters(origin=origin)).allowed for origin in many for _ in range(5)].count(True) == 45
    assert not count().allowed
    assert count(who=counters(origin=lockout.Origin("203.0.113.7", "this device"))).allowed


def test_a_known_device_has_five_guesses_of_its_own() -> None:
    device = counters(origin=lockout.Origin("203.0.113.7", "this device"))
    assert [count(who=device).allowed for _ in range(7)] == [True] * 5 + [False] * 2
    assert count().allowed


def test_an_account_has_five_guesses_of_its_code_from_everywhere_together() -> None:
    many = [lockout.Origin(f"198.51.{network}.9") for network in range(8)]
    assert [count(who=counters(origin=origin, code=True)).allowed for origin in many].count(True) == 5
    assert count().allowed


def test_what_is_refused_fills_no_other_count() -> None:
    for _ in range(200):
        count()
    assert [count(who=counters(origin=lockout.Origin("198.51.100.9"))).allowed for _ in range(5)] == [True] * 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::1", True),
        ("", "unix:", False),
    ],
)
def test_a_host_is_one_address_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert (lockout.network_of(one, 32, 64) == lockout.network_of(other, 32, 64)) is same


def test_another_address_is_not_locked() -> None:
    for _ in range(5):
        count()
    assert count(who=OTHER).allowed


def test_an_attempt_that_is_given_back_does_not_count() -> None:
    for _ in range(5):
        count()
    commit(lambda: lockout.give_back(db.session, WHO))
    assert count().locked_until == START + lockout.LOCK


def test_failures_of_yesterday_do_not_count() -> None:
    for _ in range(4):
        count()
    assert count(START + dt.timedelta(days=1, minutes=1)).locked_until is None


def test_a_complete_login_sweeps_what_others_left_long_ago() -> None:
    count(who=OTHER)
    count(START + dt.timedelta(days=2), who=(WHO[0],))
    commit(lambda: lockout.forget(db.session, WHO, agora=START + dt.timedelta(days=2)))
    assert db.session.scalar(select(func.count()).select_from(TentativaEntrada)) == 0


def test_the_table_tells_no_addresses() -> None:
    kept = b"".join(counter.identificador for counter in WHO)
    assert b"ana" not in kept
    assert b"203" not in kept
    assert counters(" ANA@exemplo.org ") == WHO
    assert lockout.counters_of("ana@exemplo.org", HERE, code=False, key=b"x" * 32) != WHO


@pytest.mark.parametrize(("seconds", "minutes"), [(900, 15), (899, 15), (61, 2), (60, 1), (1, 1), (0, 1)])
def test_time_left_is_rounded_up_to_minutes(seconds: int, minutes: int) -> None:
    assert lockout.minutes_left(START + dt.timedelta(seconds=seconds), agora=START) == minutes
