"""What a type checker infers for users of the public names.

`make check-types` proves each `assert_type`, and by `warn_unused_ignores` that each ignored line is an error; running
it shows that the types are true.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, assert_type

import pytest

from frescor import MISS, Cache, Miss, Policy, PolicyError


@dataclass(frozen=True)
class Stats:
    orders: int


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


def test_a_decorated_function_keeps_its_parameters_and_its_type(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="stats")
    def stats(shop: int, *, detailed: bool = False) -> Stats:
        return Stats(shop + detailed)

    assert_type(stats(1), Stats)
    assert_type(stats(1, detailed=True), Stats)
    assert_type(stats.refresh(1), Stats)
    assert_type(stats.uncached(1), Stats)
    assert_type(stats.many([(1,), (2,)]), list[Stats])
    assert_type(stats.peek(1), Stats | Miss)
    assert_type(stats.key(1), str)
    assert_type(stats.invalidate(1), bool)
    with pytest.raises(TypeError):
        stats(1, 2)  # type: ignore[call-arg, arg-type]
    with pytest.raises(TypeError):
        stats.key(shop=1, detail=True)  # type: ignore[call-arg]


def test_a_decorated_coroutine_function_stays_one(cache: Cache) -> None:
    @cache.cached(Policy(name="stats", expire=60))
    async def stats(shop: int) -> Stats:
        return Stats(shop)

    async def call() -> None:
        waiting = assert_type(stats(1), Coroutine[Any, Any, Stats])
        assert_type(await waiting, Stats)
        assert_type(await stats.refresh(1), Stats)
        assert_type(await stats.many([(1,)]), list[Stats])
        assert_type(await stats.peek(1), Stats | Miss)
        assert_type(await stats.invalidate(1), bool)

    asyncio.run(call())


@dataclass(frozen=True)
class Service:
    tenant: int


def test_a_method_has_its_calls_without_the_instance(cache: Cache) -> None:
    @dataclass(frozen=True)
    class Shop(Service):
        @cache.cached(expire=60, key_prefix="stats")
        def stats(self, day: int, *, detailed: bool = False) -> Stats:
            return Stats(day + detailed)

        @cache.cached(expire=60, key_prefix="later")
        async def later(self, day: int) -> Stats:
            return Stats(day)

    shop = Shop(1)
    assert_type(shop.stats(1, detailed=True), Stats)
    assert_type(shop.stats.refresh(1), Stats)
    assert_type(shop.stats.uncached(1), Stats)
    assert_type(shop.stats.key(1), str)
    assert_type(shop.stats.invalidate(1), bool)
    assert_type(shop.stats.invalidate_all(), bool)
    assert_type(Shop.stats(shop, 1), Stats)
    with pytest.raises(TypeError):
        shop.stats(1, 2)  # type: ignore[call-arg, arg-type]
    with pytest.raises(TypeError):
        shop.stats.key(dey=1)  # type: ignore[call-arg]

    async def call() -> None:
        waiting = assert_type(shop.later(1), Coroutine[Any, Any, Stats])
        assert_type(await waiting, Stats)
        assert_type(await shop.later.refresh(1), Stats)
        assert_type(await shop.later.invalidate(1), bool)

    asyncio.run(call())


def test_get_gives_object_or_the_type_that_is_asked_for(cache: Cache) -> None:
    cache.set("k", 1)
    cache.set("s", Stats(1), as_type=Stats)
    assert_type(cache.get("k"), object)
    assert_type(cache.get("k", as_type=int), int | None)
    assert_type(cache.get("s", as_type=Stats), Stats | None)
    assert_type(cache.get_many("k"), dict[str, object])


def test_a_miss_is_told_from_none(cache: Cache) -> None:
    cache.set("none", None)
    assert cache.get("none", MISS) is None
    assert cache.get("nothing", MISS) is MISS


def test_what_a_loader_gives_is_what_comes_back(cache: Cache) -> None:
    def load() -> Stats:
        return Stats(1)

    def load_many(keys: tuple[str, ...]) -> dict[str, Stats]:
        return dict.fromkeys(keys, Stats(1))

    policy = Policy.dashboard("stats")
    assert_type(cache.get_or_load("k:1", load, policy), Stats)
    assert_type(cache.get_or_load_many(["k:2"], load_many, policy), dict[str, Stats])


def test_a_policy_takes_no_option_that_it_does_not_have(cache: Cache) -> None:
    with pytest.raises(PolicyError):
        cache.cached(expire=60, key_prefix="p", expires=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        Policy(name="p", expire=60, expires=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Policy.user("p", expires=1)  # type: ignore[call-arg]


def test_a_function_that_invalidates_keeps_its_parameters_and_its_type(cache: Cache) -> None:
    @cache.invalidate_cache_pattern("dashboard:*")
    def update(number: int) -> str:
        return str(number)

    assert_type(update(1), str)
    with pytest.raises(TypeError):
        update("a", "b")  # type: ignore[call-arg, arg-type]
