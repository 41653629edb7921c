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
WHO, OTHER = lockout.identifier("ana@exemplo.org", b"k" * 32), lockout.identifier("bia@exemplo.org", b"k" * 32)


@pytest.fixture(autouse=True)
def context(any_app: Flask) -> Iterator[None]:
    with any_app.app_context():
        yield


def count(agora: dt.datetime = START, who: bytes = WHO) -> lockout.Attempt:
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
    assert [count(later).locked_until for _ in range(5)] == [None] * 4 + [later + lockout.LOCK]


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
    count(START + dt.timedelta(days=2))
    commit(lambda: lockout.forget(db.session, WHO, agora=START + dt.timedelta(days=2)))
    assert db.session.scalar(select(func.count()).select_from(TentativaEntrada)) == 0


def test_the_table_does_not_tell_addresses() -> None:
    assert b"ana" not in WHO
    assert lockout.identifier(" ANA@exemplo.org ", b"k" * 32) == WHO
    assert lockout.identifier("ana@exemplo.org", b"x" * 32) != WHO


@pytest.mark.parametrize(("seconds", "minutes"), [(900, 15), (899, 15), (61, 2), (60, 1), (1, 1), (0, 1)])
def test_time_left_is_rounded_up_to_minutes(seconds: int, minutes: int) -> None:
    assert lockout.minutes_left(START + dt.timedelta(seconds=seconds), agora=START) == minutes
