"""Who may do what, and whose data they see."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import Unauthorized

from controles.contas.models import Papel
from controles.contas.permissions import PERMISSIONS, Permission, current_author_id, current_scope, require
from controles.db import db
from controles.militantes.models import Nucleo

NewPerson = Callable[..., Any]


@pytest.fixture
def doors(app: Flask) -> Flask:
    """A page behind each permission, and one that says whose data it would show."""
    for permission in Permission:
        app.add_url_rule(f"/porta/{permission}", permission.value, require(permission)(lambda: "aberta"))
    app.add_url_rule("/escopo", "escopo", lambda: f"{current_scope().nucleo_id}/{current_author_id()}")
    return app


@pytest.mark.parametrize("papel", Papel)
def test_each_role_opens_its_doors_only(doors: Flask, browser: Any, new_person: NewPerson, papel: Papel) -> None:
    browser.log_in(new_person(papel=papel))
    opened = {p for p in Permission if browser.get(f"/porta/{p}").status_code == 200}
    refused = {p for p in Permission if browser.get(f"/porta/{p}").status_code == 403}
    assert opened == PERMISSIONS[papel]
    assert refused == set(Permission) - opened


def test_nobody_is_sent_to_the_login_page(doors: Flask, browser: Any) -> None:
    assert browser.get("/porta/ver").location == "/entrar?next=/porta/ver"


def test_every_role_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Papel)


def test_the_scope_is_the_users_nucleo(doors: Flask, browser: Any, new_person: NewPerson) -> None:
    with doors.app_context():
        nucleo = Nucleo(nome="Centro", uf="SP", municipio="São Paulo")
        db.session.add(nucleo)
        db.session.commit()
        nucleo_id = nucleo.id
    person = new_person(papel=Papel.LEITURA, nucleo_id=nucleo_id)
    browser.log_in(person)
    assert browser.get("/escopo").text == f"{nucleo_id}/{person.id}"


def test_nobody_has_no_scope_rather_than_the_widest(app: Flask) -> None:
    with app.test_request_context("/"):
        with pytest.raises(Unauthorized):
            current_scope()
        with pytest.raises(Unauthorized):
            current_author_id()
