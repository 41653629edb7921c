"""Inviting somebody in the browser, and following the link."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from controles.contas import totp
from controles.contas.models import Papel, Usuario
from controles.db import db

NewBrowser = Callable[[], Any]
CHOSEN = "uma frase bem comprida"
FORM = {"nome": "Bia Souza", "email": "bia@exemplo.org", "papel": "tesouraria", "nucleo_id": ""}


@pytest.fixture
def admin(browser: Any, new_person: Any, clock: Any) -> Any:
    """An administrator's browser, both factors shown again."""
    browser.person = new_person(papel=Papel.ADMIN)
    browser.log_in(browser.person)
    clock.advance(seconds=30)
    answer = browser.submit("/conta/confirmar", senha=browser.person.password, codigo=browser.person.code())
    assert answer.status_code == 303
    return browser


def invite(admin: Any, **changed: str) -> tuple[str, str]:
    """The invitation's page and the path of its link."""
    answer = admin.submit("/convites/novo", **{**FORM, **changed})
    assert answer.status_code == 303
    return answer.location, link_on(admin.get(answer.location).text)


def link_on(page: str) -> str:
    found = re.search(r'value="(http://localhost)(/convites/aceitar/[\w-]+)"', page)
    assert found is not None
    return found[2]


def test_the_invited_chooses_a_password_and_a_phone_and_is_inside(
    app: Flask, admin: Any, new_browser: NewBrowser, clock: Any, audited: Any
) -> None:
    page, link = invite(admin)
    assert link not in admin.get(page).text
    guest = new_browser()
    shown = guest.get(link).text
    assert "Tesouraria, toda a organização" in shown
    assert "bia@exemplo.org" in shown
    answer = guest.submit(link, nome="Bia S.", nova=CHOSEN, repetida=CHOSEN)
    assert (answer.status_code, answer.location) == (303, "/primeiro-acesso")
    key = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', guest.get(answer.location).text)
    assert key is not None
    code = totp.code_at(key[1].replace(" ", ""), clock.now)
    assert "Códigos de recuperação" in guest.submit("/primeiro-acesso", codigo=code).text
    assert guest.is_logged_in()
    with app.app_context():
        bia = db.session.scalars(select(Usuario).where(Usuario.email == "bia@exemplo.org")).one()
        assert (bia.nome, bia.papel) == ("Bia S.", Papel.TESOURARIA)
    assert "ver a conta criada" in admin.get(page).text
    assert [one for one in audited() if one.startswith("convite.")] == ["convite.criar", "convite.aceitar"]
    # The link, followed again by whoever finds it.
    answer = new_browser().get(link)
    assert answer.status_code == 410
    assert "não vale mais" in answer.text


def test_a_password_that_will_not_do_is_told_and_the_link_stays_good(admin: Any, new_browser: NewBrowser) -> None:
    _, link = invite(admin)
    guest = new_browser()
    for sent, sentence in (
        ({"nova": "curta", "repetida": "curta"}, "caracteres ou mais"),
        ({"nova": CHOSEN, "repetida": "outra"}, "As duas não são iguais"),
        ({"nova": "1234567890", "repetida": "1234567890"}, "uma das que todos conhecem"),
        ({"nome": " ", "nova": CHOSEN, "repetida": CHOSEN}, "Escreva o seu nome"),
    ):
        assert sentence in guest.submit(link, **{"nome": "Bia", **sent}).text
    assert guest.submit(link, nome="Bia", nova=CHOSEN, repetida=CHOSEN).status_code == 303


def test_a_link_that_is_lost_is_made_anew_and_one_can_be_cancelled(admin: Any, new_browser: NewBrowser) -> None:
    page, link = invite(admin)
    answer = admin.submit(page, acao="renovar")
    other = link_on(admin.get(answer.location).text)
    assert new_browser().get(link).status_code == 410
    assert new_browser().get(other).status_code == 200
    assert "À espera" in admin.get("/convites").text
    admin.submit(page, acao="cancelar")
    assert "Cancelado" in admin.get("/convites").text
    assert new_browser().get(other).status_code == 410
    assert "já foi aceito ou cancelado" in admin.get(admin.submit(page, acao="renovar").location).text


def test_whoever_is_logged_in_does_not_use_up_somebody_elses_link(admin: Any, new_browser: NewBrowser) -> None:
    _, link = invite(admin)
    assert "Você está dentro como" in admin.get(link).text
    assert new_browser().get(link).status_code == 200


def test_what_is_wrong_with_an_invitation_is_told_and_what_was_typed_stays(admin: Any) -> None:
    answer = admin.submit("/convites/novo", **{**FORM, "email": "bia"})
    page = admin.get(answer.location).text
    assert "Escreva um e-mail inteiro" in page
    assert 'value="Bia Souza"' in page
    answer = admin.submit("/convites/novo", **{**FORM, "email": admin.person.email})
    assert "Já há uma conta com este e-mail" in admin.get(answer.location).text


def test_an_address_that_got_an_account_meanwhile_is_told_to_the_invited(
    app: Flask, admin: Any, new_browser: NewBrowser, new_person: Any
) -> None:
    _, link = invite(admin)
    somebody = new_person()
    with app.app_context():
        db.session.execute(update(Usuario).where(Usuario.id == somebody.id).values(email=FORM["email"]))
        db.session.commit()
    answer = new_browser().submit(link, nome="Bia", nova=CHOSEN, repetida=CHOSEN)
    assert answer.status_code == 410
    assert "Já há uma conta com este e-mail" in html.unescape(answer.text)


def test_inviting_asks_for_both_factors_before_the_form(browser: Any, new_person: Any) -> None:
    browser.log_in(new_person(papel=Papel.ADMIN))
    assert "/conta/confirmar" in browser.get("/convites/novo").location
    assert "/conta/confirmar" in browser.submit("/convites/novo", **FORM).location
