"""A cache from an application's settings."""

from typing import Any

import pytest
from flask import Flask

from frescor import PolicyError
from frescor.flask import FlaskCache

SECRET = "a secret of 16 bytes or more"


def app_with(**settings: Any) -> tuple[Flask, FlaskCache]:
    app, cache = Flask("shop"), FlaskCache()
    app.config.update(settings)
    cache.init_app(app)
    return app, cache


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"FRESCOR_NAMESPACE": "other", "FRESCOR_LOCAL": "0", "FRESCOR_TIMEOUT": "0.5", "FRESCOR_CONFIRM": "true"},
        {"FRESCOR_KEY_SECRET": SECRET, "FRESCOR_SEAL_SECRETS": f"{SECRET}, another {SECRET}"},
        {"FRESCOR_LOCAL": 1_000_000, "FRESCOR_LARGEST_VALUE": "1000", "FRESCOR_SEAL_SECRETS": [SECRET.encode()]},
    ],
)
def test_settings_make_a_cache(settings: dict[str, Any]) -> None:
    app, cache = app_with(FRESCOR_URL="memory://", **settings)
    with cache.of(app) as made:
        made.set("a", 1)
        assert made.get("a") == 1
        assert made.key_secret == settings.get("FRESCOR_KEY_SECRET", "").encode()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "FRESCOR_URL is not set: give the server's address"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_TIMEUOT": 1}, "is FRESCOR_TIMEOUT meant"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_QQQQQQQQ": 1}, "no setting of Frescor's. There are FRESCOR_AUDITING"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_AUDITING": "often"}, "FRESCOR_AUDITING is a part of hits from 0 to 1"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_AUDITING": "2"}, "from 0 to 1, such as 0.001; got 2.0"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_DISABLED": "perhaps"}, "FRESCOR_DISABLED is a truth value"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_TIMEOUT": "soon"}, "FRESCOR_TIMEOUT is a number of seconds"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_LOCAL": "maybe"}, "FRESCOR_LOCAL is a truth value"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_LARGEST_VALUE": "1 MB"}, "whole number of bytes"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_SEAL_SECRETS": 7}, "a list of secrets"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_KEY_SECRET": 7}, "text or bytes; got a int"),
        ({"FRESCOR_URL": "memory://", "FRESCOR_SEAL_SECRETS": "short"}, "16 random bytes"),
        ({"FRESCOR_URL": "nonsense://"}, "begins with none of the known schemes"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused_when_the_application_is_made(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(PolicyError, match=says):
        app_with(**settings)
