"""A backend of Flask-Caching that keeps its values in Frescor."""

from typing import Any
from urllib.parse import quote

from flask import Flask
from flask_caching.backends.base import BaseCache

from frescor import cachelib
from frescor._doors.key_values import KeyValues
from frescor._surface.cache import Cache
from frescor.errors import PolicyError
from frescor.flask.extension import FlaskCache
from frescor.flask.settings import cache_from_settings
from frescor.flask_caching.responses import KEPT, from_kept, to_kept

NAMESPACE = "flask-caching"


class FrescorCache(cachelib.FrescorCache, BaseCache):
    """The backend for `CACHE_TYPE = "frescor.flask_caching.FrescorCache"`.

    It uses the first Frescor cache that is configured: `CACHE_OPTIONS = {"cache": …}`; that of a `FlaskCache` which the
    application has already; the one that the settings `FRESCOR_URL` and so on describe; `CACHE_REDIS_URL`;
    `CACHE_REDIS_HOST`, `_PORT`, `_PASSWORD`, `_DB`. Raises PolicyError if none is configured.

    See `frescor.cachelib.FrescorCache`. In addition, responses, HTTP errors and markup can be values.
    """

    @classmethod
    def factory(cls, app: Flask, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> "FrescorCache":
        """Called by Flask-Caching with the application and its settings."""
        del args
        cache = kwargs.pop("cache", None)
        if cache is None:
            cache = _cache_of(app) or _cache_from(config, app.name)
        return cls(cache, key_prefix=kwargs.pop("key_prefix", config.get("CACHE_KEY_PREFIX")), **kwargs)

    def _make_values(self, prefix: str) -> KeyValues:
        return KeyValues(self.frescor, prefix, as_type=KEPT)

    def _to_stored(self, value: Any) -> Any:
        return to_kept(value)

    def _from_stored(self, value: Any) -> Any:
        return from_kept(value)


def values_of(backend: FrescorCache) -> KeyValues:
    """Where the backend keeps its values."""
    return backend._key_values


def _cache_of(app: Flask) -> Cache | None:
    try:
        return FlaskCache().of(app)
    except LookupError:
        return None


def _cache_from(config: dict[str, Any], name: str) -> Cache:
    if not config.get("FRESCOR_URL"):
        url = config.get("CACHE_REDIS_URL") or _url_from(config)
        if url is None:
            raise PolicyError(
                "FRESCOR_URL is not set, nor is CACHE_REDIS_URL or CACHE_REDIS_HOST: give the server's address, "
                "such as 'redis://localhost:6379/0', or 'memory://' for tests and a single process."
            )
        config = {**config, "FRESCOR_URL": url}
    return cache_from_settings(config, _namespace(name))


def _url_from(config: dict[str, Any]) -> str | None:
    host = config.get("CACHE_REDIS_HOST")
    if not isinstance(host, str):
        return None
    password = config.get("CACHE_REDIS_PASSWORD")
    port, database = config.get("CACHE_REDIS_PORT", 6379), config.get("CACHE_REDIS_DB", 0)
    access = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{access}{host}:{port}/{database}"


def _namespace(name: str) -> str:
    # An application is named after its module, whose name may contain dots.
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name) or NAMESPACE
