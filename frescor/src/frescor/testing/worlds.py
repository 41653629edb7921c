"""A deterministic scheduler for whole processes: `frescor.testing.simulation` with copies, pushes and shared loads.

The world is a database of one number, a store, and processes: each has a `Local` that the server's pushes reach when
the scheduler delivers them, and calls that share their loads. Tasks do one step when the scheduler says so. A reader
drives `frescor.plan.read_through` command by command; a writer raises the number, then invalidates; an eviction drops
one item of the store; a cut loses a process's pushes until it notices; a restart loses what the server had not saved.
`explore` visits every order of steps, never the same state twice; `wander` follows one order.

What is checked: a read that began after a write had returned never yields an older number. A process that keeps copies
may be behind by writes whose pushes have not been delivered to it, and by no others; strict reads are never behind.
And nobody waits for ever.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

from frescor import plan
from frescor.admission import TinyLfu
from frescor.codec import Codec
from frescor.commands import (
    Board,
    Command,
    Delete,
    DependOn,
    Grant,
    Invalidate,
    Land,
    Landing,
    Load,
    Loaded,
    Note,
    Reading,
    TakeLease,
    Wait,
)
from frescor.entry import unpack
from frescor.local import Local
from frescor.pending import Pending
from frescor.policy import Policy
from frescor.store.memory import MemoryStore
from frescor.tags import NAMESPACE_TAG, declared_tag, entry_tags

KEY, TAG = "k", "t"
TTL_MS = 60_000
_LEASE = f"l:{KEY}"


class Broken(AssertionError):
    """A promise was broken. `schedule` replays it."""

    def __init__(self, schedule: tuple[str, ...], what: str) -> None:
        super().__init__(f"{what}; schedule: {' '.join(schedule)}")
        self.schedule = schedule


class StaleRead(Broken):
    """A read returned data older than a write that it had to see."""


class LostWakeUp(Broken):
    """Somebody waits and nothing is left that would end it."""


class Ticking:
    """A clock that goes on by 64 µs, exact in a float, each time it is read: a server runs no two commands in the same
    one. Entries do not end by it."""

    def __init__(self, looks: int = 0) -> None:
        self.looks = looks

    def __call__(self) -> float:
        self.looks += 1
        return self.looks * 2.0**-14


def ticking_store() -> MemoryStore:
    """A store whose time goes on at each look."""
    return MemoryStore(now=Ticking())


class SimulatedProcess:
    """A process: its copies and what was pushed to it and has not arrived; the loads that its calls share."""

    def __init__(self, local: Local | None) -> None:
        self.local = local or Local(max_bytes=0)
        self.copies = local is not None
        # Names that changed, or the number of a write that has returned: all its pushes stand before that.
        self.arriving: list[tuple[str, ...] | int] = []
        self.connected = self.listening = self.copies
        if self.copies:
            self.local.alive_until = inf
        self.seen = 0
        self.events = 0
        self.flights: dict[str, str] = {}
        self.woken: set[str] = set()
        self.crashed = False

    def fork(self) -> "SimulatedProcess":
        twin = copy.copy(self)
        twin.arriving, twin.flights, twin.woken = list(self.arriving), dict(self.flights), set(self.woken)
        old, new = self.local, copy.copy(self.local)
        new._reads = old._reads.copy()
        new._note_read = new._reads.append
        new._copies = {key: copy.copy(one) for key, one in old._copies.items()}
        new._stamps, new._pushed = dict(old._stamps), dict(old._pushed)
        new._waiters = {
            key: {_Wake(twin, wake.name) for wake in waiters if isinstance(wake, _Wake)}
            for key, waiters in old._waiters.items()
        }
        twin.local = new
        return twin

    def due(self, world: "World", *, strict: bool) -> int:
        """The oldest number that a read which begins now may return."""
        return self.seen if self.listening and not strict else world.returned

    def state(self) -> Hashable:
        local = self.local
        copies = tuple((key, _Stamp(one.as_of), one.shared) for key, one in local._copies.items())
        stamps = tuple((tag, _Stamp(stamp)) for tag, stamp in sorted(local._stamps.items()))
        marks = (local._sequence, local._floor, tuple(sorted(local._pushed.items())))
        waits = tuple(sorted(wake.name for ones in local._waiters.values() for wake in ones if isinstance(wake, _Wake)))
        flags = (self.connected, self.listening, self.seen, self.events, self.crashed)
        return copies, stamps, marks, waits, flags, tuple(self.arriving), tuple(self.flights.items())

    def deliver(self) -> None:
        """The next push arrives."""
        message = self.arriving.pop(0)
        if isinstance(message, int):
            self.seen = max(self.seen, message)
            return
        self.local.drop(
            tags=[name[2:] for name in message if name.startswith("t:")],
            keys=[name[2:] for name in message if name.startswith("l:")],
        )

    def cut(self) -> None:
        """The connection breaks, unnoticed; what was on its way is lost."""
        self.connected = False
        self.arriving.clear()

    def notice(self) -> None:
        self.listening = False
        self.local.lose()

    def connect(self, world: "World") -> None:
        self.connected = self.listening = True
        self.local.forget()
        self.local.alive_until = inf
        self.seen = world.returned


class _Room(TinyLfu):
    """Admits everything and remembers nothing: one key needs no choice, and worlds are copied often."""

    def touch(self, keys: Iterable[str]) -> None:  # noqa: ARG002  # the signature is its base's
        return

    def add(self, key: str, size: int) -> list[str]:  # noqa: ARG002
        return []

    def remove(self, key: str) -> None:  # noqa: ARG002
        return

    def clear(self) -> None:
        return


_ROOM = _Room(1)


def simulated_local(kind: type[Local] = Local) -> Local:
    """Copies whose time stands still and that have room."""
    local = kind(monotonic=lambda: 0.0, now=lambda: 0.0, dice=lambda: 0.0)
    local._admission = _ROOM
    return local


@dataclass(frozen=True)
class _Wake:
    """Wakes a waiting reader of a process."""

    process: SimulatedProcess = field(compare=False, repr=False)
    name: str = ""

    def __call__(self) -> None:
        self.process.woken.add(self.name)


class World:
    """One run: the database, the store, the processes, and what each task has seen."""

    def __init__(self, tasks: "Sequence[Task]", processes: Sequence[SimulatedProcess], store: MemoryStore) -> None:
        self.tasks = {task.name: task for task in tasks}
        self.processes = list(processes)
        self.store = store
        self.number = 0
        # The highest number whose write has returned.
        self.returned = 0
        self._history: Any = None

    @property
    def history(self) -> tuple[str, ...]:
        names, place = [], self._history
        while place is not None:
            place, name = place
            names.append(name)
        return tuple(reversed(names))

    def fork(self) -> "World":
        """The same world again, to go on from here in another way."""
        twin = copy.copy(self)
        twin.store = copy.copy(self.store)
        twin.store._items = OrderedDict(self.store._items)
        now = self.store._now
        assert isinstance(now, Ticking)
        twin.store._now = Ticking(now.looks)
        twin.processes = [process.fork() for process in self.processes]
        twin.tasks = {name: task.fork() for name, task in self.tasks.items()}
        return twin

    def step(self, name: str) -> None:
        """Let a task do its next step."""
        self._history = (self._history, name)
        self.tasks[name].step(self)

    def ready(self) -> list[str]:
        """Who can go on."""
        return [name for name, task in self.tasks.items() if not task.done and task.ready(self)]

    def perform(self, command: Any) -> Any:
        """Let the store carry a command out, and push what it changed."""
        with self.changing():
            return self.store.perform(command)

    def changing(self) -> "_Changing":
        return _Changing(self)

    def wrote(self, number: int) -> None:
        """A write has returned."""
        self.returned = max(self.returned, number)
        for process in self.processes:
            if process.connected:
                process.arriving.append(number)
                self._skip_numbers(process)

    def _skip_numbers(self, process: SimulatedProcess) -> None:
        while process.arriving and isinstance(process.arriving[0], int):
            process.deliver()

    def deliver(self, process: SimulatedProcess) -> None:
        process.deliver()
        self._skip_numbers(process)

    def state(self) -> Hashable:
        """Everything that what comes next depends on.

        Stamps count by their order alone: the protocol only compares them, and each is later than all before it.
        """
        whole = (
            _items(self.store._items),
            self.number,
            self.returned,
            tuple([process.state() for process in self.processes]),
            tuple([task.state() for task in self.tasks.values()]),
        )
        ranks = {stamp: rank for rank, stamp in enumerate(sorted(set(_stamps(whole))))}
        return _ranked(whole, ranks)


class _Changing:
    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        self._before = dict(self._world.store._items)

    def __exit__(self, *_: object) -> None:
        before, after = self._before, self._world.store._items
        changed = tuple(
            sorted(name for name in {**before, **after} if name[0] in "tl" and before.get(name) is not after.get(name))
        )
        if changed:
            for process in self._world.processes:
                if process.connected:
                    process.arriving.append(changed)


@dataclass
class Task:
    """Something that goes step by step."""

    name: str
    done: bool = field(default=False, kw_only=True)

    @property
    def token(self) -> str | None:
        """Of the lease that it may hold."""
        return None

    def step(self, world: World) -> None:
        raise NotImplementedError

    def ready(self, world: World) -> bool:  # noqa: ARG002  # others look at the world
        return True

    def fork(self) -> Self:
        return copy.copy(self)

    def state(self) -> Hashable:
        return self.done


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
    _boarding: bool = False
    _landing: Landing | None = None
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
        waits = (self._boarding, repr(self._landing), self._waiting, _seen(getattr(self._lease, "value", None)))
        return (self.done, self.reads, self._arrived, self._due, waits, self._trace, _plain(self._said))

    def ready(self, world: World) -> bool:
        if self._boarding:
            return self._landing is not None
        if self._waiting:
            process = world.processes[self.process]
            # One that hears no pushes looks again and again: that counts once there is something to see.
            unheard = not process.listening and world.store._items.get(_LEASE) is not self._lease
            return self.name in process.woken or unheard
        return True

    def step(self, world: World) -> None:
        """Carry out commands up to and with the next one that others can notice."""
        process = world.processes[self.process]
        if process.crashed:
            self.done = True
            return
        if self._arrived == 0:
            self._due = process.due(world, strict=self.strict)
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
            if self._boarding or self._waiting:
                return
            self._tell(reply)
            if not isinstance(command, Board | Land | Note):
                return

    def _resume(self, process: SimulatedProcess) -> object:
        """What the plan was waiting for."""
        if self._boarding:
            self._boarding, reply = False, self._landing
            self._landing = None
            self._tell(reply)
        elif self._waiting:
            self._waiting, self._lease = False, None
            process.woken.discard(self.name)
            for waiters in process.local._waiters.values():
                waiters.discard(_Wake(process, self.name))
            self._tell(0.0)
        return self._told[-1] if self._told else None

    def _tell(self, reply: object) -> None:
        self._told += (reply,)
        self._trace += (_seen(reply),)

    def _again(self, process: SimulatedProcess) -> Any:
        """A plan at the place where this one was."""
        self._memory = _Memory(process.local, self._said)
        known: Any = plan.Process(self._memory, Pending())
        self._steps = plan.read_through(known, _request(self.name, self._arrived, strict=self.strict))
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
                return Loaded(_CODEC.encode(world.number), process.events, 0, 0)
            case Board(key):
                if key in process.flights:
                    self._boarding = True
                else:
                    process.flights[key] = self.name
                return None
            case Land(key, landing):
                del process.flights[key]
                for other in world.tasks.values():
                    if isinstance(other, Reader) and other.process == self.process and other._boarding:
                        other._landing = landing
                return None
            case Wait(key, _, mark):
                if process.local.watch(key, mark, _Wake(process, self.name)):
                    self._waiting = True
                return 0.0
            case DependOn() | Note():
                return None
        reply = world.perform(command)
        if isinstance(command, TakeLease) and reply is None:
            self._lease = world.store._items.get(_LEASE)
        return reply


class _Memory:
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

    def keep(self, *known: Any) -> None:
        if self.live:
            self._local.keep(*known)


@dataclass
class Writer(Task):
    """Commits a new number, then invalidates: by the tag, or the key itself. In a process, or in one without copies."""

    by_key: bool = False
    process: int | None = None
    _wrote: int = 0

    def state(self) -> Hashable:
        return self.done, self._wrote

    def step(self, world: World) -> None:
        if not self._wrote:
            world.number += 1
            self._wrote = world.number
            return
        world.perform(Delete((KEY,)) if self.by_key else Invalidate((declared_tag(TAG),)))
        if self.process is not None:
            # As `plan.invalidate` does; and so this process's own reads are not behind its writes.
            process = world.processes[self.process]
            process.local.drop(**({"keys": [KEY]} if self.by_key else {"tags": [declared_tag(TAG)]}))
            process.seen = max(process.seen, self._wrote)
        world.wrote(self._wrote)
        self.done = True


@dataclass
class Eviction(Task):
    """Drops one item, as a full server may at any time."""

    item: str

    def step(self, world: World) -> None:
        with world.changing():
            world.store.evict(self.item)
        self.done = True


@dataclass
class Delivery(Task):
    """Brings a process what was pushed to it, one message a step. Never done."""

    process: int

    def ready(self, world: World) -> bool:
        return bool(world.processes[self.process].arriving)

    def step(self, world: World) -> None:
        world.deliver(world.processes[self.process])


@dataclass
class Cut(Task):
    """Breaks a process's listening connection; then the process notices; then it connects again."""

    process: int
    _turn: int = 0

    def state(self) -> Hashable:
        return self._turn

    def step(self, world: World) -> None:
        process = world.processes[self.process]
        self._turn += 1
        match self._turn:
            case 1:
                process.cut()
            case 2:
                process.notice()
            case _:
                process.connect(world)
                self.done = True


