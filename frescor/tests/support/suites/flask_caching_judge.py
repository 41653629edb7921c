# mypy: ignore-errors
"""Flask-Caching's own tests, with Frescor's `Cache` and backend wherever they say Flask-Caching's."""

import itertools
import time
from typing import Any

import cachelib.simple
import flask_caching
from flask_caching import backends
from flask_caching.backends import simplecache

from frescor._runtime.nondeterminism import Nondeterminism
from frescor._surface.cache import Cache as Frescor
from frescor._surface.cache import engine_for
from frescor.flask_caching import Cache, FrescorCache

pytest_plugins = ("xprocess",)
_numbers = itertools.count()
# Where the clock of these tests begins.
_THEIR_BEGINNING = 1_700_000_000.0


def _now() -> float:
    """The time, and what a test has put the clock forward by."""
    moved: Any = getattr(cachelib.simple.time, "now", None)
    return time.time() + (0 if moved is None else moved - _THEIR_BEGINNING)


class SimpleCache(FrescorCache):
    """By the name that the tests give to their backend, in this process's memory, by the clock that they set."""

    def __init__(self, *args: Any, threshold: int = 0, **options: Any) -> None:
        # Each is a cache of its own, as theirs are.
        engine = engine_for("memory://", f"suite-{next(_numbers)}", nondeterminism=Nondeterminism(now=_now))
        if args and not isinstance(args[0], Frescor):
            options["default_timeout"] = args[-1]
        options.pop("cache", None)
        super().__init__(Frescor(engine), **options)

    @classmethod
    def factory(cls, app: Any, config: Any, args: Any, kwargs: Any) -> "SimpleCache":
        return cls(**kwargs)


flask_caching.Cache = Cache
flask_caching.SimpleCache = SimpleCache
backends.SimpleCache = simplecache.SimpleCache = SimpleCache
