# mypy: ignore-errors
"""cachelib's own tests of its caches, with Frescor's as the cache: a file for its folder of tests."""

import itertools
from collections.abc import Callable
from typing import Any

import common
import pytest
from clear import ClearTests
from common import CommonTests
from delete_many_with_prefix import DeleteManyWithPrefixTests
from has import HasTests

from frescor._runtime.nondeterminism import Nondeterminism
from frescor._surface.cache import Cache, engine_for
from frescor.cachelib import FrescorCache

_numbers = itertools.count()


class Clock:
    """The time, put forward where their tests sleep."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        import time

        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture(autouse=True)
def cache_factory(request: pytest.FixtureRequest, key_prefix: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(common, "sleep", clock.sleep)

    def make(self: object, *args: Any, **options: Any) -> FrescorCache:
        options.setdefault("key_prefix", key_prefix)
        engine = engine_for("memory://", f"suite-{next(_numbers)}", nondeterminism=Nondeterminism(now=clock.now))
        return FrescorCache(Cache(engine), *args, **options)

    request.cls.cache_factory = make


class TestFrescorCache(CommonTests, ClearTests, HasTests, DeleteManyWithPrefixTests):
    def test_callable_key(self) -> None:
        make: Callable[[], FrescorCache] = self.cache_factory
        cache = make()
        assert cache.set(lambda: "bacon", "sausages")
        assert cache.get(lambda: "bacon") == cache.get("bacon") == "sausages"