@dataclass
class Restart(Task):
    """The server saves what it has, and is restarted later from that. Every process notices, and connects again.

    Whoever connects first does what `scripts.CHECK_SERVER` does, before any other command.
    """

    checks: bool = True
    _turn: int = 0
    _saved: OrderedDict[str, Any] | None = None

    def state(self) -> Hashable:
        return self._turn, None if self._saved is None else _items(self._saved)

    def step(self, world: World) -> None:
        listeners = [process for process in world.processes if process.copies]
        self._turn += 1
        if self._turn == 1:
            self._saved = OrderedDict(world.store._items)
        elif self._turn == 2:
            assert self._saved is not None
            world.store._items, self._saved = OrderedDict(self._saved), None
            if self.checks:
                world.store.perform(Invalidate((NAMESPACE_TAG,)))
            for process in listeners:
                # Its connections are reset: that is noticed.
                process.cut()
                process.notice()
        else:
            for process in listeners:
                process.connect(world)
        self.done = self._turn == (3 if listeners else 2)


ITEMS = (f"e:{KEY}", _LEASE, f"t:{declared_tag(TAG)}", "clock")
_CODEC = Codec(int)
_POLICY = Policy(name="simulation", expire=TTL_MS / 1000)
_STRICT = _POLICY.replace(strict=True)

