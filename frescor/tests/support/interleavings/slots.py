"""Tasks on a cluster: every order of the small steps of `_store.slot_steps`.

A command of the plan is not one move here: each step of its batches is one, and those of one batch go in any order,
since they go to different nodes. Readers have no copies.
"""

import copy
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Self

from msgspec.structs import replace

from frescor import _plan as plan
from frescor._copies.local import Local
from frescor._protocol.commands import (
    Command,
    Delete,
    DependOn,
    EndFlight,
    ExtendLease,
    Invalidate,
    JoinFlight,
    Load,
    Loaded,
    LoadMany,
    Note,
    Pause,
    ReleaseLease,
    StoreCommand,
    TakeLease,
    Together,
    Wait,
)
from frescor._protocol.pending import Pending
from frescor._store.memory import TOMBSTONE, MemoryStore
from frescor._store.slot_steps import (
    MARKER_MS,
    ClaimLease,
    EnterColumns,
    MarkTag,
    PlaceEntry,
    RaiseTag,
    ReadClock,
    ReadEntry,
    ReadSince,
    ReadTag,
    RemoveEntry,
    SettleTag,
    SlotProtocol,
    StandSlices,
    Step,
    StoreEntry,
    Tick,
    TickKnowing,
)
from frescor._store.wire import TOMBSTONE_MS
from frescor._values.tags import SLICES, declared_tag, entry_tags
from interleavings.process import Ticking
from interleavings.reader import CODEC, request_of
from interleavings.state import KEY, seen_in
from interleavings.world import LEASE, TAG, StaleRead, Task, World


class MemorySlots(MemoryStore):
    """What the servers of a cluster hold, step by step. missing: the marker of missing registrations of slices."""

    missing = ""

    def take(self, step: Step) -> Any:
        """Carry one step out."""
        match step:
            case ReadClock():
                return self._clock()
            case Tick():
                return self._invalidate(())
            case TickKnowing() | StandSlices() | EnterColumns() | ReadSince():
                return self._take_slices(step)
            case ReadEntry(key):
                return self._entry(key)
            case ReadTag(tag):
                return self._stamp(tag)
            case RaiseTag(tag, stamp):
                return self.raise_tag(tag, stamp)
            case MarkTag(tag):
                return self._mark(tag)
            case SettleTag(tag, marker, stamp):
                return self.settle(tag, marker, stamp)
            case ClaimLease():
                return self._claim(step)
            case StoreEntry(key, token, entry, ttl_ms):
                if self._get(f"l:{key}") != token:
                    return False
                self._drop(f"l:{key}")
                self._set(f"e:{key}", entry, ttl_ms)
                return True
            case PlaceEntry(key, entry, ttl_ms):
                self._set(f"e:{key}", entry, ttl_ms)
                return self._set(f"l:{key}", TOMBSTONE, TOMBSTONE_MS)
            case RemoveEntry(key):
                return self._delete((key,))
            case ExtendLease() | ReleaseLease():
                return self.perform(step)

    def _take_slices(self, step: TickKnowing | StandSlices | EnterColumns | ReadSince) -> Any:
        match step:
            case TickKnowing(tables):
                stamp = self._invalidate(())
                if self._slices is None:
                    self.missing = self.missing or f"?{stamp}"
                    return stamp, self.missing
                known = [(table, self._slices.get(table, {})) for table in tables]
                return stamp, tuple(tuple(blind[len(table) + len(SLICES) :] for blind in some) for table, some in known)
            case StandSlices(marker):
                return self._stand(marker)
            case EnterColumns(columns, marker):
                if not self._stand(marker):
                    return False
                assert self._slices is not None
                for table, some in columns:
                    for column in some:
                        self._slices.setdefault(table, {}).setdefault(f"{table}{SLICES}{column}", self._clock())
                return True
            case ReadSince(blind):
                registered = self._slices or {}
                return tuple(registered.get(one.partition(SLICES)[0], {}).get(one) for one in blind)

    def _stand(self, marker: str) -> bool:
        if self._slices is None and marker and marker == self.missing:
            self._slices, self.missing = {}, ""
        return self._slices is not None

    def evict(self, name: str) -> None:
        """As `MemoryStore.evict`; the marker of missing registrations is kept with them."""
        if name == "slices":
            self.missing = ""
        super().evict(name)

    def raise_tag(self, tag: str, stamp: int) -> None:
        """As `RaiseTag`."""
        held = self._get(f"t:{tag}")
        if isinstance(held, int):
            self._set(f"t:{tag}", max(held, stamp), None)
        elif held is not None:
            self._drop(f"t:{tag}")

    def settle(self, tag: str, marker: str, stamp: int) -> int | None:
        """As `SettleTag`."""
        if self._get(f"t:{tag}") == marker:
            self._set(f"t:{tag}", stamp, None)
        return self._stamp(tag)

    def _mark(self, tag: str) -> int | str:
        held = self._get(f"t:{tag}")
        if isinstance(held, int | str):
            return held
        marker = f"?{self._micros()}"
        self._set(f"t:{tag}", marker, MARKER_MS)
        return marker

    def _claim(self, step: ClaimLease) -> bytes | None:
        # The lease, and the entry unless the caller saw it: both are in the same slot.
        grant = self._take_lease(TakeLease(step.key, step.token, (), step.seen))
        return None if grant is None else grant.entry or b""


