"""One's own account: a stolen session, or a password alone, changes nothing about how somebody gets in."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel, Usuario
from controles.db import db

NewBrowser = Callable[[], Any]
NEW_PASSWORD = "outra frase bem comprida"
FORMS = {
    "/conta/senha": {"nova": NEW_PASSWORD, "repetida": NEW_PASSWORD},
    "/conta/codigos": {},
    "/conta/celular": {},
    "/conta/confirmar": {},
}


def message(response: Any) -> str:
    found = re.search(r'role="alert".*?<div>(.*?)</div>', response.text, re.DOTALL)
    return found[1] if found else ""


def codes_in(response: Any) -> list[str]:
    return re.findall(r"<li><code>([^<]+)</code>", response.text)


@pytest.fixture
def inside(browser: Any, person: Any, clock: Any) -> Any:
    """A browser in which the person is logged in, and the phone shows its next code."""
    browser.log_in(person)
    clock.advance(seconds=30)
    return browser


def state(app: Flask, person: Any) -> tuple[object, ...]:
    """All that lets this person in."""
    with app.app_context():
        usuario = db.session.get_one(Usuario, person.id)
        return usuario.password, usuario.tf_totp_secret, usuario.tf_primary_method, usuario.fs_uniquifier


@pytest.mark.parametrize("path", FORMS)
def test_a_session_alone_changes_nothing(app: Flask, inside: Any, person: Any, path: str) -> None:
    before = state(app, person)
    for shown in ({}, {"senha": ""}, {"senha": "errada", "codigo": "000000"}, {"codigo": person.code()}):
        answer = inside.submit(path, **FORMS[path], **shown)
        assert answer.status_code in {200, 401}
        assert not codes_in(answer)
    assert state(app, person) == before


@pytest.mark.parametrize("path", FORMS)
def test_a_session_and_the_password_change_nothing(app: Flask, inside: Any, person: Any, path: str) -> None:
    before = state(app, person)
    answer = inside.submit(path, **FORMS[path], senha=person.password, codigo="000000")
    assert answer.status_code == 401
    assert "A senha ou o código não confere" in message(answer)
    assert state(app, person) == before
    assert inside.get("/conta/celular/novo").location == "/conta/celular"


@pytest.mark.parametrize("path", FORMS)
def test_a_code_that_was_used_is_no_proof(inside: Any, person: Any, path: str) -> None:
    assert inside.submit("/conta/confirmar", senha=person.password, codigo=person.code()).status_code == 303
    answer = inside.submit(path, **FORMS[path], senha=person.password, codigo=person.code())
    assert answer.status_code == 401


@pytest.mark.parametrize("wrong", ["senha", "codigo"])
def test_guessing_is_locked_like_a_login(inside: Any, person: Any, wrong: str) -> None:
    shown = {"senha": person.password, "codigo": "000000", wrong: "000000"}
    answers = [message(inside.submit("/conta/celular", **shown)) for _ in range(5)]
    assert "não confere" in answers[3]
    assert "espere 15 minutos" in answers[4]
    right = inside.submit("/conta/celular", senha=person.password, codigo=person.code())
    assert "espere 15 minutos" in message(right)


def test_the_present_phone_holds_until_the_new_ones_first_code(
    inside: Any, person: Any, new_browser: NewBrowser, clock: Any
) -> None:
    old = person.secret
    assert (
        inside.submit("/conta/celular", senha=person.password, codigo=person.code()).location == "/conta/celular/novo"
    )
    page = inside.get("/conta/celular/novo").text
    new = re.search(r'class="key">([^<]+)<', page)
    assert new is not None
    # Whoever has only the password gets no further than before.
    stranger = new_browser()
    assert stranger.password(person).location == "/segundo-fator"
    assert stranger.get("/primeiro-acesso").location == "/segundo-fator"
    clock.advance(seconds=30)
    other = new_browser()
    other.log_in(person)
    assert other.is_logged_in()
    # The old phone's code confirms nothing.
    clock.advance(seconds=30)
    assert "não confere" in message(inside.submit("/conta/celular/novo", codigo=person.code()))

    person.secret = new[1].replace(" ", "")
    done = inside.submit("/conta/celular/novo", codigo=person.code())
    assert len(codes_in(done)) == 10
    assert inside.is_logged_in()
    assert not other.is_logged_in()
    clock.advance(seconds=30)
    person.secret, new_secret = old, person.secret
    late = new_browser()
    late.log_in(person)
    assert not late.is_logged_in()
    person.secret = new_secret
    late.code(person.code())
    assert late.is_logged_in()


def test_the_new_phones_code_is_used_up_by_its_confirmation(inside: Any, person: Any, new_browser: NewBrowser) -> None:
    inside.submit("/conta/celular", senha=person.password, codigo=person.code())
    key = re.search(r'class="key">([^<]+)<', inside.get("/conta/celular/novo").text)
    assert key is not None
    person.secret = key[1].replace(" ", "")
    inside.submit("/conta/celular/novo", codigo=person.code())
    second = new_browser()
    second.log_in(person)
    assert not second.is_logged_in()


def test_a_new_phone_is_confirmed_in_ten_minutes_by_the_session_that_began(
    app: Flask, inside: Any, person: Any, new_browser: NewBrowser, clock: Any
) -> None:
    other = new_browser()
    other.log_in(person)
    clock.advance(seconds=30)
    inside.submit("/conta/celular", senha=person.password, codigo=person.code())
    assert other.get("/conta/celular/novo").location == "/conta/celular"
    clock.advance(minutes=10)
    assert inside.get("/conta/celular/novo").location == "/conta/celular"


def test_a_new_phone_is_not_confirmed_once_the_logins_were_ended(app: Flask, inside: Any, person: Any) -> None:
    inside.submit("/conta/celular", senha=person.password, codigo=person.code())
    with app.app_context():
        db.session.get_one(Usuario, person.id).fs_uniquifier = "outra"
        db.session.commit()
    assert inside.submit("/conta/celular/novo", codigo="000000").location.startswith("/entrar")


def test_a_lost_phone_is_replaced_by_a_recovery_code(inside: Any, person: Any, clock: Any) -> None:
    codes = codes_in(inside.submit("/conta/codigos", senha=person.password, codigo=person.code()))
    assert len(codes) == 10
    clock.advance(seconds=30)
    answer = inside.submit("/conta/celular", senha=person.password, codigo=codes[0].lower())
    assert answer.location == "/conta/celular/novo"
    assert (
        inside.submit("/conta/senha", **FORMS["/conta/senha"], senha=person.password, codigo=codes[0]).status_code
        == 401
    )


def test_a_new_password_ends_the_other_sessions_and_is_the_one_that_counts(
    inside: Any, person: Any, new_browser: NewBrowser, clock: Any, audited: Any
) -> None:
    other = new_browser()
    other.log_in(person)
    clock.advance(seconds=30)
    shown = {"senha": person.password, "codigo": person.code()}
    assert inside.submit("/conta/senha", **shown, nova=NEW_PASSWORD, repetida=NEW_PASSWORD).location == "/conta"
    assert inside.is_logged_in()
    assert not other.is_logged_in()
    assert audited()[-1] == "conta.mudar_senha"
    assert new_browser().password(person).status_code == 401
    assert new_browser().password(person, NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("nova", "repetida", "words"),
    [
        ("curta", "curta", "10 caracteres ou mais"),
        (NEW_PASSWORD, "diferente", "não são iguais"),
        ("password123", "password123", "todos conhecem"),
        ("é" * 300, "é" * 300, "longa demais"),
    ],
)
def test_a_password_that_will_not_do_is_refused_before_a_code_is_used(
    inside: Any, person: Any, nova: str, repetida: str, words: str
) -> None:
    code = person.code()
    answer = inside.submit("/conta/senha", senha=person.password, codigo=code, nova=nova, repetida=repetida)
    assert words in answer.text
    assert inside.submit("/conta/confirmar", senha=person.password, codigo=code).status_code == 303


def test_the_other_sessions_are_counted_and_ended(inside: Any, person: Any, new_browser: NewBrowser) -> None:
    assert "Só esta está aberta" in inside.get("/conta").text
    other = new_browser()
    other.log_in(person)
    assert "<b>2</b> aparelhos" in inside.get("/conta").text
    assert inside.submit("/conta/sessoes").location == "/conta"
    assert inside.is_logged_in()
    assert not other.is_logged_in()
    assert "Só esta está aberta" in inside.get("/conta").text


def _files(app: Flask) -> list[str]:
    """Each list that leaves as a file, found in the map of addresses."""
    rules = [rule.rule for rule in app.url_map.iter_rules() if rule.arguments == {"formato"}]
    assert len(rules) >= 3
    return [rule.replace("<formato>", formato) for rule in rules for formato in ("csv", "xlsx")]


def test_a_file_asks_for_both_factors_and_comes_with_the_filter_that_was_asked_for(
    app: Flask, new_person: Any, new_browser: NewBrowser, clock: Any, audited: Any
) -> None:
    person, inside = new_person(papel=Papel.ADMIN), new_browser()
    inside.log_in(person)
    for path in _files(app):
        asked = inside.get(f"{path}?busca=Zulmira&nucleo_id=7&cursor=x")
        assert asked.status_code == 303, path
        assert asked.location.startswith(f"/conta/confirmar?next={path}&pedido=")
        assert "Zulmira" not in asked.location
        assert "volte à lista" in inside.get(asked.location).text
    assert not [acao for acao in audited() if acao.endswith(".exportar")]

    clock.advance(seconds=30)
    done = inside.submit(asked.location, senha=person.password, codigo=person.code())
    assert done.location == f"{path}?busca=Zulmira&nucleo_id=7&cursor=x"
    for path in _files(app):
        assert inside.get(f"{path}?nucleo_id=7").status_code == 200, path
    assert len([acao for acao in audited() if acao.endswith(".exportar")]) == len(_files(app))
    clock.advance(minutes=11)
    assert inside.get(path).status_code == 303


def test_a_filter_that_does_not_open_leads_to_no_file(
    inside: Any, person: Any, new_person: Any, new_browser: NewBrowser, clock: Any
) -> None:
    theirs = new_browser()
    theirs.log_in(new_person())
    address = theirs.get("/militantes/lista/csv?nucleo_id=7").location
    clock.advance(seconds=30)
    for cut in (address, address[:-4], "/conta/confirmar?next=/militantes/lista/csv&pedido=x"):
        answer = inside.submit(cut, senha=person.password, codigo=person.code())
        assert answer.location == "/conta", cut
        clock.advance(seconds=30)