MakeWorld = Callable[[], World]


def world_of(
    tasks: Sequence[Task],
    *,
    copies: Sequence[bool] = (),
    make_store: Callable[[], MemoryStore] = ticking_store,
    local: type[Local] = Local,
) -> World:
    """A world of these tasks. `copies`: whether each process keeps some; without it, readers get a process each."""
    processes = [SimulatedProcess(simulated_local(local) if keeps else None) for keeps in copies]
    deliveries = [Delivery(f"p{number}", number) for number, keeps in enumerate(copies) if keeps]
    if not copies:
        for task in tasks:
            if isinstance(task, Reader):
                task.process = len(processes)
                processes.append(SimulatedProcess(None))
    return World([*tasks, *deliveries], processes, make_store())


def explore(make_world: MakeWorld, *, most: int | None = None) -> int:
    """Run every order of the tasks' steps; how many different states there were. Raises Broken on the first fault.

    A last reader, who comes when all others are done, reads too. `most`: stop after so many states.
    """
    seen: set[int] = set()
    waiting = [make_world()]
    while waiting and (most is None or len(seen) < most):
        world = waiting.pop()
        state = hash(world.state())
        if state in seen:
            continue
        seen.add(state)
        ready = world.ready()
        if not ready:
            ready = _ended(world)
        for name in ready[:-1]:
            other = world.fork()
            other.step(name)
            waiting.append(other)
        if ready:
            # The last way on needs no other world.
            world.step(ready[-1])
            waiting.append(world)
    return len(seen)


