"""A deterministic scheduler for the real plan: every interleaving of readers, writers and evictions, by depth.

The world is a database of one number, a store, and tasks that each do one step when the scheduler says so. A reader
drives `_plan.read_through` command by command; a writer raises the number, then invalidates; an eviction drops
one item of the store. `explore` visits every order of steps, never the same state twice.

What is checked: a read that began after a write had returned never yields an older number.
"""

import itertools
from collections.abc import Callable, Generator, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from frescor import _plan as plan
from frescor._calls.policy import Policy
from frescor._copies.local import Local
from frescor._protocol.commands import (
    Board,
    Command,
    Delete,
    DependOn,
    Grant,
    Invalidate,
    Land,
    Load,
    Loaded,
    LoadMany,
    Note,
    Pause,
    Reading,
    Wait,
)
from frescor._protocol.outcome import Outcome
from frescor._protocol.pending import Pending
from frescor._runtime.lease import Flights
from frescor._store.memory import MemoryStore
from frescor._values.codec import Codec
from frescor._values.entry import Packing
from frescor._values.tags import declared_tag, entry_tags

KEY, TAG = "k", "t"
_PACKING = Packing()
TTL_MS = 60_000


class StaleRead(AssertionError):
    """A read returned data older than a write that had returned before it began. `schedule` replays it."""

    def __init__(self, schedule: tuple[str, ...], got: int, due: int) -> None:
        super().__init__(f"read {got} after write {due} had returned; schedule: {' '.join(schedule)}")
        self.schedule = schedule


class World:
    """One run: the database, the store, and what each task has seen."""

    def __init__(self, make_store: Callable[[], MemoryStore]) -> None:
        self.store = make_store()
        self.number = 0
        # The highest number whose write has returned.
        self.returned = 0
        self.history: tuple[str, ...] = ()

    def state(self, tasks: "list[Task]") -> Hashable:
        """Everything that what comes next depends on.

        Of a task that is done nothing comes any more. Stamps count by their order alone: the protocol only compares
        them, and each is later than all before it.
        """
        items = tuple(sorted((name, seen(item.value)) for name, item in self.store._items.items()))
        under_way = tuple(() if task.done else tuple(task.seen_so_far()) for task in tasks)
        whole = (items, self.number, self.returned, under_way)
        ranks = {stamp: rank for rank, stamp in enumerate(sorted(set(_stamps(whole))))}
        return _ranked(whole, ranks)


class Task:
    """Something that goes step by step; `trace` is what it saw, and so its whole state."""

    name: str
    trace: list[Hashable]
    done: bool

    def seen_so_far(self) -> list[Hashable]:
        """What it saw, and so its whole state."""
        return self.trace

    def moves(self) -> tuple[str, ...]:
        """What may come next of it, as a schedule names it."""
        return (self.name,)

    def choose(self, choice: str) -> None:
        """Which of several moves the next step is: what follows the name."""
        raise LookupError(f"{self.name} has no choice {choice}")

    def step(self, world: World) -> None:
        raise NotImplementedError


@dataclass
class Reader(Task):
    """A process of its own that reads once."""

    name: str
    trace: list[Hashable] = field(default_factory=list)
    done: bool = False
    crash_at: type | None = None
    tags: tuple[str, ...] = entry_tags(KEY, (TAG,))
    _steps: Any = None
    _due: int = 0
    _reply: Any = None
    _flights: Flights = field(default_factory=Flights)
    _process: plan.Process = field(default_factory=lambda: plan.Process(Local(max_bytes=0), Pending()))

    def step(self, world: World) -> None:
        """Carry out commands up to and with the next one that others can notice."""
        if self._steps is None:
            self._due = world.returned
            self.trace.append(self._due)
            self._steps = self.begin_reading()
        while True:
            try:
                command = self._steps.send(self._reply)
            except StopIteration as end:
                self.finish(world, end.value.value)
                return
            if self.crash_at is not None and isinstance(command, self.crash_at):
                self.done = True
                self.trace.append("crashed")
                return
            self._reply = self.carry_out(command, world)
            self.trace.append(seen(self._reply))
            if not isinstance(command, Board | Land | Note):
                return

    def begin_reading(self) -> Generator[Command, Any, Outcome]:
        """The plan of its read."""
        return plan.read_through(self._process, _request(self.name, self._flights.tick(), self.tags))

    def finish(self, world: World, value: int) -> None:
        """It read this. Raises StaleRead if that is too old."""
        self.done = True
        self.trace.append(value)
        if value < self._due:
            raise StaleRead(world.history, value, self._due)

    def carry_out(self, command: Command, world: World) -> object:
        """What comes back for a command."""
        match command:
            case Load():
                return Loaded(_CODEC.encode(world.number), self._flights.tick(), 0, 0)
            case Wait():
                # Long enough for every bound: a holder that crashed must not stop this one for ever.
                world.store.evict(f"l:{KEY}")
                return plan.LONGEST_WAIT_MS
            case Board() | Land() | DependOn() | Note() | LoadMany() | Pause():
                return None
        return world.store.perform(command)


