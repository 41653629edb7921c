"""Who is told what happens, by which of a cache's calls."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from unsteady import UnsteadyStore

from frescor import Cache, Event, Policy, PolicyError
from frescor._runtime.hooks import Hooks, Kind
from frescor.errors import StoreUnavailable
from frescor.testing import PrivateServer

POLICY = Policy(name="dues", expire=60, tags=("year",), early=False)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "hooks") as cache:
        yield cache


def told(cache: Cache, *kinds: Kind) -> list[Event]:
    events: list[Event] = []
    for kind in kinds or ("hit", "miss", "load", "invalidate", "error"):
        cache._hook(kind, events.append)
    return events


def test_a_call_that_finds_nothing_is_a_miss_and_a_load_and_the_next_is_a_hit(cache: Cache) -> None:
    events = told(cache)

    @cache.cached(POLICY, name="of_year")
    def of_year(year: int) -> int:
        return year

    of_year(1)
    of_year(1)
    assert [(event.kind, event.how) for event in events] == [("miss", ""), ("load", "call"), ("hit", "hits")]
    assert {(event.policy, event.function, event.key, event.tags) for event in events} == {
        ("dues", "of_year", of_year.key(1), ("year",))
    }


def test_a_coroutine_functions_calls_are_told_alike(cache: Cache) -> None:
    events = told(cache)

    @cache.cached(POLICY)
    async def of_year(year: int) -> int:
        return year

    async def call_twice() -> None:
        await of_year(1)
        await of_year(1)
        await cache.aio.invalidate("year")
        await cache.aio.close()

    asyncio.run(call_twice())
    assert [event.kind for event in events] == ["miss", "load", "hit", "invalidate"]


def test_a_copy_in_this_process_is_a_hit_too_from_the_moment_that_somebody_looks_on() -> None:
    with PrivateServer() as server, Cache.from_url(server.url, "hooks") as cache:

        @cache.cached(POLICY)
        def value() -> int:
            return 1

        listener = cache._engine.listener
        value()
        assert listener is not None
        assert listener.await_alive(10)
        for _ in range(3):
            value()
        events = told(cache, "hit")
        value()
        assert [(event.how, event.tags) for event in events] == [("local", ("year",))]
        cache.unhook(events.append)
        assert value() == 1
        assert cache._engine.detour is None


def test_values_under_keys_are_hits_and_misses_of_the_key(cache: Cache) -> None:
    events = told(cache)
    cache.get("a:b")
    cache.set("a:b", 1)
    cache.get("a:b")
    cache.get_many("a:b", "a:c")
    assert [(event.kind, event.policy, event.key) for event in events] == [
        ("miss", "(keys)", "a:b"),
        ("hit", "(keys)", "a:b"),
        ("hit", "(keys)", "a:b"),
        ("miss", "(keys)", "a:c"),
    ]


def test_an_invalidation_says_what_it_ended_as_it_was_written(cache: Cache) -> None:
    events = told(cache, "invalidate")
    cache.invalidate("year", "month")
    cache.invalidate_pattern("dues:*")
    cache.delete("a:b")
    cache.clear_all()
    assert [(event.tags, event.patterns, event.keys, event.how) for event in events] == [
        (("year", "month"), (), (), "done"),
        ((), ("dues:*",), (), "done"),
        ((), (), ("a:b",), "done"),
        ((), ("*",), (), "done"),
    ]


def test_a_failed_loader_is_a_load_with_its_error_and_an_error(cache: Cache) -> None:
    events = told(cache, "load", "error")

    @cache.cached(POLICY)
    def fails() -> int:
        raise LookupError("no row")

    with pytest.raises(LookupError):
        fails()
    assert [(event.kind, str(event.error)) for event in events] == [("load", "no row"), ("error", "no row")]


def test_a_refresh_is_a_load_and_no_miss(cache: Cache) -> None:
    events = told(cache)

    @cache.cached(POLICY)
    def value() -> int:
        return 1

    value.refresh()
    assert [(event.kind, event.how) for event in events if event.kind != "invalidate"] == [("load", "refresh")]


def test_a_store_that_does_not_answer_is_an_error_and_an_invalidation_that_waits() -> None:
    store = UnsteadyStore()
    with Cache.from_url("memory://", "hooks") as cache:
        cache._engine.store = store
        store.fails = StoreUnavailable("gone")
        events = told(cache, "invalidate", "error")
        cache.invalidate("year")
        assert [(event.kind, event.how, event.error) for event in events] == [
            ("error", "", store.fails),
            ("invalidate", "waits", None),
        ]
        store.fails = None


def test_a_hook_that_raises_breaks_no_call_and_is_said_once(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    @cache.on_hit
    def broken(event: Event) -> None:
        raise KeyError(event.key)

    cache.on_hit(seen.append)
    cache.set("k", 1)
    with caplog.at_level(logging.WARNING, "frescor"):
        assert [cache.get("k"), cache.get("k")] == [1, 1]
    assert len(seen) == 2
    assert len(caplog.records) == 1
    assert "broken, a hook for on_hit, raised KeyError('k')" in caplog.text


def test_a_hook_may_call_the_cache_and_is_not_told_of_that(cache: Cache) -> None:
    seen = []

    @cache.on_miss
    def count(event: Event) -> None:
        seen.append(event.key)
        cache.get("other")

    cache.get("k")
    assert seen == ["k"]


def test_a_coroutine_function_is_refused_as_a_hook_with_what_to_do(cache: Cache) -> None:
    async def hook(event: Event) -> None: ...

    with pytest.raises(PolicyError, match=r"on_hit takes a plain function of one Event.*queue"):
        cache.on_hit(hook)
    with pytest.raises(PolicyError, match="got 3"):
        cache.on_load(3)  # type: ignore[type-var]


def test_a_hook_is_told_as_often_as_it_was_added() -> None:
    hooks = Hooks(lambda: None)
    seen: list[Event] = []
    note = seen.append
    hooks.add({"hit": note})
    hooks.add({"hit": note})
    hooks.remove({"hit": note, "miss": note})
    hooks.tell(hooks.hit, Event("hit"))
    assert len(seen) == 1