def wander(world: World, choose: Callable[[Sequence[str]], str]) -> tuple[str, ...]:
    """Follow one order of steps to its end; the schedule. Raises Broken."""
    while True:
        ready = world.ready() or _ended(world)
        if not ready:
            return world.history
        world.step(choose(ready))


def replay(schedule: Sequence[str], make_world: MakeWorld) -> None:
    """Run one schedule again, as found in a Broken."""
    world = make_world()
    for name in schedule:
        if not world.ready():
            _ended(world)
        world.step(name)
    if not world.ready():
        _ended(world)


def _ended(world: World) -> list[str]:
    """Nobody can go on: leases that nobody holds end by themselves; else the last reader comes. Who can go on then."""
    for task in world.tasks.values():
        if isinstance(task, Reader) and world.processes[task.process].crashed:
            task.done = True
    left = [task.name for task in world.tasks.values() if not task.done and not isinstance(task, Delivery)]
    lease = world.store._items.get(_LEASE)
    if lease is not None and not any(lease.value == task.token for task in world.tasks.values() if not task.done):
        with world.changing():
            world.store.evict(_LEASE)
    if not left:
        _read_at_the_end(world)
        return []
    ready = world.ready()
    if not ready:
        raise LostWakeUp(world.history, f"{', '.join(left)} wait for ever")
    return ready


