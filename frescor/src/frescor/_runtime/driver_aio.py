"""One plan being carried out in an event loop: each command, and what must not be left behind."""

import asyncio
import contextlib
import inspect
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from types import MappingProxyType
from typing import Any, cast

from frescor import _plan as plan
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    Board,
    Command,
    DependOn,
    GaveUp,
    Land,
    Landing,
    Load,
    LoadMany,
    Note,
    Pause,
    ReleaseLease,
    StoreCommand,
    TakeLease,
    Together,
    Wait,
)
from frescor._runtime.engine import FIRST_LOOK, LAST_LOOK, PUSHED_LOOK, Engine
from frescor._runtime.load_under_way import PlanUnderWay, R
from frescor._store.base import AsyncStore
from frescor.errors import StoreRejected, StoreUnavailable


def awaited_loader(loader: Callable[[], object], *, like: object = None) -> Callable[[], Awaitable[object]]:
    """The loader as a coroutine function. A plain one runs in a thread, so that it does not hold up the loop.

    `like`: what the loader calls, where it is that which tells.
    """
    in_thread = not inspect.iscoroutinefunction(loader if like is None else like)

    async def run() -> object:
        value = await asyncio.to_thread(loader) if in_thread else loader()
        return await value if inspect.isawaitable(value) else value

    return run


class AsyncProcess:
    """What the tasks of this process share of one cache: its store, awaited, the loads under way, and the tasks that go
    on behind their callers."""

    def __init__(self, engine: Engine, store: AsyncStore) -> None:
        self.engine = engine
        self.store = store
        # A future belongs to its loop: loops in several threads each have their own.
        self.flights: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Future[Landing]]] = (
            weakref.WeakKeyDictionary()
        )
        # A task that nobody holds may be collected while it runs.
        self.behind: set[asyncio.Task[Any]] = set()

    def keep(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Run this in a task of its own."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.behind.add(task)
        task.add_done_callback(self.behind.discard)
        return task


class AsyncDriver(PlanUnderWay[R]):
    """One plan being carried out, in an event loop: see `_runtime.driver.Driver`."""

    __slots__ = ("_flights", "_process", "_steps")

    def __init__(
        self,
        process: AsyncProcess,
        steps: Generator[Command, Any, R],
        requests: Mapping[str, plan.Request] = MappingProxyType({}),
    ) -> None:
        super().__init__(process.engine, requests)
        self._process = process
        self._steps = steps
        self._flights: dict[str, asyncio.Future[Landing]] = {}

    async def wants_load(self) -> bool:
        """Whether there is something to load; else the plan has ended, with its `result`."""
        while True:
            try:
                command = self._steps.send(self._reply)
            except StopIteration as done:
                self.result = done.value
                return False
            if isinstance(command, Load | LoadMany):
                self._load = command
                return True
            self._reply = await self.carry_out(command)

    async def carry_out(self, command: Command) -> object:
        match command:
            case Board(key, wait):
                return await self._board(key, wait=wait)
            case Land(key, landing):
                self._land(key, landing)
                return None
            case Wait():
                return await self._wait(command)
            case Pause(seconds):
                if seconds > 0:
                    await asyncio.sleep(seconds)
                return self._engine.nondeterminism.monotonic()
            case DependOn(tags):
                self._engine.depend_on(tags)
                return None
            case Note(key, error):
                self._engine.unreadable(self._policy_of(key), key, error)
                return None
        return await self._ask(cast(StoreCommand | Together, command))

    def leave(self) -> None:
        """Wake who waits and give the leases back, if the plan ended without: cancelled, mostly."""
        for key in tuple(self._flights):
            self._land(key, NOTHING_SHARED)
        for key, token in tuple(self._leases.items()):
            self._engine.keeper.drop(token)
            self._process.keep(self._release(ReleaseLease(key, token)))

    async def _release(self, command: ReleaseLease) -> None:
        if await self._ask(command) is UNAVAILABLE:
            self._engine.pending.add(leases=[(command.key, command.token)])

    async def _ask(self, command: StoreCommand | Together) -> object:
        for one in command.commands if isinstance(command, Together) else (command,):
            if isinstance(one, TakeLease):
                # From before it is sent: cancelled while the server answers, it may be held.
                self._leases[one.key] = one.token
        try:
            answer = await self._process.store.perform(command)
        except StoreUnavailable:
            answer = UNAVAILABLE
        except StoreRejected as error:
            self._engine.refused(command, error)
            answer = UNAVAILABLE
        else:
            self._engine.accepted(command)
        if isinstance(command, TakeLease) and answer is None:
            self._leases.pop(command.key, None)
        elif isinstance(command, Together) and isinstance(answer, list):
            for one, its_answer in zip(command.commands, answer, strict=True):
                if isinstance(one, TakeLease) and its_answer is None:
                    self._leases.pop(one.key, None)
        self._engine.note_leases(self._leases, command, answer)
        return answer

    async def _board(self, key: str, *, wait: bool) -> Landing | GaveUp | None:
        loop = asyncio.get_running_loop()
        flights = self._process.flights.setdefault(loop, {})
        flight = flights.get(key)
        if flight is None:
            flights[key] = self._flights[key] = loop.create_future()
            return None
        if not wait:
            return GaveUp.GAVE_UP
        try:
            with self._engine.waits.waiting(self._engine.loading_around(), key):
                # Shielded: whoever gives up waiting must not end the flight for the others.
                return await asyncio.wait_for(asyncio.shield(flight), plan.LONGEST_WAIT_MS / 1000)
        except TimeoutError:
            return GaveUp.GAVE_UP

    def _land(self, key: str, landing: Landing) -> None:
        flight = self._flights.pop(key, None)
        if flight is None:
            return
        loop = flight.get_loop()
        flights = self._process.flights[loop]
        del flights[key]
        if not flights:
            del self._process.flights[loop]
        if not flight.done():
            flight.set_result(landing)

    async def _wait(self, command: Wait) -> float:
        engine, loop = self._engine, asyncio.get_running_loop()
        start = engine.nondeterminism.monotonic()
        woken = asyncio.Event()

        def wake() -> None:
            # A loop that was closed meanwhile has nobody left to wake.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        if engine.local.watch(command.key, command.mark, wake):
            listening = start < engine.local.alive_until
            pause = PUSHED_LOOK if listening else min(FIRST_LOOK * 2**command.turn, LAST_LOOK)
            try:
                await asyncio.wait_for(woken.wait(), pause)
            except TimeoutError:
                pass  # looked for again in any case
            finally:
                engine.local.unwatch(command.key, wake)
        return (engine.nondeterminism.monotonic() - start) * 1000
