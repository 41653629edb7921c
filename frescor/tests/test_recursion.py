"""A call that comes back to itself is an error at once; recursion over other arguments goes as deep as Python's own."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from blocking_cache import BlockingCache
from frescor import Cache, Policy, PolicyError
from frescor.testing import PrivateServer

POLICY = Policy(name="p", expire=60)


@pytest.fixture(params=["memory", "server", "server away"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    if request.param == "server":
        with PrivateServer(namespaces=("test",)) as server, Cache.from_url(server.url, "test", timeout=5) as cache:
            yield cache
        return
    url = "memory://" if request.param == "memory" else "unix:///nowhere/there.sock"
    with Cache.from_url(url, "test") as cache:
        yield cache


def awaited(cache: Cache, function: Callable[[], Any]) -> Any:
    """What an async function gives, in a loop of its own."""

    async def run() -> Any:
        try:
            return await function()
        finally:
            await cache.aio.close()

    return asyncio.run(run())


def test_a_call_of_itself_is_an_error_that_names_the_function(cache: Cache) -> None:
    @cache.cached(POLICY)
    def again(number: int) -> int:
        return again(number)

    for call in (again, again.refresh, again):
        with pytest.raises(PolicyError, match=r"again calls itself with the same arg.*again → .*again.*uncached"):
            call(3)


def test_a_call_of_itself_by_way_of_others_is_one_too(cache: Cache) -> None:
    @cache.cached(POLICY)
    def first(number: int) -> int:
        return second(number)

    @cache.cached(POLICY)
    def second(number: int) -> int:
        return cache.get_or_load("third", lambda: first(number), POLICY)

    with pytest.raises(PolicyError, match=r"first → \S*second → p → \S*first\)"):
        first(1)
    assert cache.get_or_load("fine", lambda: 1, POLICY) == 1


def test_an_entry_that_is_there_makes_no_difference(cache: Cache) -> None:
    deep = {"now": False}

    @cache.cached(POLICY, name="again")
    def again() -> int:
        return again() if deep["now"] else 1

    assert again() == 1
    deep["now"] = True
    with pytest.raises(PolicyError, match="again"):
        again.refresh()


def test_loaders_of_keys_that_a_caller_chose_are_no_exception(cache: Cache) -> None:
    def load() -> int:
        return cache.get_or_load("k", load, POLICY)

    def load_many(keys: tuple[str, ...]) -> dict[str, int]:
        return {key: cache.get_or_load("b", lambda: 1, POLICY) for key in keys}

    with pytest.raises(PolicyError, match="calls itself with the same arguments"):
        cache.get_or_load("k", load, POLICY)
    with pytest.raises(PolicyError, match="calls itself with the same arguments"):
        cache.get_or_load_many(["a", "b"], load_many, POLICY)
    assert cache.get_or_load_many(["a", "c"], load_many, POLICY) == {"a": 1, "c": 1}


def test_async_calls_of_themselves_are_errors_in_tasks_too(cache: Cache) -> None:
    @cache.cached(POLICY)
    async def again(number: int) -> int:
        return await again(number)

    @cache.cached(POLICY)
    async def in_a_task(number: int) -> int:
        (got,) = await asyncio.gather(in_a_task(number))
        return got

    @cache.cached(POLICY)
    async def in_a_thread(number: int) -> int:
        return await asyncio.to_thread(plain, number)

    @cache.cached(POLICY)
    def plain(number: int) -> int:
        return asyncio.run(in_a_thread(number))

    for function in (again, in_a_task, in_a_thread):
        with pytest.raises(PolicyError, match="calls itself with the same arguments"):
            awaited(cache, lambda function=function: function(1))  # type: ignore[misc]


def test_a_thread_that_was_given_the_context_of_a_load_is_part_of_it(cache: Cache) -> None:
    with ThreadPoolExecutor(1) as pool:

        @cache.cached(POLICY, name="again")
        def again() -> int:
            return pool.submit(copy_context().run, again).result(20)

        with pytest.raises(PolicyError, match="calls itself with the same arguments"):
            again()


def test_a_second_cache_on_the_same_keys_is_no_way_around(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test") as one, Cache.from_url(server.url, "test") as other:

        def load() -> int:
            return other.get_or_load("k", load, POLICY)

        with pytest.raises(PolicyError, match="calls itself with the same arguments"):
            one.get_or_load("k", load, POLICY)


def test_another_store_has_keys_of_its_own() -> None:
    with Cache.from_url("memory://", "test") as near, Cache.from_url("memory://", "test") as far:
        assert near.get_or_load("k", lambda: far.get_or_load("k", lambda: 1, POLICY), POLICY) == 1


def test_what_a_load_left_behind_may_call_it_once_it_has_ended(cache: Cache) -> None:
    tasks: list[asyncio.Task[int]] = []
    ended = asyncio.Event()

    @cache.cached(POLICY, name="again")
    async def again() -> int:
        if not tasks:
            tasks.append(asyncio.create_task(later()))
        return 1

    async def later() -> int:
        await ended.wait()
        return await again()

    async def run() -> int:
        assert await again() == 1
        ended.set()
        return await tasks[0]

    assert awaited(cache, run) == 1


def test_two_threads_that_wait_for_each_other_are_told(cache: Cache) -> None:
    both = threading.Barrier(2, timeout=20)
    met: list[str] = []

    def meet(name: str) -> None:
        # What fails is loaded again by whoever waited for it: nobody comes a second time.
        if name not in met:
            met.append(name)
            both.wait()

    @cache.cached(POLICY, name="first")
    def first() -> int:
        meet("first")
        return second()

    @cache.cached(POLICY, name="second")
    def second() -> int:
        meet("second")
        return first()

    errors: list[BaseException] = []

    def call(function: Callable[[], int]) -> None:
        try:
            function()
        except PolicyError as error:
            errors.append(error)

    threads = [threading.Thread(target=call, args=(function,)) for function in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(25)
    assert not any(thread.is_alive() for thread in threads)
    assert any("wait for each other" in str(error) for error in errors)


def test_two_tasks_that_wait_for_each_other_are_told(cache: Cache) -> None:
    @cache.cached(POLICY)
    async def first() -> int:
        await asyncio.sleep(0)
        return await second()

    @cache.cached(POLICY)
    async def second() -> int:
        await asyncio.sleep(0)
        return await first()

    async def run() -> list[Any]:
        got: list[Any] = await asyncio.gather(first(), second(), return_exceptions=True)
        return got

    got = awaited(cache, run)
    assert all(isinstance(error, PolicyError) for error in got)


DEEP = 900


def test_recursion_over_other_arguments_goes_as_deep_as_pythons_own() -> None:
    limit = sys.getrecursionlimit()
    with Cache.from_url("memory://", "test") as cache:

        @cache.cached(POLICY)
        def down(number: int) -> int:
            return number if number == 0 else down(number - 1) + 1

        @cache.cached(POLICY)
        async def awaited_down(number: int) -> int:
            return number if number == 0 else await awaited_down(number - 1) + 1

        # On a thread of its own, where nothing of a test runner is beneath.
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(down, DEEP).result() == DEEP
            assert pool.submit(awaited, cache, lambda: awaited_down(DEEP)).result() == DEEP
        assert sys.getrecursionlimit() == limit
        assert down(DEEP + 10) == DEEP + 10


def test_recursion_without_end_ends_as_pythons_own_and_leaves_nothing_held(server: PrivateServer) -> None:
    limit = sys.getrecursionlimit()
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        endless = {"yes": True}

        @cache.cached(POLICY, name="up")
        def up(number: int) -> int:
            return up(number + 1) if endless["yes"] else number

        with pytest.raises(RecursionError):
            up(0)
        assert sys.getrecursionlimit() == limit
        endless["yes"] = False
        # Each of them at once: no lease and no waiter is left.
        assert [up(number) for number in range(0, 1000, 10)] == list(range(0, 1000, 10))
        assert cache._engine.flights._flights == {}
        assert cache._engine.waits._waits == {}


def test_a_cache_by_the_other_driver_is_refused_alike(cache: Cache) -> None:
    blocking = BlockingCache(cache)
    try:

        def load() -> int:
            return blocking.get_or_load("k", load, POLICY)

        with pytest.raises(PolicyError, match="calls itself with the same arguments"):
            blocking.get_or_load("k", load, POLICY)
    finally:
        blocking.close()