def _read_at_the_end(world: World) -> None:
    last = Reader("last", process=len(world.processes))
    world.processes.append(SimulatedProcess(None))
    while not last.done:
        last.step(world)
    world.processes.pop()


@dataclass(frozen=True, slots=True)
class _Stamp:
    value: int


def _items(items: OrderedDict[str, Any]) -> Hashable:
    return tuple(sorted([(name, _seen(item.value)) for name, item in items.items()]))


def _seen(value: object) -> Hashable:
    """What a task or the store holds, as a plain value in which stamps can be told."""
    match value:
        case bytes():
            entry = unpack(value)
            return (_Stamp(entry.as_of), entry.payload)
        case bool() | str() | None:
            return value
        case int():
            return _Stamp(value)
        case Reading(entries, stamps):
            return (tuple(map(_seen, entries)), tuple(map(_seen, stamps.values())))
        case Grant(as_of, entry, stamps):
            return (_Stamp(as_of), None if entry is None else _seen(entry), tuple(map(_seen, stamps.values())))
    return repr(value)


def _plain(said: tuple[Any, ...]) -> Hashable:
    """What a process said of its copies: marks are no stamps."""
    return tuple(
        tuple((tag, _seen(stamp)) for tag, stamp in one.items()) if isinstance(one, dict) else one for one in said
    )


def _stamps(value: object) -> Iterator[int]:
    if type(value) is _Stamp:
        yield value.value
    elif type(value) is tuple:
        for part in value:
            if type(part) is tuple or type(part) is _Stamp:
                yield from _stamps(part)


def _ranked(value: Any, ranks: dict[int, int]) -> Hashable:
    if type(value) is _Stamp:
        return ("stamp", ranks[value.value])
    return tuple([_ranked(part, ranks) for part in value]) if type(value) is tuple else value


def _request(token: str, arrived: int, *, strict: bool = False) -> plan.Request:
    return plan.Request(
        key=KEY,
        tags=entry_tags(KEY, (TAG,)),
        policy=_STRICT if strict else _POLICY,
        codec=_CODEC,
        token=f"{token}-{arrived}",
        arrived=arrived,
        now=0,
        dice=1.0,
        ttl_ms=TTL_MS,
    )
