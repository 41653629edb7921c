"""The backends for Flask-Caching and dogpile.cache: by their settings, and told what is missing."""

import flask_caching
import pytest
from flask import Flask

from frescor import PolicyError
from frescor.dogpile import make_region
from frescor.flask_caching import Cache, FrescorCache


def test_flask_cachings_own_cache_works_with_the_backend_alone() -> None:
    app = Flask("shop")
    app.config |= {"FRESCOR_URL": "memory://", "CACHE_TYPE": "frescor.flask_caching.FrescorCache"}
    plain = flask_caching.Cache(app)
    with app.app_context():
        backend: object = plain.cache
        assert isinstance(backend, FrescorCache)
        assert plain.set("key", {"a": (1, 2)})
        assert plain.get("key") == {"a": (1, 2)}


def test_an_application_without_an_address_is_told_which_setting_is_missing() -> None:
    with pytest.raises(PolicyError, match="FRESCOR_URL is not set"):
        Cache(Flask("shop"))


def test_a_backend_without_an_address_says_what_to_give() -> None:
    with pytest.raises(PolicyError, match="needs arguments"):
        make_region().configure("frescor")
