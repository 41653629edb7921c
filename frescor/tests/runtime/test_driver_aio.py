"""A plan carried out in an event loop: what it holds is given back however it ends, cancelled above all."""

import asyncio
import threading
from collections.abc import Coroutine, Generator
from typing import Any

import pytest
from unsteady import UnsteadyStore, asking

from frescor import Policy
from frescor._plan import Arrive, LoadAnew
from frescor._protocol.commands import (
    UNAVAILABLE,
    ExtendLease,
    FlightResult,
    Grant,
    JoinFlight,
    Pause,
    Read,
    ReleaseLease,
    StoreCommand,
    TakeLease,
    Together,
)
from frescor._protocol.outcome import Outcome
from frescor._runtime.driver_aio import AsyncDriver, AsyncProcess, awaited_loader
from frescor._runtime.engine import Engine
from frescor._store.opening_aio import awaited
from frescor._values.codec import Codec
from frescor._values.tags import entry_tags
from frescor.errors import StoreRejected, StoreUnavailable

POLICY = Policy(name="p", expire=60)
TAKE = TakeLease("k", "mine", (), None)


def ran(process: AsyncProcess, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What it comes to, once all that goes on behind it has ended, too."""

    async def whole() -> Any:
        try:
            return await asyncio.wait_for(coroutine, 20)
        finally:
            await asyncio.gather(*process.behind, return_exceptions=True)

    return asyncio.run(whole())


@pytest.mark.parametrize("error", [StoreUnavailable, StoreRejected])
def test_what_the_store_does_not_answer_is_unavailable(
    engine: Engine, store: UnsteadyStore, error: type[StoreUnavailable | StoreRejected]
) -> None:
    process = AsyncProcess(engine, awaited(store))
    store.fails = error("no", operation="Read")
    assert ran(process, AsyncDriver(process, asking(Read(("k",), ()))).run()) == [UNAVAILABLE]


def test_a_plan_that_ends_with_a_lease_gives_it_back_behind_its_caller(engine: Engine, store: UnsteadyStore) -> None:
    process = AsyncProcess(engine, awaited(store))
    (grant,) = ran(process, AsyncDriver(process, asking(TAKE)).run())
    assert isinstance(grant, Grant)
    assert store.asked[-1] == ReleaseLease("k", "mine")
    assert store.perform(ExtendLease("k", "mine")) is False


def test_a_lease_whose_answer_was_not_waited_for_is_given_back(engine: Engine, store: UnsteadyStore) -> None:
    class Slow:
        """Carries out at once, and answers a lease that is asked for never."""

        async def perform(self, command: StoreCommand | Together) -> Any:
            answer = store.perform(command)
            if isinstance(command, TakeLease):
                await asyncio.Event().wait()
            return answer

        async def close(self) -> None:
            return

    process = AsyncProcess(engine, Slow())

    async def cancelled() -> None:
        task = asyncio.create_task(AsyncDriver(process, asking(TAKE)).run())
        while not store.asked:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    ran(process, cancelled())
    assert store.asked == [TAKE, ReleaseLease("k", "mine")]


def test_a_flight_whose_leader_is_cancelled_has_nothing_to_share(engine: Engine, store: UnsteadyStore) -> None:
    process = AsyncProcess(engine, awaited(store))

    async def cancelled() -> list[Any]:
        leader = asyncio.create_task(AsyncDriver(process, asking(JoinFlight("k"), Pause(1000.0))).run())
        while not process.flights:
            await asyncio.sleep(0)
        waiter = asyncio.create_task(AsyncDriver(process, asking(JoinFlight("k"))).run())
        await asyncio.sleep(0)
        leader.cancel()
        return await waiter

    assert ran(process, cancelled()) == [FlightResult(began=0)]
    assert not process.flights


def test_a_plain_loader_runs_in_a_thread_and_a_coroutine_function_in_the_loop() -> None:
    async def in_the_loop(*arguments: int) -> tuple[str, tuple[int, ...]]:
        return threading.current_thread().name, arguments

    def plain(*arguments: int) -> tuple[str, tuple[int, ...]]:
        return threading.current_thread().name, arguments

    async def both() -> list[Any]:
        return [await awaited_loader(in_the_loop)(1), await awaited_loader(plain)(1, 2)]

    (here, one), (there, two) = asyncio.run(both())
    assert (one, two) == ((1,), (1, 2))
    assert here == threading.main_thread().name != there


def test_a_plain_loader_may_give_what_is_to_be_awaited() -> None:
    async def value() -> int:
        return 7

    async def run() -> object:
        return await awaited_loader(lambda: value())()

    assert asyncio.run(run()) == 7


@pytest.mark.parametrize("fails", [False, True])
def test_a_load_behind_its_caller_is_handed_over_within_its_patience(
    engine: Engine, store: UnsteadyStore, fails: bool
) -> None:
    process = AsyncProcess(engine, awaited(store))

    async def load() -> int:
        if fails:
            raise LookupError("no row")
        return 7

    def steps(patience: float) -> Generator[Any, Any, Any]:
        request = yield Arrive("p:k", entry_tags("p:k", ()), POLICY, Codec(int))
        return (yield LoadAnew(request, patience))

    assert ran(process, AsyncDriver(process, steps(0.0), load).run()) is None
    found = ran(process, AsyncDriver(process, steps(10.0), load).run())
    assert isinstance(found, LookupError if fails else Outcome)
    counted = engine.reporter._counters.take()
    assert counted == ({"errors|p": 2} if fails else {"refreshes|p": 2})