@dataclass
class Writer(Task):
    """Commits a new number, then invalidates: by the tag, or the key itself."""

    name: str
    by_key: bool = False
    trace: list[Hashable] = field(default_factory=list)
    done: bool = False
    _wrote: int = 0

    def step(self, world: World) -> None:
        if not self._wrote:
            world.number += 1
            self._wrote = world.number
            self.trace.append(self._wrote)
            return
        if self.by_key:
            world.store.perform(Delete((KEY,)))
        else:
            world.store.perform(Invalidate((declared_tag(TAG),)))
        world.returned = max(world.returned, self._wrote)
        self.done = True


@dataclass
class Eviction(Task):
    """Drops one item, as a full server may at any time."""

    name: str
    item: str
    trace: list[Hashable] = field(default_factory=list)
    done: bool = False

    def step(self, world: World) -> None:
        world.store.evict(self.item)
        self.done = True


ITEMS = (f"e:{KEY}", f"l:{KEY}", f"t:{declared_tag(TAG)}", "clock")
_CODEC = Codec(int)
_POLICY = Policy(name="simulation", expire=TTL_MS / 1000)


def ticking_store() -> MemoryStore:
    """A store whose time goes on by a microsecond at each look: a server runs no two commands in the same one."""
    return MemoryStore(now=ticking())


def ticking() -> Callable[[], float]:
    """A clock that goes on by 64 µs, exact in a float, each time it is read. Entries do not end by it."""
    looks = itertools.count(1)
    return lambda: next(looks) * 2.0**-14


def explore(
    make_tasks: Callable[[], list[Task]],
    make_store: Callable[[], MemoryStore] = ticking_store,
    last: "Callable[[], Task] | None" = None,
) -> int:
    """Run every order of the tasks' steps; how many different states there were. Raises StaleRead on the first one.

    A last reader, who comes when all others are done, reads too.
    """
    found: set[Hashable] = set()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        schedule = waiting.pop()
        world, tasks = _replay(schedule, make_tasks, make_store)
        # Down the first way from here without a replay; the other ways wait.
        while (state := world.state(tasks)) not in found:
            found.add(state)
            moves = [move for task in tasks if not task.done for move in task.moves()]
            if not moves:
                _read_at_the_end(world, last)
                break
            schedule = world.history
            waiting.extend((*schedule, move) for move in moves[1:])
            _move(world, tasks, moves[0])
    return len(found)


def replay(
    schedule: tuple[str, ...],
    make_tasks: Callable[[], list[Task]],
    make_store: Callable[[], MemoryStore] = ticking_store,
    last: "Callable[[], Task] | None" = None,
) -> None:
    """Run one schedule again, as found in a StaleRead."""
    world, tasks = _replay(schedule, make_tasks, make_store)
    if all(task.done for task in tasks):
        _read_at_the_end(world, last)


def _replay(
    schedule: tuple[str, ...], make_tasks: Callable[[], list[Task]], make_store: Callable[[], MemoryStore]
) -> tuple[World, list[Task]]:
    world, tasks = World(make_store), make_tasks()
    for move in schedule:
        _move(world, tasks, move)
    return world, tasks


def _move(world: World, tasks: list[Task], move: str) -> None:
    world.history = (*world.history, move)
    name, _, choice = move.partition(".")
    for task in tasks:
        if task.name == name:
            if choice:
                task.choose(choice)
            task.step(world)


def _read_at_the_end(world: World, make: "Callable[[], Task] | None") -> None:
    last = Reader("last") if make is None else make()
    while not last.done:
        last.step(world)


@dataclass(frozen=True, slots=True)
class _Stamp:
    value: int


def made_at(entry: bytes, clock: int) -> bytes:
    """The entry as it would be with another `as_of`."""
    return _PACKING.pack(KEY, msgspec.structs.replace(_PACKING.unpack(KEY, entry), as_of=clock))


def seen(value: object) -> Hashable:
    """What a task or the store holds, as a plain value in which stamps can be told."""
    match value:
        case b"":
            return "nothing"
        case bytes():
            entry = _PACKING.unpack(KEY, value)
            return (_Stamp(entry.as_of), entry.payload)
        case str() if value.startswith("?"):
            # A marker: unique, and so by its order like a stamp.
            return ("?", _Stamp(int(value[1:])))
        case bool() | str() | None:
            return value
        case int():
            return _Stamp(value)
        case Reading(entries, stamps):
            return (tuple(map(seen, entries)), tuple(map(seen, stamps.values())))
        case Grant(as_of, entry, stamps):
            return (_Stamp(as_of), None if entry is None else seen(entry), tuple(map(seen, stamps.values())))
    return repr(value)


def _stamps(value: object) -> Iterator[int]:
    if isinstance(value, _Stamp):
        yield value.value
    elif isinstance(value, tuple):
        for part in value:
            yield from _stamps(part)


def _ranked(value: Any, ranks: dict[int, int]) -> Hashable:
    if isinstance(value, _Stamp):
        return _Stamp(ranks[value.value])
    return tuple(_ranked(part, ranks) for part in value) if isinstance(value, tuple) else value


def _request(token: str, arrived: int, tags: tuple[str, ...]) -> plan.Request:
    return plan.Request(
        key=KEY,
        tags=tags,
        policy=_POLICY,
        codec=_CODEC,
        token=token,
        arrived=arrived,
        now=0,
        dice=1.0,
        ttl_ms=TTL_MS,
    )