def slots() -> MemorySlots:
    """Servers whose time goes on at each look."""
    return MemorySlots(now=Ticking())


class CommandUnderWay:
    """A command of which some steps were taken; the rest of the batch may go in any order."""

    def __init__(self, protocol: SlotProtocol, command: StoreCommand | Together) -> None:
        self._protocol, self._command = protocol, command
        self._steps: Any = None
        self._batch: tuple[Step, ...] = ()
        self._replies: list[Any] = []
        self._answered: tuple[list[Any], ...] = ()
        self.left: list[int] = []
        self.done = False
        self.result: Any = None
        self._next()

    def fork(self) -> "CommandUnderWay":
        twin = copy.copy(self)
        twin._steps, twin._replies, twin.left = None, list(self._replies), list(self.left)
        return twin

    def take(self, place: int, store: MemorySlots) -> None:
        """Take one step of the batch; after the last of them, have the next batch at hand."""
        self._replies[place] = store.take(self._batch[place])
        self.left.remove(place)
        if not self.left:
            self._answered = (*self._answered, self._replies)
            self._next()

    def state(self) -> Hashable:
        """What it saw so far: of a batch that is complete, no order."""
        return (*(tuple(map(seen_in, replies)) for replies in (*self._answered, self._replies)), tuple(self.left))

    def _next(self) -> None:
        sent = [None, *self._answered]
        if self._steps is None:
            # A generator cannot be copied: another is brought to the same place.
            self._steps = self._protocol.carry_out(self._command)
            for replies in sent[:-1]:
                self._steps.send(replies)
        try:
            self._batch = self._steps.send(sent[-1])
        except StopIteration as end:
            self.done, self.result, self._replies = True, end.value, []
            return
        self._replies, self.left = [None] * len(self._batch), list(range(len(self._batch)))
        if not self.left:
            self._answered = (*self._answered, [])
            self._next()


@dataclass
class Stepped(Task):
    """A task that carries commands out step by step; `choose` says which step comes next."""

    protocol: SlotProtocol
    # Batches in the order in which they are listed only: fewer ways, for larger worlds.
    in_order: bool = field(default=False, kw_only=True)
    _trace: tuple[Hashable, ...] = field(default=(), init=False)
    _under_way: CommandUnderWay | None = field(default=None, init=False)
    _choice: int = field(default=0, init=False)

    def fork(self) -> Self:
        twin = copy.copy(self)
        if self._under_way is not None:
            twin._under_way = self._under_way.fork()
        return twin

    def state(self) -> Hashable:
        # Of a task that is done nothing comes any more.
        return () if self.done else (self._trace, None if self._under_way is None else self._under_way.state())

    def moves(self) -> tuple[str, ...]:
        if self.in_order or self._under_way is None or len(self._under_way.left) < 2:
            return (self.name,)
        return tuple(f"{self.name}.{place}" for place in self._under_way.left)

    def choose(self, choice: str) -> None:
        self._choice = int(choice)

    def begin(self, command: StoreCommand | Together) -> None:
        """Have a command under way."""
        self._under_way = CommandUnderWay(self.protocol, command)

    def advance(self, world: World) -> CommandUnderWay | None:
        """Take a step of the command under way; the command, once it is done."""
        under_way = self._under_way
        assert under_way is not None
        assert isinstance(world.store, MemorySlots)
        under_way.take(self._choice if self._choice in under_way.left else under_way.left[0], world.store)
        if not under_way.done:
            return None
        self._trace = (*self._trace, under_way.state())
        self._under_way = None
        return under_way


