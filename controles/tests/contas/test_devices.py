"""A browser that has completed a login before is not locked out by what others type."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas import devices, lockout, sessions
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.db import db

NewBrowser = Callable[[], Any]


def fail(browser: Any, person: Any, times: int = 5, address: str = "127.0.0.1") -> None:
    browser.client.environ_base["REMOTE_ADDR"] = address
    for _ in range(times):
        browser.password(person, "errada")


def guess_from_many_networks(app: Flask, person: Any, clock: Any) -> None:
    """As 60 wrong passwords count, without the work of looking at them."""
    with app.app_context():
        key = account_keys().lockout
        for network in range(12):
            counters = lockout.counters_of(person.email, lockout.Origin(f"198.51.{network}.9"), code=False, key=key)
            for _ in range(5):
                lockout.count_attempt(db.session, counters, agora=clock.now)
                db.session.commit()


def gets_past_the_password(browser: Any, person: Any) -> bool:
    return bool(browser.password(person).status_code == 302)


@pytest.fixture
def known(browser: Any, person: Any, clock: Any) -> Any:
    """A browser that `person` has used, and left."""
    browser.log_in(person)
    browser.submit("/sair")
    clock.advance(seconds=60)
    return browser


def test_strangers_lock_nobody_out(app: Flask, person: Any, known: Any, new_browser: NewBrowser, clock: Any) -> None:
    guess_from_many_networks(app, person, clock)
    fail(new_browser(), person)
    assert not gets_past_the_password(new_browser(), person)
    assert known.log_in(person).location == "/"


def test_whom_strangers_keep_out_of_a_new_device_can_be_let_try_again(
    app: Flask, person: Any, new_browser: NewBrowser, audited: Any, clock: Any
) -> None:
    guess_from_many_networks(app, person, clock)
    assert not gets_past_the_password(new_browser(), person)
    answer = app.test_cli_runner().invoke(args=["users", "unlock", person.email])
    assert answer.exit_code == 0, answer.output
    assert audited()[-1] == "usuario.liberar_tentativas"
    assert gets_past_the_password(new_browser(), person)


def test_strangers_at_one_address_do_not_lock_a_new_device_elsewhere(person: Any, new_browser: NewBrowser) -> None:
    fail(new_browser(), person, times=7, address="198.51.100.9")
    assert gets_past_the_password(new_browser(), person)


def test_a_known_device_is_locked_by_its_own_failures_alone(person: Any, known: Any, new_browser: NewBrowser) -> None:
    fail(known, person)
    assert not gets_past_the_password(known, person)
    assert gets_past_the_password(new_browser(), person)


def test_a_device_is_known_for_its_own_people_alone(
    person: Any, known: Any, new_person: Any, new_browser: NewBrowser
) -> None:
    other = new_person()
    fail(new_browser(), other)
    assert not gets_past_the_password(known, other)


def test_a_device_is_known_for_each_of_its_people(
    person: Any, known: Any, new_person: Any, new_browser: NewBrowser, clock: Any
) -> None:
    other = new_person()
    known.log_in(other)
    known.submit("/sair")
    clock.advance(seconds=60)
    fail(new_browser(), person)
    fail(new_browser(), other)
    assert gets_past_the_password(known, person)
    assert gets_past_the_password(known, other)


def test_after_all_logins_were_ended_no_device_is_known(
    app: Flask, person: Any, known: Any, new_browser: NewBrowser, clock: Any
) -> None:
    with app.app_context():
        sessions.end_all(db.session, db.session.get_one(Usuario, person.id), agora=clock.now)
        db.session.commit()
    fail(new_browser(), person)
    assert not gets_past_the_password(known, person)


@pytest.mark.parametrize("cookie", ["", "x", "W10", "W10.aaaa.bbbb", "\x00", "{}" * 2000])
def test_a_cookie_of_ones_own_making_is_no_device(person: Any, new_browser: NewBrowser, cookie: str) -> None:
    forger = new_browser()
    forger.client.set_cookie(devices.COOKIE, cookie)
    fail(forger, person)
    assert not gets_past_the_password(forger, person)


def test_the_cookie_tells_no_address(known: Any, person: Any) -> None:
    cookie = known.client.get_cookie(devices.COOKIE)
    assert cookie is not None
    assert "pessoa" not in cookie.decoded_value.lower()


def test_a_prefix_from_outside_is_not_put_in_front_of_addresses(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    client = make_app(DATABASE_URL=sqlite_url, TRUSTED_PROXIES="1").test_client()
    answer = client.get("/militantes", headers={"X-Forwarded-Prefix": "//evil.example", "X-Forwarded-Proto": "https"})
    assert answer.status_code == 302
    assert "evil" not in answer.location
    assert "evil" not in client.get("/entrar", headers={"X-Forwarded-Prefix": "//evil.example"}).text
