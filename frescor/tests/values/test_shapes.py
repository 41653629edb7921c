"""Versions of one function that run side by side: each reads only its own entries, and each ends those of all."""

import asyncio
import dataclasses
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from frescor import AsyncCached, Cache, Cached
from frescor._store.memory import MemoryStore
from frescor._values.entry import Packing
from frescor._values.shapes import YOUNG_SECONDS, call_tags, key_apart
from frescor.testing import PrivateServer

database = {"cents": 100}
loads: list[str] = []


@dataclasses.dataclass(frozen=True)
class Price:
    cents: int


@dataclasses.dataclass(frozen=True)
class PriceWithCurrency:
    cents: int
    currency: str = "EUR"


def price(number: int) -> Any:
    loads.append(Returned.__name__)
    return Returned(database["cents"])


async def awaited_price(number: int) -> Any:
    return Returned(database["cents"])


Returned = Price


def of_version(function: Callable[..., Any], returns: type) -> Callable[..., Any]:
    """The function as the program of one version has it: it returns this, and its module was loaded on its own."""
    made = types.FunctionType(
        function.__code__, {**globals(), "Returned": returns, "__spec__": object()}, function.__name__
    )
    made.__annotations__ = {**function.__annotations__, "return": returns}
    return made


def version(cache: Cache, returns: type, **options: Any) -> Cached[[int], Any]:
    function: Cached[[int], Any] = cache.cached(expire=3600, jitter=0, key_prefix="shop", **options)(
        of_version(price, returns)
    )
    return function


@pytest.fixture(autouse=True)
def as_new() -> None:
    database["cents"] = 100
    loads.clear()


@pytest.fixture
def caches(server: PrivateServer) -> Iterator[tuple[Cache, Cache]]:
    """The caches of two processes, without copies: those may be behind by a push."""
    with (
        Cache.from_url(server.url, "test", local=False, timeout=5) as one,
        Cache.from_url(server.url, "test", local=False, timeout=5) as other,
    ):
        yield one, other


Ending = Callable[[Cached[[int], Any]], object]


@pytest.mark.parametrize("other_options", [{}, {"version": 2}], ids=["type", "version"])
@pytest.mark.parametrize(
    "end",
    [
        lambda price: price.invalidate(1),
        lambda price: price.refresh(1),
        lambda price: price.invalidate_all(),
    ],
    ids=["invalidate", "refresh", "invalidate_all"],
)
def test_what_one_version_ends_is_ended_for_all(
    caches: tuple[Cache, Cache], end: Ending, other_options: dict[str, Any]
) -> None:
    old = version(caches[0], Price)
    new = version(caches[1], Price if other_options else PriceWithCurrency, **other_options)
    assert (old(1).cents, new(1).cents) == (100, 100)
    for cents, one in ((200, new), (300, old), (400, new), (500, old)):
        database["cents"] = cents
        end(one)
        assert (old(1).cents, new(1).cents) == (cents, cents)
        assert (new(1).cents, old(1).cents) == (cents, cents)


def test_the_key_is_the_same_for_all_versions_and_deleting_it_ends_all(caches: tuple[Cache, Cache]) -> None:
    old, new = version(caches[0], Price), version(caches[1], PriceWithCurrency)
    assert old.key(1) == new.key(1)
    for delete in (caches[0].delete, caches[1].invalidate_pattern):
        old(1), new(1)
        database["cents"] += 1
        assert delete(new.key(1))
        assert old(1).cents == new(1).cents == database["cents"]


def test_each_version_has_its_own_entry_and_neither_takes_turns(caches: tuple[Cache, Cache]) -> None:
    old, new = version(caches[0], Price), version(caches[1], PriceWithCurrency)
    for _ in range(5):
        assert old(1) == Price(100)
        assert new(1) == PriceWithCurrency(100)
    assert sorted(loads) == ["Price", "PriceWithCurrency"]


def test_a_copy_in_the_process_is_not_read_by_another_version(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        old, new = version(cache, Price), version(cache, PriceWithCurrency)
        listener = cache._engine.listener
        cache._engine.listen()
        assert listener is not None
        listener.await_alive(5)
        for _ in range(4):
            assert (old(1), new(1)) == (Price(100), PriceWithCurrency(100))
        assert sorted(loads) == ["Price", "PriceWithCurrency"]
        new.invalidate(1)
        database["cents"] = 200
        assert (old(1), new(1)) == (Price(200), PriceWithCurrency(200))


def awaited_version(cache: Cache, returns: type) -> AsyncCached[[int], Any]:
    function: AsyncCached[[int], Any] = cache.cached(expire=3600, jitter=0, key_prefix="shop")(
        of_version(awaited_price, returns)
    )
    return function


def test_versions_await_alike(caches: tuple[Cache, Cache]) -> None:
    old, new = awaited_version(caches[0], Price), awaited_version(caches[1], PriceWithCurrency)

    async def run() -> None:
        for end in (new.invalidate, old.refresh, new.refresh, old.invalidate, new.invalidate):
            for _ in range(2):
                assert await old(1) == Price(database["cents"])
                assert await new(1) == PriceWithCurrency(database["cents"])
            database["cents"] += 1
            await end(1)
        for cache in caches:
            await cache.aio.close()

    asyncio.run(run())


def stored(cache: Cache) -> dict[str, int]:
    """The shape of each entry, by key."""
    store = cache.store
    assert isinstance(store, MemoryStore)
    return {
        name[2:]: Packing().unpack(name[2:], item.value).shape
        for name, item in store._items.items()
        if name.startswith("e:") and isinstance(item.value, bytes)
    }


def test_an_entry_that_another_version_made_long_ago_is_stored_over() -> None:
    with Cache.from_url("memory://", "test") as cache:
        time = 1_800_000_000.0
        cache.store._now = lambda: time  # type: ignore[attr-defined]
        cache._engine.nondeterminism = dataclasses.replace(cache._engine.nondeterminism, now=lambda: time)
        old, new = version(cache, Price), version(cache, PriceWithCurrency)
        key = old.key(1)
        old(1)
        time += YOUNG_SECONDS - 1
        new(1)
        assert stored(cache) == {key: old._site.shape.digest, key_apart(key, new._site.shape): new._site.shape.digest}
        # The one beside ends by itself, and finds the other one old by then.
        time += YOUNG_SECONDS + 1
        old(2), new(2)
        database["cents"] = 200
        old.invalidate(1)
        old(1)
        time += YOUNG_SECONDS + 1
        assert new(1) == PriceWithCurrency(200)
        assert stored(cache)[key] == new._site.shape.digest
        assert new(1) == PriceWithCurrency(200)


def test_only_the_keys_of_calls_have_a_tag_for_other_versions() -> None:
    call = f"shop:price:{'0a' * 16}"
    assert call_tags(("shop:price", "k", call, f"{call}:more", "0" * 31)) == (f"+{call}",)
