"""One plan being carried out for a caller that waits: each command, and what must not be left behind."""

import threading
import time
from collections.abc import Generator, Mapping
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
    Invalidate,
    Land,
    Landing,
    Load,
    LoadMany,
    Note,
    Pause,
    Read,
    ReleaseLease,
    StoreCommand,
    Together,
    Wait,
)
from frescor._runtime.engine import FIRST_LOOK, LAST_LOOK, PUSHED_LOOK, Engine
from frescor._runtime.load_under_way import PlanUnderWay, R
from frescor._store.connection.deadline import within


class Driver(PlanUnderWay[R]):
    """One plan being carried out: what it holds meanwhile, and must not keep.

    `wants_load` carries it out up to the next load, which the caller runs in its own frame, within the driver:
    `while driver.wants_load(): with driver as load: load.value = …`. So a loader that calls another cached function, or
    itself, stands one frame above it. However it ends, the caller is to `leave`.
    """

    __slots__ = ("_flights", "_has_asked", "_left", "_steps")

    def __init__(
        self,
        engine: Engine,
        steps: Generator[Command, Any, R],
        requests: Mapping[str, plan.Request] = MappingProxyType({}),
        spent: float = 0.0,
    ) -> None:
        """spent: seconds that the call has waited for the store already."""
        super().__init__(engine, requests)
        self._steps = steps
        # Of what the call may wait for the store, all together.
        self._left = engine.deadline - spent
        self._has_asked = spent > 0
        # Most calls hold none.
        self._flights: set[str] | None = None

    def wants_load(self) -> bool:
        """Whether there is something to load; else the plan has ended, with its `result`."""
        send = self._steps.send
        try:
            while True:
                command = send(self._reply)
                kind = type(command)
                if (kind is Read or kind is Invalidate) and not self._has_asked:
                    # The whole deadline is before it: most calls ask no more than this.
                    began = time.monotonic()
                    self._reply = self._engine.ask(cast(StoreCommand, command))
                    self._left -= time.monotonic() - began
                    self._has_asked = True
                elif kind is Load or kind is LoadMany:
                    self._load = cast(Load | LoadMany, command)
                    return True
                else:
                    self._reply = self.carry_out(command)
        except StopIteration as done:
            self.result = done.value
            return False

    def carry_out(self, command: Command) -> object:
        engine = self._engine
        match command:
            case Board(key, wait):
                return self._board(key, wait=wait)
            case Land(key, landing):
                self._land(key, landing)
                return None
            case Wait():
                return self._wait(command)
            case Pause(seconds):
                if seconds > 0:
                    time.sleep(seconds)
                return engine.nondeterminism.monotonic()
            case DependOn(tags):
                engine.depend_on(tags)
                return None
            case Note(key, error):
                engine.unreadable(self._policy_of(key), key, error)
                return None
        return self._ask(cast(StoreCommand | Together, command))

    def leave(self) -> None:
        """Wake who waits and give the leases back, if the plan ended without."""
        if self._flights:
            for key in tuple(self._flights):
                self._land(key, NOTHING_SHARED)
        for key, token in tuple(self._leases.items()):
            if self._ask(ReleaseLease(key, token)) is UNAVAILABLE:
                self._engine.pending.add(leases=[(key, token)])

    def _ask(self, command: StoreCommand | Together) -> object:
        began = time.monotonic()
        with within(max(self._left, 0.001)):
            answer = self._engine.ask(command)
        self._left -= time.monotonic() - began
        self._engine.note_leases(self._leases, command, answer)
        return answer

    def _board(self, key: str, *, wait: bool) -> object:
        engine = self._engine
        landing = engine.flights.board(key, 0)
        if landing is GaveUp.GAVE_UP and wait:
            with engine.waits.waiting(engine.loading_around(), key):
                landing = engine.flights.board(key, plan.LONGEST_WAIT_MS / 1000)
        if landing is None:
            self._flights = {key} if self._flights is None else self._flights | {key}
        return landing

    def _wait(self, command: Wait) -> float:
        engine = self._engine
        start = engine.nondeterminism.monotonic()
        woken = threading.Event()
        if engine.local.watch(command.key, command.mark, woken.set):
            listening = start < engine.local.alive_until
            woken.wait(PUSHED_LOOK if listening else min(FIRST_LOOK * 2**command.turn, LAST_LOOK))
            engine.local.unwatch(command.key, woken.set)
        return (engine.nondeterminism.monotonic() - start) * 1000

    def _land(self, key: str, landing: Landing) -> None:
        if self._flights and key in self._flights:
            self._flights.discard(key)
            self._engine.flights.land(key, landing)
