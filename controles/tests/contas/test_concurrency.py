"""What must hold when several requests come at the same moment, on each database."""

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.contas import lockout, login, recovery
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.db import db

HERE = lockout.Origin("203.0.113.7")
NewPerson = Callable[..., Any]


def at_once(app: Flask, count: int, act: Callable[[], object]) -> list[object]:
    """What `act` gives in `count` threads that start together, each in a context of its own."""
    start, results = threading.Barrier(count), []

    def run() -> None:
        with app.app_context():
            start.wait()
            results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


def names(outcomes: list[object]) -> list[str]:
    return sorted(type(outcome).__name__ for outcome in outcomes)


def test_one_code_lets_one_of_several_requests_in(any_app: Flask, new_person: NewPerson, clock: Any) -> None:
    person = new_person(where=any_app)
    code, length = person.code(), any_app.extensions["settings"].session_length

    def attempt() -> object:
        usuario = db.session.get_one(Usuario, person.id)
        return login.check_code(usuario, code, length=length, origin=HERE, agora=clock.now)

    assert names(at_once(any_app, 4, attempt)) == ["Complete", "Refused", "Refused", "Refused"]


def test_one_recovery_code_lets_one_of_several_requests_in(any_app: Flask, new_person: NewPerson, clock: Any) -> None:
    person = new_person(where=any_app)
    length = any_app.extensions["settings"].session_length
    with any_app.app_context():
        codes = recovery.renew_codes(db.session, usuario_id=person.id, key=account_keys().recovery[0])
        db.session.commit()

    def attempt() -> object:
        usuario = db.session.get_one(Usuario, person.id)
        return login.check_recovery_code(usuario, codes[0], length=length, origin=HERE, agora=clock.now)

    assert names(at_once(any_app, 4, attempt)) == ["Complete", "Refused", "Refused", "Refused"]


def test_guesses_at_once_are_no_more_than_guesses_in_turn(any_app: Flask, new_person: NewPerson, clock: Any) -> None:
    counters = lockout.counters_of("ninguem@exemplo.org", HERE, code=False, key=b"k" * 32)

    def guess() -> bool:
        attempt = lockout.count_attempt(db.session, counters, agora=clock.now)
        db.session.commit()
        return attempt.allowed

    assert at_once(any_app, 12, guess).count(True) == lockout.MAX_FAILURES


def test_logins_from_one_place_at_once_do_not_wait_for_each_other(
    any_app: Flask, new_person: NewPerson, clock: Any
) -> None:
    counters = [
        lockout.counters_of("ana@exemplo.org", HERE, code=code, key=b"k" * 32) for code in (False, True) for _ in "12"
    ]

    def log_in() -> None:
        mine = counters.pop()
        for _ in range(5):
            lockout.count_attempt(db.session, mine, agora=clock.now)
            db.session.commit()
            lockout.forget(db.session, mine, agora=clock.now)
            db.session.commit()

    at_once(any_app, 4, log_in)
