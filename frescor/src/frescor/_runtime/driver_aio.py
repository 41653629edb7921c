"""The async driver: carries out one plan, and releases what the plan still holds at its end."""

import asyncio
import contextlib
import inspect
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from frescor import _plan as plan
from frescor._calls.borrowed import arguments_of, is_borrowed
from frescor._calls.loading import begin_apart
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    DependOn,
    EndFlight,
    FlightResult,
    GaveUp,
    JoinFlight,
    Load,
    LoadMany,
    Note,
    Pause,
    ReleaseLease,
    StoreCommand,
    Together,
    Wait,
)
from frescor._protocol.outcome import Outcome
from frescor._runtime.arrival import again
from frescor._runtime.engine import Engine
from frescor._runtime.load_under_way import FIRST_LOOK, LAST_LOOK, PUSHED_LOOK, PlanUnderWay, R
from frescor._store.base import AsyncStore
from frescor.errors import StoreRejected, StoreUnavailable

T = TypeVar("T")


def awaited_loader(loader: Callable[..., object]) -> Callable[..., Awaitable[object]]:
    """The loader as a coroutine function. A plain one runs in a thread, so that it does not block the loop."""
    in_thread = not inspect.iscoroutinefunction(loader)

    async def run(*arguments: object) -> object:
        value = await asyncio.to_thread(loader, *arguments) if in_thread else loader(*arguments)
        return await value if inspect.isawaitable(value) else value

    return run


