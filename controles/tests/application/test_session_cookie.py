"""Nothing of the session can be read in the cookie."""

import base64
import zlib
from collections.abc import Callable
from typing import Any

from flask import Flask, flash, session

MakeApp = Callable[..., Flask]
COOKIE = "controles_sessao"
OLD_KEY = "the-former-key-of-the-cookies-0123456789"
NEW_KEY = "the-present-key-of-the-cookies-987654321"


def _app(make_app: MakeApp, **overrides: str) -> Flask:
    app = make_app(**overrides)

    def remember() -> str:
        session["quem"] = "Joaquina Prado"
        flash("Joaquina Prado, 529.982.247-25")
        return ""

    app.add_url_rule("/lembrar", view_func=remember)
    app.add_url_rule("/dizer", view_func=lambda: str(session.get("quem")))
    return app


def _readable(cookie: str) -> bytes:
    """What anybody makes of a cookie: as it stands, decoded, decompressed."""
    found = cookie.encode()
    for part in cookie.split("."):
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        found += raw
        try:
            found += zlib.decompress(raw)
        except zlib.error:
            continue
    return found


def test_a_message_that_waits_is_not_readable_in_the_cookie(make_app: MakeApp) -> None:
    client = _app(make_app).test_client()
    client.get("/lembrar")
    cookie: Any = client.get_cookie(COOKIE)
    assert b"Joaquina" not in _readable(cookie.value)
    assert b"529" not in _readable(cookie.value)
    assert client.get("/dizer").text == "Joaquina Prado"


def test_a_cookie_of_a_former_key_opens_and_one_of_another_does_not(make_app: MakeApp) -> None:
    before = _app(make_app, SECRET_KEY=OLD_KEY).test_client()
    before.get("/lembrar")
    cookie: Any = before.get_cookie(COOKIE)
    for fallbacks, expected in ((OLD_KEY, "Joaquina Prado"), ("", "None")):
        after = _app(make_app, SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=fallbacks).test_client()
        after.set_cookie(COOKIE, cookie.value)
        assert after.get("/dizer").text == expected


def test_a_cookie_that_was_tampered_with_is_an_empty_session(make_app: MakeApp) -> None:
    client = _app(make_app).test_client()
    for forged in ("", "x", "a.b.c", "gAAAAA", "é", "gAAAAABk" + "A" * 100):
        client.set_cookie(COOKIE, forged)
        assert client.get("/dizer").text == "None"
