"""The pages that say what went wrong."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, abort
from sqlalchemy.exc import OperationalError

from controles.application.errors import PAGES
from controles.domain.domain_errors import Conflict, Invalid, NotFound

MakeApp = Callable[..., Flask]


@pytest.fixture
def broken(make_app: MakeApp) -> Flask:
    app = make_app()
    app.config.update(TESTING=False)
    return app


def raising(app: Flask, error: Exception) -> None:
    def view() -> str:
        raise error

    app.add_url_rule("/erro", view_func=view)


@pytest.mark.parametrize("status", sorted(PAGES))
def test_each_status_has_a_page_in_the_readers_words(broken: Flask, status: int) -> None:
    broken.add_url_rule("/erro", view_func=lambda: abort(status))
    answer = broken.test_client().get("/erro")
    assert answer.status_code == status
    assert PAGES[status].title in answer.text
    assert PAGES[status].text in answer.text


@pytest.mark.parametrize(("status", "shown_as"), [(418, 400), (502, 500)])
def test_any_other_status_has_a_page_too(broken: Flask, status: int, shown_as: int) -> None:
    broken.add_url_rule("/erro", view_func=lambda: abort(status))
    answer = broken.test_client().get("/erro")
    assert answer.status_code == status
    assert PAGES[shown_as].title in answer.text


def test_an_unexpected_error_shows_its_number_and_nothing_of_itself(broken: Flask, tmp_path: Path) -> None:
    raising(broken, RuntimeError("segredo interno"))
    answer = broken.test_client().get("/erro")
    assert answer.status_code == 500
    assert "segredo interno" not in answer.text
    number = answer.headers["X-Request-ID"]
    assert number in answer.text
    log = (tmp_path / "logs" / "controles.log").read_text()
    assert "segredo interno" in log
    assert number in log


@pytest.mark.parametrize(
    ("error", "status"), [(NotFound("sumiu"), 404), (Conflict("mudou"), 409), (Invalid("valor", "não serve"), 400)]
)
def test_what_the_domain_refuses_is_said_in_its_words(broken: Flask, error: Exception, status: int) -> None:
    raising(broken, error)
    answer = broken.test_client().get("/erro")
    assert answer.status_code == status
    assert str(error) in answer.text


def test_a_database_that_is_away_is_said_so(broken: Flask) -> None:
    raising(broken, OperationalError("SELECT nome", {}, sqlite3.OperationalError("disk I/O error")))
    answer = broken.test_client().get("/erro")
    assert answer.status_code == 503
    assert "O banco de dados não respondeu" in answer.text


def test_what_a_method_is_answered_with_stays(broken: Flask) -> None:
    assert set(broken.test_client().get("/sair").headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_somebody_who_must_log_in_is_led_there(broken: Flask) -> None:
    broken.add_url_rule("/erro", view_func=lambda: abort(401))
    assert broken.test_client().get("/erro").location == "/entrar?next=/erro"