class AsyncProcess:
    """What the tasks of this process share for one cache: the awaitable store, running loads, and background tasks."""

    def __init__(self, engine: Engine, store: AsyncStore) -> None:
        self.engine = engine
        self.store = store
        # Futures belong to their loop, and loops in several threads each have their own.
        self.flights: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Future[FlightResult]]] = (
            weakref.WeakKeyDictionary()
        )
        # The loop keeps only weak references to tasks: one that nothing else refers to may be collected while it runs.
        self.behind: set[asyncio.Task[Any]] = set()

    def keep(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run this in a background task."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.behind.add(task)
        task.add_done_callback(self.behind.discard)
        return task


class AsyncDriver(PlanUnderWay[R]):
    """Carries out one plan in an event loop; see `_runtime.driver.Driver`."""

    _loader: Callable[..., Awaitable[object]] | None

    def __init__(
        self,
        process: AsyncProcess,
        steps: plan.CallSteps[R],
        loader: Callable[..., Awaitable[object]] | None = None,
        requests: dict[str, plan.Request] | None = None,
    ) -> None:
        super().__init__(process.engine, steps, loader, requests)
        self._process = process
        self._flights: dict[str, asyncio.Future[FlightResult]] = {}

    async def run(self) -> R:
        """See `Driver.run`."""
        try:
            while await self.wants_load():
                assert self._loader is not None
                with self as load:
                    load.value = await self._loader(*self.arguments)
            return self.result
        finally:
            self.leave()

    async def wants_load(self) -> bool:
        """Whether there is something to load. If not, the plan has ended, with its `result`."""
        while True:
            try:
                command = self._steps.send(self._reply)
            except StopIteration as done:
                self.result = done.value
                return False
            kind = type(command)
            if kind is Load or kind is LoadMany:
                self._load = cast(Load | LoadMany, command)
                return True
            at_once = AT_ONCE.get(kind)
            if at_once is not None:
                self._reply = at_once(self, command)
            else:
                self._reply = await WAITING.get(kind, AsyncDriver._ask)(self, command)

    def leave(self) -> None:
        """If the plan ended early, usually because its task was cancelled, wake the waiters and release the leases."""
        for key in tuple(self._flights):
            self._end_flight(EndFlight(key, NOTHING_SHARED))
        for key, token in tuple(self._leases.items()):
            self._engine.keeper.drop(token)
            self._process.keep(self._release(ReleaseLease(key, token)))

    async def _release(self, command: ReleaseLease) -> None:
        if await self._ask(command) is UNAVAILABLE:
            self._engine.pending.add(leases=[(command.key, command.token)])

    async def _ask(self, command: StoreCommand | Together) -> object:
        """The store's answer; UNAVAILABLE if there is none, or if the store refuses."""
        self.asking(command)
        try:
            answer = await self._process.store.perform(command)
        except (StoreUnavailable, StoreRejected) as error:
            answer = self.unanswered(command, error)
        else:
            if self._engine.notices.refusals:
                self._engine.notices.accepted(command)
        self.answered(command, answer)
        return answer

    async def _join_flight(self, command: JoinFlight) -> FlightResult | GaveUp | None:
        loop, key = asyncio.get_running_loop(), command.key
        flights = self._process.flights.setdefault(loop, {})
        flight = flights.get(key)
        if flight is None:
            flights[key] = self._flights[key] = loop.create_future()
            return None
        if not command.wait:
            return GaveUp.GAVE_UP
        try:
            with self._engine.waits.waiting(self._engine.loading_around(), key):
                # Shielded: a waiter that gives up must not cancel the flight for the others.
                return await asyncio.wait_for(asyncio.shield(flight), plan.LONGEST_WAIT_MS / 1000)
        except TimeoutError:
            return GaveUp.GAVE_UP

    def _end_flight(self, command: EndFlight) -> None:
        flight = self._flights.pop(command.key, None)
        if flight is None:
            return
        loop = flight.get_loop()
        flights = self._process.flights[loop]
        del flights[command.key]
        if not flights:
            del self._process.flights[loop]
        if not flight.done():
            flight.set_result(command.result)

    async def _wait(self, command: Wait) -> float:
        engine, loop = self._engine, asyncio.get_running_loop()
        start = engine.nondeterminism.monotonic()
        woken = asyncio.Event()

        def wake() -> None:
            # If its loop was closed meanwhile, nobody is waiting.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        if engine.local.watch(command.key, command.mark, wake):
            listening = start < engine.local.alive_until
            pause = PUSHED_LOOK if listening else min(FIRST_LOOK * 2**command.turn, LAST_LOOK)
            try:
                await asyncio.wait_for(woken.wait(), pause)
            except TimeoutError:
                pass  # the plan looks again in any case
            finally:
                engine.local.unwatch(command.key, wake)
        return (engine.nondeterminism.monotonic() - start) * 1000

    async def _pause(self, command: Pause) -> float:
        if command.seconds > 0:
            await asyncio.sleep(command.seconds)
        return self._engine.nondeterminism.monotonic()

    async def _load_anew(self, command: plan.LoadAnew) -> Outcome | Exception | None:
        request = again(self._engine, command.request)
        if is_borrowed(arguments_of(self._loader)):
            # A session belongs to its caller, so no other task may use it.
            found = await self._anew(request)
            return found if command.patience or isinstance(found, Outcome) else None
        task = self._process.keep(self._anew_apart(request))
        if not command.patience:
            return None
        await asyncio.wait([task], timeout=command.patience)
        return task.result() if task.done() else None

    async def _anew_apart(self, request: plan.Request) -> Outcome | Exception:
        begin_apart()
        return await self._anew(request)

    async def _anew(self, request: plan.Request) -> Outcome | Exception:
        steps = plan.read_through(self._engine.process, request)
        try:
            outcome = await AsyncDriver(self._process, steps, self._loader, {request.key: request}).run()
        except Exception as error:  # noqa: BLE001  # nobody calls: it is handed to who waits, and counted
            return self.failed_anew(request, error)
        self._engine.reporter.add(request.policy.name, "refreshes")
        return outcome

    def _audit(self, command: plan.Audit) -> None:
        auditor = self._engine.auditor
        if auditor is None:
            return
        if is_borrowed(arguments_of(self._loader)):
            # A session belongs to its caller, so no other task may use it.
            auditor.ended()
            return
        request = again(self._engine, command.request, audits=True)
        task = self._process.keep(self._audited(request, command, auditor.settles))
        task.add_done_callback(lambda _: auditor.ended())

    async def _audited(self, request: plan.Request, command: plan.Audit, settles: float) -> None:
        begin_apart()
        steps = plan.audit(self._engine.process, request, command.copy, settles)
        try:
            finding = await AsyncDriver(self._process, steps, self._loader, {request.key: request}).run()
        except Exception as error:  # noqa: BLE001  # nobody calls
            self.failed_anew(request, error)
        else:
            self.audited(request, finding, command)


# All commands except loads and those for the store.
AT_ONCE: dict[type, Callable[[AsyncDriver[Any], Any], object]] = {
    plan.Audit: AsyncDriver._audit,
    plan.Arrive: AsyncDriver.arrive,
    EndFlight: AsyncDriver._end_flight,
    DependOn: AsyncDriver.depend_on,
    Note: AsyncDriver.note,
}
WAITING: dict[type, Callable[[AsyncDriver[Any], Any], Awaitable[object]]] = {
    plan.LoadAnew: AsyncDriver._load_anew,
    JoinFlight: AsyncDriver._join_flight,
    Wait: AsyncDriver._wait,
    Pause: AsyncDriver._pause,
}
