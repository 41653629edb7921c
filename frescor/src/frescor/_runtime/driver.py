"""The sync driver: carries out one plan, and releases what the plan still holds at its end."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from frescor import _plan as plan
from frescor._calls.borrowed import arguments_of, is_borrowed
from frescor._clocks import Steady
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    DependOn,
    EndFlight,
    GaveUp,
    Invalidate,
    JoinFlight,
    Load,
    LoadMany,
    Note,
    Pause,
    Read,
    ReleaseLease,
    StoreCommand,
    TakeLease,
    Together,
    Wait,
)
from frescor._protocol.outcome import Outcome
from frescor._runtime.arrival import again
from frescor._runtime.load_under_way import FIRST_LOOK, LAST_LOOK, PUSHED_LOOK, PlanUnderWay, R
from frescor._store.connection.deadline import within
from frescor.errors import StoreRejected, StoreUnavailable


class Driver(PlanUnderWay[R]):
    """Carries out one plan, and keeps track of the leases and flights that it holds.

    `wants_load` continues up to the next load, which the caller runs in its own frame. So a loader that calls another
    cached function, or itself, adds only one frame: `while driver.wants_load(): with driver as load: load.value = …`.
    The caller has to call `leave` in any case. `run` does all of this.
    """

    # How many seconds the call has waited for the store.
    _waited = 0.0
    _has_asked = False
    # None until the call leads a flight, because most never do.
    _flights: set[str] | None = None

    def run(self) -> R:
        """The plan's result. Raises what the plan raises, most often an exception of its loader."""
        try:
            while self.wants_load():
                assert self._loader is not None
                with self as load:
                    load.value = self._loader(*self.arguments)
            return self.result
        finally:
            if self._flights or self._leases:
                self.leave()

    def wants_load(self) -> bool:
        """Whether there is something to load. If not, the plan has ended, with its `result`."""
        send = self._steps.send
        try:
            while True:
                command = send(self._reply)
                kind = type(command)
                if kind is Load or kind is LoadMany:
                    self._load = cast(Load | LoadMany, command)
                    return True
                handle = HANDLERS.get(kind, Driver._ask)
                self._reply = handle(self, command)
        except StopIteration as done:
            self.result = done.value
            return False

    def leave(self) -> None:
        """If the plan ended early, wake the waiters and release the leases."""
        if self._flights:
            for key in tuple(self._flights):
                self._end_flight(EndFlight(key, NOTHING_SHARED))
        if self._leases:
            for key, token in tuple(self._leases.items()):
                if self._ask(ReleaseLease(key, token)) is UNAVAILABLE:
                    self._engine.pending.add(leases=[(key, token)])

    def _ask(self, command: StoreCommand | Together) -> object:
        """The store's answer; UNAVAILABLE if there is none, or if the store refuses."""
        engine, kind = self._engine, type(command)
        if kind is TakeLease or kind is Together:
            self.asking(command)
        began = Steady.monotonic()
        try:
            if self._has_asked or (kind is not Read and kind is not Invalidate):
                with within(max(engine.deadline - self._waited, 0.001)):
                    answer = engine.store.perform(command)
            else:
                # The first command has the whole deadline, and most calls send no other.
                answer = engine.store.perform(command)
        except (StoreUnavailable, StoreRejected) as error:
            answer = self.unanswered(command, error)
        else:
            if engine.notices.refusals:
                engine.notices.accepted(command)
        self._waited += Steady.monotonic() - began
        self._has_asked = True
        if kind is not Read:
            self.answered(command, answer)
        return answer

    def _join_flight(self, command: JoinFlight) -> object:
        engine, key = self._engine, command.key
        result = engine.flights.join(key, 0)
        if result is GaveUp.GAVE_UP and command.wait:
            with engine.waits.waiting(engine.loading_around(), key):
                result = engine.flights.join(key, plan.LONGEST_WAIT_MS / 1000)
        if result is None:
            self._flights = {key} if self._flights is None else self._flights | {key}
        return result

    def _end_flight(self, command: EndFlight) -> None:
        if self._flights and command.key in self._flights:
            self._flights.discard(command.key)
            self._engine.flights.finish(command.key, command.result)

    def _wait(self, command: Wait) -> float:
        engine = self._engine
        start = engine.nondeterminism.monotonic()
        woken = threading.Event()
        if engine.local.watch(command.key, command.mark, woken.set):
            listening = start < engine.local.alive_until
            woken.wait(PUSHED_LOOK if listening else min(FIRST_LOOK * 2**command.turn, LAST_LOOK))
            engine.local.unwatch(command.key, woken.set)
        return (engine.nondeterminism.monotonic() - start) * 1000

    def _pause(self, command: Pause) -> float:
        if command.seconds > 0:
            time.sleep(command.seconds)
        return self._engine.nondeterminism.monotonic()

    def _load_anew(self, command: plan.LoadAnew) -> Outcome | Exception | None:
        engine, request = self._engine, again(self._engine, command.request)
        borrowed = is_borrowed(arguments_of(self._loader))
        done = threading.Event()
        found: list[Outcome | Exception] = []

        def run() -> None:
            steps = plan.read_through(engine.process, request)
            try:
                with contextlib.nullcontext() if borrowed else engine.around_refresh():
                    outcome = Driver(engine, steps, self._loader, {request.key: request}).run()
                engine.reporter.add(request.policy.name, "refreshes")
                found.append(outcome)
            except Exception as error:  # noqa: BLE001  # nobody calls: it is kept for who waits, and counted
                found.append(self.failed_anew(request, error))
            finally:
                done.set()

        if borrowed:
            # A session belongs to its caller, so no other thread may use it.
            run()
            return found[0] if command.patience or isinstance(found[0], Outcome) else None
        threading.Thread(target=run, name="frescor-refresh", daemon=True).start()
        return found[0] if command.patience and done.wait(command.patience) and found else None

    def _audit(self, command: plan.Audit) -> None:
        engine, auditor = self._engine, self._engine.auditor
        if auditor is None:
            return
        request = again(engine, command.request, audits=True)
        steps = plan.audit(engine.process, request, command.copy, auditor.settles)

        def run() -> None:
            try:
                with engine.around_refresh():
                    finding = Driver(engine, steps, self._loader, {request.key: request}).run()
                self.audited(request, finding, command)
            except Exception as error:  # noqa: BLE001  # nobody calls
                self.failed_anew(request, error)
            finally:
                auditor.ended()

        if is_borrowed(arguments_of(self._loader)):
            # A session belongs to its caller, so no other thread may use it.
            auditor.ended()
        else:
            threading.Thread(target=run, name="frescor-audit", daemon=True).start()


# All commands except loads and those for the store.
HANDLERS: dict[type, Callable[[Driver[Any], Any], object]] = {
    plan.Arrive: Driver.arrive,
    plan.LoadAnew: Driver._load_anew,
    plan.Audit: Driver._audit,
    JoinFlight: Driver._join_flight,
    EndFlight: Driver._end_flight,
    Wait: Driver._wait,
    Pause: Driver._pause,
    DependOn: Driver.depend_on,
    Note: Driver.note,
}
