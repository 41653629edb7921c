"""What only the async driver can get wrong: the loop, and cancellation."""

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import redis

from frescor import Cache, Policy
from frescor.testing import PrivateServer

POLICY = Policy(name="p", expire=60)


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[Cache]:
    with Cache.from_url(server.url, "test") as cache:
        yield cache


def run(cache: Cache, test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            await test()
        finally:
            await cache.aio.close()

    asyncio.run(whole())


def test_the_same_decorator_makes_a_coroutine_function_of_a_coroutine_function(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="double", tags=("number:{number}",))
    async def double(number: int) -> int:
        runs.append(number)
        await asyncio.sleep(0)
        return number * 2

    async def test() -> None:
        assert [await double(2), await double(number=2), await double.uncached(3)] == [4, 4, 6]
        assert await double.refresh(2) == 4
        await cache.aio.invalidate("number:2")
        assert await double(2) == 4
        await double.invalidate(2)
        assert await double(2) == 4
        await double.invalidate_all()
        assert await double(2) == 4
        assert double.key(2).startswith("double:")

    run(cache, test)
    assert runs == [2, 3, 2, 2, 2, 2]


def test_a_thousand_tasks_that_miss_together_run_one_loader(server: PrivateServer) -> None:
    runs = []
    # A machine that is busy with other tests may be slow to answer: that is not what is tested.
    cache = Cache.from_url(server.url, "test", timeout=10)

    @cache.cached(expire=60, key_prefix="together")
    async def load() -> int:
        runs.append(1)
        await asyncio.sleep(0.05)
        return 42

    async def test() -> None:
        assert set(await asyncio.gather(*(load() for _ in range(1000)))) == {42}

    run(cache, test)
    cache.close()
    assert len(runs) == 1


def test_a_plain_loader_does_not_hold_up_the_loop(cache: Cache) -> None:
    async def test() -> None:
        loop_ran = threading.Event()

        def slow() -> bool:
            return loop_ran.wait(10)

        task = asyncio.create_task(cache.aio.get_or_load("k", slow, POLICY))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, loop_ran.set)
        assert await task is True

    run(cache, test)


def test_a_task_cancelled_while_it_loads_leaves_no_lease_and_its_waiters_load(
    cache: Cache, server: PrivateServer
) -> None:
    async def test() -> None:
        loading = asyncio.Event()

        async def never() -> int:
            loading.set()
            await asyncio.Event().wait()
            return 0

        async def load() -> int:
            return 5

        first = asyncio.create_task(cache.aio.get_or_load("k", never, POLICY))
        await loading.wait()
        second = asyncio.create_task(cache.aio.get_or_load("k", load, POLICY))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await asyncio.wait_for(second, 2) == 5

    run(cache, test)
    assert not cache.aio._process.flights
    with redis.Redis.from_url(server.admin_url) as client:
        assert client.keys("test:l:*") == []


def test_a_task_cancelled_while_it_waits_leaves_the_load_and_the_others_alone(cache: Cache) -> None:
    async def test() -> None:
        loading, may_end = asyncio.Event(), asyncio.Event()

        async def load() -> int:
            loading.set()
            await may_end.wait()
            return 5

        first = asyncio.create_task(cache.aio.get_or_load("k", load, POLICY))
        await loading.wait()
        waiters = [asyncio.create_task(cache.aio.get_or_load("k", load, POLICY)) for _ in range(3)]
        await asyncio.sleep(0.02)
        waiters[0].cancel()
        may_end.set()
        assert list(await asyncio.gather(first, waiters[1], waiters[2])) == [5, 5, 5]
        with pytest.raises(asyncio.CancelledError):
            await waiters[0]

    run(cache, test)
    assert cache._engine.local._waiters == {}


def test_a_command_cancelled_while_the_server_answers_spoils_no_connection(cache: Cache, server: PrivateServer) -> None:
    async def test() -> None:
        await cache.aio.set("a", "first")
        await cache.aio.set("b", "second")
        for _ in range(50):
            task = asyncio.create_task(cache.aio.get("a"))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await cache.aio.get("b") == "second"

    run(cache, test)


def test_one_cache_serves_loops_one_after_the_other(cache: Cache) -> None:
    async def test() -> None:
        await cache.aio.set("a", 1)
        assert await cache.aio.get("a") == 1

    run(cache, test)
    run(cache, test)


def test_with_the_store_down_it_loads() -> None:
    down = Cache.from_url("unix:///nowhere/there.sock", "test")

    async def test() -> None:
        async def load() -> int:
            return 5

        assert await down.aio.get_or_load("k", load, POLICY) == 5
        assert await down.aio.set("k", 1) is False
        assert await down.aio.invalidate("t") is False

    with down:
        run(down, test)


def test_a_server_that_hangs_costs_its_deadline_once(cache: Cache, server: PrivateServer) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        await cache.aio.get("k")
        server.pause()
        began = loop.time()
        assert await cache.aio.get("k") is None
        first = loop.time() - began
        began = loop.time()
        for _ in range(20):
            assert await cache.aio.get("k") is None
        assert loop.time() - began < first
        server.resume()

    run(cache, test)


def test_a_decorated_writer_is_awaited_and_then_invalidates(cache: Cache) -> None:
    async def test() -> None:
        await cache.aio.set("dashboard:a", 1)

        @cache.invalidate_cache_pattern("dashboard:*")
        async def write() -> str:
            assert await cache.aio.get("dashboard:a") == 1
            return "written"

        assert await write() == "written"
        assert await cache.aio.get("dashboard:a") is None

    run(cache, test)


def test_loops_in_several_threads_do_not_end_each_other_s_waiting() -> None:
    cache = Cache.from_url("memory://", "test")
    first_runs, second_runs, go = threading.Event(), threading.Event(), threading.Event()

    async def load(runs: threading.Event) -> int:
        runs.set()
        await asyncio.to_thread(go.wait, 10)
        return 5

    async def both(runs: threading.Event) -> list[int]:
        policy = Policy(name="p", expire=60)
        return await asyncio.gather(
            *(cache.aio.get_or_load("k", functools.partial(load, runs), policy, as_type=int) for _ in range(3))
        )

    results: list[int] = []
    threads = []
    for runs in (first_runs, second_runs):
        threads.append(threading.Thread(target=lambda runs=runs: results.extend(asyncio.run(both(runs)))))
        threads[-1].start()
    assert first_runs.wait(10) or second_runs.wait(10)
    go.set()
    for thread in threads:
        thread.join(20)
    assert results == [5] * 6
    assert not cache.aio._process.flights
