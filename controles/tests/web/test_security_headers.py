"""What a browser is told about every page."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from controles.web.security_headers import HEADERS, csp_nonce

MakeApp = Callable[..., Flask]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


def test_every_answer_has_the_headers(app: Flask) -> None:
    client = app.test_client()
    for path in ("/entrar", "/nada", "/static/favicon.svg"):
        answer = client.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_nothing_inline_and_nothing_from_elsewhere_is_allowed(app: Flask) -> None:
    policy = app.test_client().get("/entrar").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "script-src 'self';" in policy


def test_the_pages_need_nothing_that_the_policy_forbids(app: Flask) -> None:
    client = app.test_client()
    for path in ("/entrar", "/nada"):
        html = client.get(path).text
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", html)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', html)


def test_a_nonce_is_named_only_where_a_page_uses_it(app: Flask) -> None:
    app.add_url_rule("/com", view_func=lambda: csp_nonce())
    client = app.test_client()
    first, second = client.get("/com"), client.get("/com")
    assert f"script-src 'self' 'nonce-{first.text}'" in first.headers["Content-Security-Policy"]
    assert first.text != second.text
    assert "nonce" not in client.get("/entrar").headers["Content-Security-Policy"]


def test_no_page_is_kept_and_a_named_file_is_kept_for_good(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/entrar").headers["Cache-Control"] == "no-store"
    assert client.get("/nada").headers["Cache-Control"] == "no-store"
    assert "immutable" in client.get("/static/favicon.svg?v=abc").headers["Cache-Control"]
    assert "immutable" not in client.get("/static/favicon.svg").headers["Cache-Control"]
    assert client.get("/static/nada.css?v=abc").headers["Cache-Control"] == "no-store"


def test_https_is_asked_for_only_where_it_is_used(make_app: MakeApp) -> None:
    assert "Strict-Transport-Security" not in make_app().test_client().get("/entrar").headers
    secure = make_app(COOKIE_SECURE="1").test_client()
    answer = secure.get("/entrar", base_url="https://controles.example")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"]
