"""A caller in a world: drives the real plan, command by command."""

import copy
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from frescor import _plan as plan
from frescor._calls.policy import Policy
from frescor._copies.local import Local
from frescor._protocol.commands import (
    Command,
    DependOn,
    EndFlight,
    FlightResult,
    JoinFlight,
    Load,
    Loaded,
    Note,
    TakeLease,
    Wait,
)
from frescor._protocol.pending import Pending
from frescor._values.codec import Codec
from frescor._values.tags import entry_tags
from interleavings.process import SimulatedProcess, Wake
from interleavings.state import KEY, plain, seen_in
from interleavings.world import LEASE, TAG, StaleRead, Task, World

TTL_MS = 60_000
CODEC = Codec(int)
_POLICY = Policy(name="simulation", expire=TTL_MS / 1000)
_STRICT = _POLICY.replace(strict=True)


@dataclass
class Reader(Task):
    """A caller in a process, who reads so many times."""

    process: int = 0
    reads: int = 1
    strict: bool = False
    crash_at: type | None = None
    # What it was told so far, by the store and by its process: enough to bring another plan to the same place.
    _told: tuple[Any, ...] = ()
    _said: tuple[Any, ...] = ()
    _trace: tuple[Hashable, ...] = ()
    _arrived: int = 0
    _due: int = 0
    _steps: Any = None
    _memory: Any = None
    # What it waits for: a flight of its process to land, or the fleet's lease to change.
    _joining: bool = False
    _flight_result: FlightResult | None = None
    _lease: Any = None
    _waiting: bool = False

    @property
    def token(self) -> str | None:
        return f"{self.name}-{self._arrived}"

    def fork(self) -> Self:
        twin = copy.copy(self)
        twin._steps = None
        return twin

    def state(self) -> Hashable:
        waits = (self._joining, repr(self._flight_result), self._waiting, seen_in(getattr(self._lease, "value", None)))
        return (self.done, self.reads, self._arrived, self._due, waits, self._trace, plain(self._said))

    def ready(self, world: World) -> bool:
        if self._joining:
            return self._flight_result is not None
        if self._waiting:
            process = world.processes[self.process]
            # One that hears no pushes looks again and again: that counts once there is something to see.
            unheard = not process.listening and world.store._items.get(LEASE) is not self._lease
            return self.name in process.woken or unheard
        return True

    def step(self, world: World) -> None:
        """Carry out commands up to and with the next one that others can notice."""
        process = world.processes[self.process]
        if process.crashed:
            self.done = True
            return
        if self._arrived == 0:
            self._due = world.due(process, strict=self.strict)
            found = None if self.strict else process.local.get(KEY)
            if found is not None:
                self._finish(world, found.value())
                return
            process.events += 1
            self._arrived = process.events
        reply = self._resume(process)
        steps = self._steps or self._again(process)
        while True:
            try:
                command = steps.send(reply)
            except StopIteration as end:
                self._said = self._memory.said
                self._finish(world, end.value.value)
                return
            self._said = self._memory.said
            if self.crash_at is not None and isinstance(command, self.crash_at):
                process.crashed = self.done = True
                return
            reply = self._carry_out(command, world, process)
            if self._joining or self._waiting:
                return
            self._tell(reply)
            if not isinstance(command, JoinFlight | EndFlight | Note):
                return

    def _resume(self, process: SimulatedProcess) -> object:
        """What the plan was waiting for."""
        if self._joining:
            self._joining, reply = False, self._flight_result
            self._flight_result = None
            self._tell(reply)
        elif self._waiting:
            self._waiting, self._lease = False, None
            process.woken.discard(self.name)
            for waiters in process.local._waiters.values():
                waiters.discard(Wake(process, self.name))
            self._tell(0.0)
        return self._told[-1] if self._told else None

    def _tell(self, reply: object) -> None:
        self._told += (reply,)
        self._trace += (seen_in(reply),)

    def _again(self, process: SimulatedProcess) -> Any:
        """A plan at the place where this one was."""
        self._memory = Memory(process.local, self._said)
        known: Any = plan.Process(self._memory, Pending())
        self._steps = plan.read_through(known, request_of(self.name, self._arrived, strict=self.strict))
        for reply in (None, *self._told)[:-1] if self._told else ():
            self._steps.send(reply)
        self._memory.live = True
        return self._steps

    def _finish(self, world: World, value: int) -> None:
        self.reads -= 1
        self.done = self.reads == 0
        self._told, self._said, self._trace, self._steps, self._arrived = (), (), (), None, 0
        if value < self._due:
            raise StaleRead(world.history, f"{self.name} read {value}, and had to see write {self._due}")

    def _carry_out(self, command: Command, world: World, process: SimulatedProcess) -> object:
        match command:
            case Load():
                process.events += 1
                return Loaded(CODEC.encode(world.number), process.events, 0, 0)
            case JoinFlight(key):
                if key in process.flights:
                    self._joining = True
                else:
                    process.flights[key] = self.name
                return None
            case EndFlight(key, result):
                del process.flights[key]
                for other in world.tasks.values():
                    if isinstance(other, Reader) and other.process == self.process and other._joining:
                        other._flight_result = result
                return None
            case Wait(key, _, mark):
                if process.local.watch(key, mark, Wake(process, self.name)):
                    self._waiting = True
                return 0.0
            case DependOn() | Note():
                return None
        reply = world.perform(command)
        if isinstance(command, TakeLease) and reply is None:
            self._lease = world.store._items.get(LEASE)
        return reply


class Memory:
    """A process's copies as a plan sees them: what they said before is said again, and not done again."""

    def __init__(self, local: Local, said: tuple[Any, ...]) -> None:
        self._local = local
        self.said = said
        self._next = 0
        # Learns and keeps only once the plan has caught up.
        self.live = False

    def _say(self, ask: Callable[[], Any]) -> Any:
        if self._next == len(self.said):
            self.said += (ask(),)
        self._next += 1
        return self.said[self._next - 1]

    def mark(self) -> Any:
        return self._say(self._local.mark)

    def stamps(self, tags: Iterable[str]) -> Any:
        return self._say(lambda: self._local.stamps(tags))

    def learn(self, *known: Any) -> None:
        if self.live:
            self._local.learn(*known)

    def keep(self, *known: Any, shared: bool) -> None:
        if self.live:
            self._local.keep(*known, shared=shared)


def request_of(token: str, arrived: int, *, strict: bool = False) -> plan.Request:
    return plan.Request(
        key=KEY,
        tags=entry_tags(KEY, (TAG,)),
        policy=_STRICT if strict else _POLICY,
        codec=CODEC,
        token=f"{token}-{arrived}",
        arrived=arrived,
        now=0,
        dice=1.0,
        ttl_ms=TTL_MS,
    )
