"""Logging in through the pages: both factors, each outcome, what is given away and what is recorded."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from controles.contas import lockout, login, passwords
from controles.contas.browser import load_user
from controles.contas.models import CodigoRecuperacao, TentativaEntrada, Usuario
from controles.db import db
from controles.services.cache_service import service_of, user_tag

NewBrowser = Callable[[], Any]
HERE = lockout.Origin("203.0.113.7")
WRONG = "000000"


def message(response: Any) -> str:
    """The text of the red box."""
    found = re.search(r'role="alert".*?<div>(.*?)</div>', response.text, re.DOTALL)
    return found[1] if found else ""


def test_password_and_code_lead_to_the_panel(browser: Any, person: Any, audited: Any) -> None:
    first = browser.password(person)
    assert (first.status_code, first.location) == (302, "/segundo-fator")
    assert not browser.is_logged_in()
    second = browser.code(person.code())
    assert (second.status_code, second.location) == (302, "/")
    assert browser.is_logged_in()
    assert audited()[-1] == "conta.entrar"


def test_the_address_is_found_whatever_its_capitals(browser: Any, person: Any) -> None:
    assert browser.submit("/entrar", email=f"  {person.email.upper()} ", senha=person.password).status_code == 302


def test_a_wanted_page_is_where_the_login_ends(browser: Any, person: Any) -> None:
    assert browser.get("/conta").location == "/entrar?next=/conta"
    browser.submit("/entrar?next=/conta", email=person.email, senha=person.password)
    assert browser.code(person.code()).location == "/conta"


@pytest.mark.parametrize("elsewhere", ["https://mau.example", "//mau.example", "/\\mau.example", "javascript:alert(1)"])
def test_an_address_elsewhere_is_not_followed(browser: Any, person: Any, elsewhere: str) -> None:
    browser.submit(f"/entrar?next={elsewhere}", email=person.email, senha=person.password)
    assert browser.code(person.code()).location == "/"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(browser: Any, person: Any) -> None:
    wrong = browser.password(person, "outra senha qualquer")
    unknown = browser.submit("/entrar", email="ninguem@exemplo.org", senha="outra senha qualquer")
    assert (wrong.status_code, message(wrong)) == (401, "E-mail ou senha não conferem.")
    assert (unknown.status_code, message(unknown)) == (wrong.status_code, message(wrong))


def test_an_unknown_address_costs_a_password_hash_too(app: Flask, person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    verify = passwords.password_fits

    def counting(password: str, stored: str | None) -> bool:
        looked_at.append("known" if stored else "unknown")
        return verify(password, stored)

    monkeypatch.setattr(login, "password_fits", counting)
    with app.app_context():
        login.check_password(person.email, "errada", origin=HERE, agora=person._clock.now)
        login.check_password("ninguem@exemplo.org", "errada", origin=HERE, agora=person._clock.now)
    assert looked_at == ["known", "unknown"]


def test_an_inactive_user_is_told_nothing_else(app: Flask, browser: Any, person: Any) -> None:
    with app.app_context():
        db.session.get_one(Usuario, person.id).active = False
        db.session.commit()
    assert message(browser.password(person)) == "E-mail ou senha não conferem."


@pytest.mark.parametrize("address", ["known", "unknown"])
def test_five_wrong_passwords_lock_any_address_for_fifteen_minutes(
    browser: Any, person: Any, clock: Any, audited: Any, address: str
) -> None:
    email = person.email if address == "known" else "ninguem@exemplo.org"
    answers = [message(browser.submit("/entrar", email=email, senha="errada")) for _ in range(5)]
    assert answers[:4] == ["E-mail ou senha não conferem."] * 4
    assert "espere 15 minutos" in answers[4]
    assert audited()[-2:] == ["conta.falha", "conta.bloqueio"]
    clock.advance(minutes=13, seconds=30)
    # Locked is locked, also for the right password.
    assert "espere 2 minutos" in message(browser.submit("/entrar", email=email, senha=person.password))
    clock.advance(minutes=2)
    after = browser.submit("/entrar", email=email, senha=person.password)
    assert after.status_code == (302 if address == "known" else 401)


def test_five_wrong_codes_lock_the_account(browser: Any, person: Any, new_browser: NewBrowser) -> None:
    browser.password(person)
    answers = [message(browser.code(WRONG)) for _ in range(5)]
    assert "O código não confere" in answers[3]
    assert "espere 15 minutos" in answers[4]
    assert "espere 15 minutos" in message(browser.code(person.code()))
    assert "espere 15 minutos" in message(new_browser().password(person))


def test_the_right_password_does_not_forgive_wrong_codes(browser: Any, person: Any) -> None:
    for _ in range(4):
        browser.password(person)
        browser.code(WRONG)
    browser.password(person)
    assert "espere 15 minutos" in message(browser.code(WRONG))


def test_a_complete_login_forgives(app: Flask, browser: Any, person: Any, new_browser: NewBrowser) -> None:
    for _ in range(4):
        browser.password(person, "errada")
    browser.log_in(person)
    with app.app_context():
        # The network's and the account's: what bounds a guesser is not given anew by each login of the owner.
        assert db.session.scalar(select(func.count()).select_from(TentativaEntrada)) == 2
    for _ in range(4):
        assert "não conferem" in message(new_browser().password(person, "errada"))


def test_a_code_that_was_used_is_refused(browser: Any, person: Any, new_browser: NewBrowser) -> None:
    browser.log_in(person)
    second = new_browser()
    second.password(person)
    assert "já foi usado" in message(second.code(person.code()))
    assert not second.is_logged_in()


def test_a_code_older_than_the_last_used_one_is_refused(browser: Any, person: Any, new_browser: NewBrowser) -> None:
    browser.password(person)
    browser.code(person.code(steps=1))
    second = new_browser()
    second.password(person)
    assert "já foi usado" in message(second.code(person.code()))


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_codes_of_one_step_around_the_present_one_are_accepted(
    browser: Any, person: Any, steps: int, accepted: bool
) -> None:
    browser.password(person)
    browser.code(person.code(steps=steps))
    assert browser.is_logged_in() is accepted


def test_the_code_may_be_typed_in_groups(browser: Any, person: Any) -> None:
    browser.password(person)
    code = person.code()
    browser.code(f"{code[:3]} {code[3:]}")
    assert browser.is_logged_in()


def test_something_that_is_no_code_is_not_counted(app: Flask, browser: Any, person: Any) -> None:
    browser.password(person)
    for _ in range(6):
        assert "6 algarismos" in browser.code("12345").text
    browser.code(person.code())
    assert browser.is_logged_in()


def test_the_code_page_needs_the_password_first(browser: Any) -> None:
    assert browser.get("/segundo-fator").location == "/entrar"
    assert browser.get("/segundo-fator/recuperacao").location == "/entrar"
    assert browser.get("/primeiro-acesso").location == "/entrar"


def test_the_password_is_good_for_ten_minutes(browser: Any, person: Any, clock: Any) -> None:
    browser.password(person)
    clock.advance(minutes=11)
    assert browser.get("/segundo-fator").location == "/entrar"


def test_a_form_without_its_token_does_nothing(browser: Any, person: Any) -> None:
    answer = browser.client.post("/entrar", data={"email": person.email, "senha": person.password})
    assert answer.location == "/entrar"
    browser.log_in(person)
    assert browser.client.post("/sair").status_code == 400
    assert browser.is_logged_in()


def test_a_recovery_code_gets_in_once(app: Flask, browser: Any, new_person: Any, new_browser: NewBrowser) -> None:
    person = new_person(enrolled=False)
    codes = enrol(browser, person)
    assert len(set(codes)) == 10
    lost = new_browser()
    lost.password(person)
    # Typed carelessly: without hyphens, small letters, O for 0.
    typed = codes[0].replace("-", " ").lower().replace("0", "o")
    answer = lost.submit("/segundo-fator/recuperacao", codigo=typed)
    assert answer.location == "/"
    assert "restam 9" in lost.get("/conta").text
    again = new_browser()
    again.password(person)
    assert "já foi usado" in message(again.submit("/segundo-fator/recuperacao", codigo=codes[0]))


def test_a_recovery_code_of_somebody_else_is_refused(browser: Any, new_person: Any, new_browser: NewBrowser) -> None:
    codes = enrol(browser, new_person(enrolled=False))
    other = new_browser()
    other.password(new_person())
    assert "não confere" in message(other.submit("/segundo-fator/recuperacao", codigo=codes[0]))


def test_recovery_codes_are_not_stored(app: Flask, browser: Any, new_person: Any) -> None:
    codes = enrol(browser, new_person(enrolled=False))
    with app.app_context():
        stored = db.session.scalars(select(CodigoRecuperacao.digest)).all()
    assert all(code.encode() not in digest for code in codes for digest in stored)


def enrol(browser: Any, person: Any) -> list[str]:
    """Go through the first access; the recovery codes."""
    browser.password(person)
    page = browser.get("/primeiro-acesso").text
    person.secret = re.search(r'class="key">([^<]+)<', page)[1].replace(" ", "")  # type: ignore[index]
    done = browser.submit("/primeiro-acesso", codigo=person.code())
    return re.findall(r"<li><code>([^<]+)</code>", done.text)


def test_the_first_access_shows_the_qr_code_until_it_is_confirmed(browser: Any, new_person: Any, audited: Any) -> None:
    person = new_person(enrolled=False)
    assert browser.password(person).location == "/segundo-fator"
    assert browser.get("/segundo-fator").location == "/primeiro-acesso"
    first, again = browser.get("/primeiro-acesso").text, browser.get("/primeiro-acesso").text
    key = re.search(r'class="key">([^<]+)<', first)
    assert "<svg" in first
    assert key is not None
    assert key[1] in again
    codes = enrol(browser, person)
    assert len(codes) == 10
    assert browser.is_logged_in()
    assert audited()[-2:] == ["conta.segundo_fator", "conta.entrar"]
    assert browser.get("/primeiro-acesso").location == "/"


def test_the_qr_code_is_gone_after_the_first_access(browser: Any, new_person: Any, new_browser: NewBrowser) -> None:
    person = new_person(enrolled=False)
    enrol(browser, person)
    second = new_browser()
    second.password(person)
    assert second.get("/primeiro-acesso").location == "/segundo-fator"


def test_a_wrong_code_does_not_enrol(browser: Any, new_person: Any, load: Any) -> None:
    person = new_person(enrolled=False)
    browser.password(person)
    assert "não confere" in message(browser.submit("/primeiro-acesso", codigo=WRONG))
    assert not login.is_enrolled(load(person.id))


def test_logging_out_ends_every_copy_of_the_cookie(browser: Any, person: Any, audited: Any, app: Flask) -> None:
    browser.log_in(person)
    stolen = browser.client.get_cookie("controles_sessao")
    assert browser.submit("/sair").location == "/entrar"
    assert not browser.is_logged_in()
    assert audited()[-1] == "conta.sair"
    thief = app.test_client()
    thief.set_cookie("controles_sessao", stolen.value)
    assert thief.get("/conta").status_code == 302


def test_logging_out_on_one_device_leaves_the_other(
    browser: Any, person: Any, new_browser: NewBrowser, clock: Any
) -> None:
    browser.log_in(person)
    clock.advance(seconds=30)
    phone = new_browser()
    phone.log_in(person)
    browser.submit("/sair")
    assert phone.is_logged_in()


def test_logging_out_is_not_a_link(browser: Any, person: Any) -> None:
    browser.log_in(person)
    assert browser.get("/sair").status_code == 405
    assert browser.is_logged_in()


def test_logging_out_forgets_what_was_cached_for_the_user(app: Flask, browser: Any, person: Any) -> None:
    browser.log_in(person)
    with app.app_context():
        cache = service_of(app).cache
        cache.set("so-dele", "valor", 300, tags=(user_tag(person.id),))
        cache.set("de-todos", "valor", 300)
    browser.submit("/sair")
    with app.app_context():
        assert (cache.get("so-dele"), cache.get("de-todos")) == (None, "valor")


def test_a_new_session_version_ends_every_login(app: Flask, browser: Any, person: Any) -> None:
    browser.log_in(person)
    with app.app_context():
        db.session.get_one(Usuario, person.id).fs_uniquifier = "outra"
        db.session.commit()
    assert not browser.is_logged_in()


def test_a_login_ends_after_its_hours_however_busy_it_is(browser: Any, person: Any, clock: Any) -> None:
    browser.log_in(person)
    for _ in range(71):
        clock.advance(minutes=10)
        assert browser.is_logged_in()
    clock.advance(minutes=9)
    assert browser.is_logged_in()
    clock.advance(minutes=2)
    assert not browser.is_logged_in()


def test_a_login_that_is_not_used_ends_and_says_so(browser: Any, person: Any, clock: Any) -> None:
    browser.log_in(person)
    clock.advance(minutes=29)
    assert browser.is_logged_in()
    clock.advance(minutes=29)
    assert browser.is_logged_in()
    clock.advance(minutes=31)
    assert browser.get("/conta").location == "/entrar?next=/conta"
    assert "A sua sessão terminou" in browser.get("/entrar").text
    assert not browser.is_logged_in()


def test_an_old_copy_of_the_cookie_stays_as_idle_as_it_was(app: Flask, browser: Any, person: Any, clock: Any) -> None:
    browser.log_in(person)
    copy = browser.client.get_cookie("controles_sessao")
    for _ in range(4):
        clock.advance(minutes=10)
        assert browser.is_logged_in()
    thief = app.test_client()
    thief.set_cookie("controles_sessao", copy.value)
    assert thief.get("/conta").status_code == 302


def test_how_long_a_login_may_be_unused_is_a_setting(
    make_app: Callable[..., Flask], sqlite_url: str, new_person: Any, clock: Any
) -> None:
    person = new_person()
    other = make_app(DATABASE_URL=sqlite_url, SESSION_IDLE_MINUTES="5").test_client()
    send_login(other, person)
    clock.advance(minutes=4)
    assert other.get("/conta").status_code == 200
    clock.advance(minutes=6)
    assert other.get("/conta").status_code == 302


def test_a_cookie_without_a_login_of_its_own_is_nobody(app: Flask, person: Any, load: Any) -> None:
    with app.test_request_context("/"):
        settings = app.extensions["settings"]
        version = load(person.id).fs_uniquifier
        assert load_user(version, length=settings.session_length, idle=settings.session_idle) is None


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Any, person: Any) -> None:
    browser.password(person)
    cookies = browser.code(person.code()).headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_a_second_factor_that_no_key_opens_is_explained(app: Flask, browser: Any, person: Any) -> None:
    with app.app_context():
        db.session.get_one(Usuario, person.id).tf_totp_secret = "isto não abre"
        db.session.commit()
    browser.password(person)
    answer = browser.code(person.code())
    assert answer.status_code == 401
    assert "Peça à administração" in answer.text


def test_logging_in_and_out_works_with_the_cache_away(
    make_app: Callable[..., Flask], sqlite_url: str, new_person: Any, clock: Any
) -> None:
    person = new_person()
    app = make_app(DATABASE_URL=sqlite_url, REDIS_URL="redis://127.0.0.1:1/0")
    assert send_login(app.test_client(), person) == ["/segundo-fator", "/"]


def send_login(client: Any, person: Any) -> list[str | None]:
    """Log in by the pages alone; where each step leads."""

    def send(path: str, **data: str) -> str | None:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
        assert token is not None
        location: str | None = client.post(path, data={"csrf_token": token[1], **data}).location
        return location

    return [send("/entrar", email=person.email, senha=person.password), send("/segundo-fator", codigo=person.code())]
