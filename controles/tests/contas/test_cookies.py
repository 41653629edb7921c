"""When a cookie may go over plain HTTP."""

from collections.abc import Callable

import pytest
from flask import Flask

MakeApp = Callable[..., Flask]
HERE = "http://127.0.0.1:5000"


def cookie(app: Flask, base: str, **headers: str) -> str:
    # A login's page gives out the session's cookie, which carries the form's token.
    return app.test_client().get("/entrar", base_url=base, headers=headers).headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("setting", "base", "secure"),
    [
        ("1", HERE, True),
        ("0", "https://controles.exemplo.org", False),
        ("auto", HERE, False),
        ("auto", "http://localhost:8000", False),
        ("auto", "http://[::1]:5000", False),
        ("auto", "https://localhost", True),
        ("auto", "http://controles.exemplo.org", True),
        ("auto", "http://192.168.1.5:5000", True),
        ("auto", "http://localhost.exemplo.org", True),
        ("auto", "http://127.0.0.1.exemplo.org", True),
    ],
)
def test_a_cookie_is_for_https_alone(make_app: MakeApp, sqlite_url: str, setting: str, base: str, secure: bool) -> None:
    app = make_app(DATABASE_URL=sqlite_url, COOKIE_SECURE=setting)
    assert ("; Secure" in cookie(app, base)) is secure


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"Via": "1.1 proxy"},
        {"Origin": "https://controles.exemplo.org"},
        {"Origin": "http://controles.exemplo.org"},
        {"Origin": "null"},
        {"Referer": "https://controles.exemplo.org/entrar"},
    ],
)
def test_behind_a_proxy_that_calls_it_local_it_is_for_https_alone(
    make_app: MakeApp, sqlite_url: str, headers: dict[str, str]
) -> None:
    assert "; Secure" in cookie(make_app(DATABASE_URL=sqlite_url, COOKIE_SECURE="auto"), HERE, **headers)


def test_production_sends_it_by_https_alone_unless_told(make_app: MakeApp, sqlite_url: str) -> None:
    assert "; Secure" in cookie(make_app(DATABASE_URL=sqlite_url, CONTROLES_ENV="production"), HERE)
