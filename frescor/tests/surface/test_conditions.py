"""What is kept, for how long, and which calls go past the cache; and what came of a function's calls."""

import asyncio
import datetime as dt
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from frescor import Cache, PolicyError, current_load
from frescor._runtime.engine import Engine
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._store.memory import MemoryStore

real_time = time.time
numbers = itertools.count()


class Clock:
    """A time that a test moves, from now on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return real_time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def cache(clock: Clock) -> Iterator[Cache]:
    store = MemoryStore(now=clock)
    engine = Engine(store, local_bytes=0, key_secret=b"", ring=None, nondeterminism=Nondeterminism(now=clock))
    with Cache(engine) as cache:
        yield cache


def counting(cache: Cache, **options: Any) -> tuple[Callable[..., Any], list[object]]:
    """A function that returns what it is given, and the runs that it had."""
    runs: list[object] = []

    @cache.cached(expire=60, key_prefix="p", name=f"counting {next(numbers)}", early=False, jitter=0, **options)
    def read(value: object) -> object:
        runs.append(value)
        return value

    return read, runs


def test_a_value_that_is_not_to_be_kept_is_computed_each_time(cache: Cache) -> None:
    read, runs = counting(cache, store_if=lambda value: value is not None)
    assert [read(None), read(None), read(1), read(1)] == [None, None, 1, 1]
    assert runs == [None, None, 1]


def test_a_refresh_to_a_value_that_is_not_kept_ends_what_was_there(cache: Cache) -> None:
    now = [1]

    @cache.cached(expire=60, key_prefix="p", name="read", store_if=lambda value: value < 10)
    def read() -> int:
        return now[0]

    assert read() == 1
    now[0] = 20
    assert read.refresh() == 20
    now[0] = 21
    assert read() == 21


def test_a_call_goes_past_the_cache_and_leaves_what_is_there(cache: Cache) -> None:
    now = [1]

    @cache.cached(
        expire=60, key_prefix="p", name="read", bypass_if=lambda number, fresh=False: fresh, ignore=("fresh",)
    )
    def read(number: int, fresh: bool = False) -> int:
        return now[0]

    assert read(1) == 1
    now[0] = 2
    assert [read(1), read(1, fresh=True), read(1, True), read(1)] == [1, 2, 2, 1]


def test_a_method_goes_past_the_cache_by_its_instance(cache: Cache) -> None:
    class Service:
        def __init__(self, debug: bool) -> None:
            self.debug, self.runs = debug, 0

        @cache.cached_method(expire=60, key_prefix="p", bypass_if=lambda self, _: self.debug)
        def read(self, number: int) -> int:
            self.runs += 1
            return number

    plain, debug = Service(debug=False), Service(debug=True)
    assert [one.read(1) for one in (plain, debug, plain, debug)] == [1, 1, 1, 1]
    assert (plain.runs, debug.runs) == (1, 2)


def test_a_value_made_of_a_call_past_the_cache_ends_with_the_tags_of_that_call(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="rate", tags=("rates", "rate:{name}"), bypass_if=lambda name, live=False: live)
    def rate(name: str, live: bool = False) -> int:
        return next(numbers)

    @cache.cached(expire=60, key_prefix="price")
    def price(name: str) -> int:
        return rate(name, live=True)

    for tag in ("rates", "rate:BRL"):
        first = price("BRL")
        assert price("BRL") == first
        cache.invalidate(tag)
        assert price("BRL") != first
    last = price("BRL")
    cache.invalidate("rate:USD")
    assert price("BRL") == last


def test_a_call_past_the_cache_whose_tags_are_unknown_keeps_nothing_that_is_made_of_it(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="rate", bypass_if=lambda name, of: isinstance(of, Engine))
    def rate(name: str, of: object) -> int:
        return next(numbers)

    @cache.cached(expire=60, key_prefix="price")
    def price(name: str) -> int:
        return rate(name, object.__new__(Engine))

    assert price("BRL") != price("BRL")


def test_a_value_lives_for_as_long_as_its_own_function_says(cache: Cache, clock: Clock) -> None:
    lives = {"short": 5, "long": dt.timedelta(minutes=3), "policy": None, "never": 0}
    read, runs = counting(cache, ttl=lives.get)
    for _ in range(2):
        assert [read(name) for name in lives] == list(lives)
    assert runs == ["short", "long", "policy", "never", "never"]
    clock.ahead = 6
    assert [read(name) for name in ("short", "policy")] == ["short", "policy"]
    assert runs[5:] == ["short"]
    clock.ahead = 100
    assert [read(name) for name in ("policy", "long")] == ["policy", "long"]
    assert runs[6:] == ["policy"]
    clock.ahead = 200
    assert read("long") == "long"
    assert runs[7:] == ["long"]


def test_what_the_function_says_in_its_load_comes_before_its_ttl(cache: Cache, clock: Clock) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="p", early=False, ttl=lambda _: 500)
    def read() -> int:
        runs.append(1)
        current_load().expire(5)
        return len(runs)

    assert [read(), read()] == [1, 1]
    clock.ahead = 6
    assert read() == 2


def test_a_value_ends_at_the_moment_that_it_names(cache: Cache, clock: Clock) -> None:
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    read, runs = counting(cache, expire_at=lambda value: ends if value else None)
    assert [read(1), read(0), read(1), read(0)] == [1, 0, 1, 0]
    clock.ahead = 3500
    assert [read(1), read(0)] == [1, 0]
    assert runs == [1, 0, 0]
    clock.ahead = 3700
    read(1)
    assert runs == [1, 0, 0, 1]
    over, ran = counting(cache, expire_at=lambda _: dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
    assert [over("x"), over("x")] == ["x", "x"]
    assert ran == ["x", "x"]


@pytest.mark.parametrize("zone", [None, dt.UTC, dt.timezone(dt.timedelta(hours=-3))])
def test_a_value_ends_at_a_time_of_day(cache: Cache, clock: Clock, zone: dt.tzinfo | None) -> None:
    soon = dt.datetime.fromtimestamp(time.time() + 1800, zone)
    read, runs = counting(cache, expire_at=soon.timetz())
    read(1)
    clock.ahead = 1700
    read(1)
    assert runs == [1]
    clock.ahead = 1900
    read(1)
    assert runs == [1, 1]


@pytest.mark.parametrize("zone", [None, dt.UTC, dt.timezone(dt.timedelta(hours=-3))])
def test_a_time_of_day_that_is_over_is_that_of_tomorrow(cache: Cache, clock: Clock, zone: dt.tzinfo | None) -> None:
    before = dt.datetime.fromtimestamp(time.time() - 1800, zone)
    read, runs = counting(cache, expire_at=before.timetz())
    for hours in (0, 20, 24):
        clock.ahead = 3600.0 * hours
        read(1)
        assert len(runs) == 1 + (hours == 24), hours


def test_an_awaited_function_has_the_same_conditions(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="p", store_if=bool, bypass_if=lambda value: value == "past")
    async def read(value: str) -> str:
        runs.append(value)
        return value

    async def run() -> None:
        for value in ("", "", "kept", "kept", "past", "past"):
            assert await read(value) == value
        assert runs == ["", "", "kept", "past", "past"]
        info = read.cache_info()
        assert (info.hits, info.misses) == (1, 3)
        await read.cache_clear()
        await read("kept")
        assert runs[5:] == ["kept"]

    asyncio.run(run())


def test_what_runs_uncached_within_another_load_says_nothing_of_that(cache: Cache) -> None:
    inner, _ = counting(cache, store_if=lambda value: False)
    runs = []

    @cache.cached(expire=60, key_prefix="outer")
    def outer() -> object:
        runs.append(1)
        return inner.uncached(1)  # type: ignore[attr-defined]

    assert [outer(), outer()] == [1, 1]
    assert runs == [1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"store_if": True}, "store_if is a function of the value"),
        ({"bypass_if": "yes"}, "bypass_if is a function of the call's arguments"),
        ({"ttl": 30}, r"ttl is a function of the value.*write expire=…"),
        ({"expire_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}, "expire_at is a time of day, or a function"),
        ({"ttl": len, "expire_at": dt.time(0)}, "ttl and expire_at both"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(cache: Cache, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        counting(cache, **options)


def test_a_ttl_that_is_no_time_is_refused_where_it_is_said(cache: Cache) -> None:
    read, _ = counting(cache, ttl=lambda value: "soon")
    with pytest.raises(PolicyError, match=r"expire must be a number of seconds.*got 'soon'"):
        read(1)


# -- as functools has them -------------------------------------------------------------------------------------------


def test_cache_info_and_cache_clear_are_those_of_functools(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="p")
    def read(number: int) -> int:
        return number

    @cache.cached(expire=60, key_prefix="p")
    def other(number: int) -> int:
        return number

    for number in (1, 2, 1, 1):
        read(number)
    read(3.0)  # type: ignore[arg-type]
    read.refresh(1)
    other(1)
    assert read.cache_info() == (2, 3, None, 0)
    assert read.cache_info().misses == 3
    read.cache_clear()
    read(1)
    assert read.cache_info()[:2] == (2, 4)
    assert other.cache_info()[:2] == (0, 1)


def test_hits_on_copies_count_and_stay_counted_when_they_were_delivered() -> None:
    from frescor.testing import PrivateServer

    with PrivateServer() as server, Cache.from_url(server.url, "test", timeout=5) as cache:

        @cache.cached(expire=60, key_prefix="p")
        def read(number: int) -> int:
            return number

        read(1)
        assert cache._engine.listener is not None
        cache._engine.listener.await_alive(5)
        for _ in range(5):
            read(1)
        # The first of them may be answered by the server.
        assert cache.stats()["p"].local >= 1
        for _ in range(5):
            read(1)
        assert read.cache_info() == (10, 1, None, 1)
