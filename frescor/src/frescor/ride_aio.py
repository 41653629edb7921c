"""One plan being carried out in an event loop: each command, and what must not be left behind."""

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from frescor import plan
from frescor.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    Board,
    Command,
    DependOn,
    GaveUp,
    Land,
    Landing,
    Load,
    Loaded,
    LoadMany,
    Note,
    Raised,
    ReleaseLease,
    StoreCommand,
    TakeLease,
    Together,
    Wait,
)
from frescor.engine import BY_KEY, FIRST_LOOK, LAST_LOOK, PUSHED_LOOK
from frescor.errors import StoreRejected, StoreUnavailable
from frescor.loading import Loading

if TYPE_CHECKING:
    from frescor.aio import AsyncCache

# What loads the values of some keys, by key.
AsyncLoader = Callable[[tuple[str, ...]], Awaitable[Mapping[str, object]]]


def for_one(loader: Callable[[], Awaitable[object]]) -> AsyncLoader:
    """The loader of one key as a loader of several."""

    async def load(keys: tuple[str, ...]) -> Mapping[str, object]:
        return {keys[0]: await loader()}

    return load


def awaited_loader(loader: Callable[[], object], *, like: object = None) -> Callable[[], Awaitable[object]]:
    """The loader as a coroutine function. A plain one runs in a thread, so that it does not hold up the loop.

    `like`: what the loader calls, where it is that which tells.
    """
    in_thread = not inspect.iscoroutinefunction(loader if like is None else like)

    async def run() -> object:
        value = await asyncio.to_thread(loader) if in_thread else loader()
        return await value if inspect.isawaitable(value) else value

    return run


class AsyncRide:
    """One plan being carried out: what it holds meanwhile, and must not keep."""

    __slots__ = ("_cache", "_engine", "_flights", "_leases", "_loader", "_requests")

    def __init__(self, cache: "AsyncCache", loader: AsyncLoader | None, requests: Mapping[str, plan.Request]) -> None:
        self._cache = cache
        self._engine = cache._engine
        self._loader = loader
        self._requests = requests
        self._flights: dict[str, asyncio.Future[Landing]] = {}
        # Token by key.
        self._leases: dict[str, str] = {}

    async def carry_out(self, command: Command) -> object:
        match command:
            case Board(key, wait):
                return await self._board(key, wait=wait)
            case Land(key, landing):
                self._land(key, landing)
                return None
            case Wait():
                return await self._wait(command)
            case Load(key, stored_at):
                loads = await self._load((key,), (stored_at or key,))
                return loads if isinstance(loads, Raised) else loads[key]
            case LoadMany(keys):
                return await self._load(keys, keys)
            case DependOn(tags):
                self._engine.depend_on(tags)
                return None
            case Note(key, error):
                request = self._requests.get(key)
                self._engine.unreadable(BY_KEY if request is None else request.policy.name, key, error)
                return None
        return await self._ask(command)

    def leave(self) -> None:
        """Wake who waits and give the leases back, if the plan ended without: cancelled, mostly."""
        for key in tuple(self._flights):
            self._land(key, NOTHING_SHARED)
        for key, token in tuple(self._leases.items()):
            self._engine.keeper.drop(token)
            self._cache._keep(self._release(ReleaseLease(key, token)))

    async def _release(self, command: ReleaseLease) -> None:
        if await self._ask(command) is UNAVAILABLE:
            self._engine.pending.add(leases=[(command.key, command.token)])

    async def _ask(self, command: StoreCommand | Together) -> object:
        for one in command.commands if isinstance(command, Together) else (command,):
            if isinstance(one, TakeLease):
                # From before it is sent: cancelled while the server answers, it may be held.
                self._leases[one.key] = one.token
        try:
            answer = await self._cache._store.perform(command)
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
        flights = self._cache._flights.setdefault(loop, {})
        flight = flights.get(key)
        if flight is None:
            flights[key] = self._flights[key] = loop.create_future()
            return None
        if not wait:
            return GaveUp.GAVE_UP
        try:
            # Shielded: whoever gives up waiting must not end the flight for the others.
            return await asyncio.wait_for(asyncio.shield(flight), plan.LONGEST_WAIT_MS / 1000)
        except TimeoutError:
            return GaveUp.GAVE_UP

    def _land(self, key: str, landing: Landing) -> None:
        flight = self._flights.pop(key, None)
        if flight is None:
            return
        loop = flight.get_loop()
        flights = self._cache._flights[loop]
        del flights[key]
        if not flights:
            del self._cache._flights[loop]
        if not flight.done():
            flight.set_result(landing)

    async def _load(self, keys: tuple[str, ...], leased: tuple[str, ...]) -> dict[str, Loaded] | Raised:
        engine, loader = self._engine, self._loader
        assert loader is not None
        began = engine.flights.tick()
        for key in leased:
            if key in self._leases:
                engine.keeper.hold(key, self._leases[key])
        start = time.perf_counter()
        try:
            with Loading() as load:
                values = await loader(keys)
        except Exception as error:  # noqa: BLE001  # it is the caller's, and is raised there
            return engine.raised(error, load, keys, self._requests, began=began)
        cost = time.perf_counter() - start
        return engine.loaded(values, load, self._requests, began=began, cost=cost)

    async def _wait(self, command: Wait) -> float:
        engine, loop = self._engine, asyncio.get_running_loop()
        start = engine.sources.monotonic()
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
        return (engine.sources.monotonic() - start) * 1000