@dataclass
class SlotReader(Stepped):
    """A process of its own that reads once."""

    tags: tuple[str, ...] = field(default=entry_tags(KEY, (TAG,)), kw_only=True)
    crash_at: type | None = field(default=None, kw_only=True)
    # What its plan was told so far: enough to bring another plan to the same place.
    _told: tuple[Any, ...] = field(default=(None,), init=False)
    _due: int | None = field(default=None, init=False)
    _steps: Any = field(default=None, init=False)
    _command: Command | None = field(default=None, init=False)
    _value: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._go_on()

    @property
    def token(self) -> str | None:
        return self._request().token

    def fork(self) -> Self:
        twin = super().fork()
        twin._steps = None
        return twin

    def state(self) -> Hashable:
        return super().state(), None if self.done else self._due

    def step(self, world: World) -> None:
        """Go on by the next thing that others can notice: a step at a server, a look at the database."""
        if self._due is None:
            self._due = world.returned
        if self._under_way is None:
            command = self._command
            assert command is not None
            if self.crash_at is not None and isinstance(command, self.crash_at):
                self.done = True
                return
            reply = self._carry_out(command, world)
            self._trace = (*self._trace, seen_in(reply))
        else:
            ended = self.advance(world)
            if ended is None:
                return
            reply = ended.result
        self._told = (*self._told, reply)
        self._go_on()
        if self._value is not None:
            self.done = True
            if self._value < self._due:
                raise StaleRead(world.history, f"{self.name} read {self._value}, and had to see write {self._due}")

    def _request(self) -> plan.Request:
        return replace(request_of(self.name, 1), tags=self.tags)

    def _go_on(self) -> None:
        """Up to the next command that others can notice."""
        if self._steps is None:
            process = plan.Process(Local(max_bytes=0), Pending())
            self._steps = plan.read_through(process, self._request())
            for reply in self._told[:-1]:
                self._steps.send(reply)
        while True:
            try:
                self._command = command = self._steps.send(self._told[-1])
            except StopIteration as end:
                self._value = end.value.value
                return
            if isinstance(command, JoinFlight | EndFlight | DependOn | Note):
                self._told = (*self._told, None)
            elif isinstance(command, Load | Wait) or (self.crash_at and isinstance(command, self.crash_at)):
                return
            else:
                assert not isinstance(command, LoadMany | Pause)
                self.begin(command)
                return

    def _carry_out(self, command: Command, world: World) -> object:
        if isinstance(command, Load):
            return Loaded(CODEC.encode(world.number), 2, 0, 0)
        # Long enough for every bound: a holder that crashed must not stop this one for ever.
        world.store.evict(LEASE)
        return plan.LONGEST_WAIT_MS


@dataclass
class SlotWriter(Stepped):
    """Commits a new number, then invalidates: by a tag, or the key itself."""

    by_key: bool = field(default=False, kw_only=True)
    tag: str = field(default=declared_tag(TAG), kw_only=True)
    _wrote: int = field(default=0, init=False)

    def state(self) -> Hashable:
        return super().state(), self._wrote

    def step(self, world: World) -> None:
        if not self._wrote:
            world.number += 1
            self._wrote = world.number
            self.begin(Delete((KEY,)) if self.by_key else Invalidate((self.tag,)))
        elif self.advance(world) is not None:
            world.wrote(self._wrote)
            self.done = True
