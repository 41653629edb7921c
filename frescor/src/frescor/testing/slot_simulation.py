"""The simulation for clusters: every order of the small steps of `_store.slot_steps`.

As `frescor.testing.simulation`, but a command of the plan is not one move: each step of its batches is one, and those
of one batch go in any order, since they go to different nodes.
"""

from collections.abc import Hashable
from typing import Any

from frescor._protocol.commands import (
    Board,
    Command,
    Delete,
    DependOn,
    ExtendLease,
    Invalidate,
    Land,
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
from frescor._store.memory import TOMBSTONE, MemoryStore
from frescor._store.slot_steps import (
    MARKER_MS,
    ClaimLease,
    MarkTag,
    PlaceEntry,
    RaiseTag,
    ReadClock,
    ReadEntry,
    ReadTag,
    RemoveEntry,
    SettleTag,
    SlotProtocol,
    Step,
    StoreEntry,
    Tick,
)
from frescor._store.wire import TOMBSTONE_MS
from frescor._values.tags import declared_tag, entry_tags
from frescor.testing.simulation import KEY, TAG, Reader, Task, World, seen, ticking


class MemorySlots(MemoryStore):
    """What the servers of a cluster hold, step by step."""

    def take(self, step: Step) -> Any:
        """Carry one step out."""
        match step:
            case ReadClock():
                return self._clock()
            case Tick():
                return self._invalidate(())
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
    return MemorySlots(now=ticking())


class CommandUnderWay:
    """A command of which some steps were taken; the rest of the batch may go in any order."""

    def __init__(self, protocol: SlotProtocol, command: StoreCommand | Together) -> None:
        self._steps: Any = protocol.carry_out(command)
        self._batch: tuple[Step, ...] = ()
        self._replies: list[Any] = []
        self._answered: list[list[Any]] = []
        self.left: list[int] = []
        self.done = False
        self.result: Any = None
        self._next(None)

    def take(self, place: int, store: MemorySlots) -> None:
        """Take one step of the batch; after the last of them, have the next batch at hand."""
        self._replies[place] = store.take(self._batch[place])
        self.left.remove(place)
        if not self.left:
            self._answered.append(self._replies)
            self._next(self._replies)

    def state(self) -> Hashable:
        """What it saw so far: of a batch that is complete, no order."""
        return (*(tuple(map(seen, replies)) for replies in (*self._answered, self._replies)), tuple(self.left))

    def _next(self, replies: list[Any] | None) -> None:
        try:
            self._batch = self._steps.send(replies)
        except StopIteration as end:
            self.done, self.result, self._replies = True, end.value, []
            return
        self._replies, self.left = [None] * len(self._batch), list(range(len(self._batch)))
        if not self.left:
            self._next([])


class Stepped(Task):
    """A task that carries commands out step by step; `choose` says which step comes next."""

    protocol: SlotProtocol
    # Batches in the order in which they are listed only: fewer ways, for larger worlds.
    in_order = False
    _under_way: CommandUnderWay | None = None
    _choice = 0

    def seen_so_far(self) -> list[Hashable]:
        return self.trace if self._under_way is None else [*self.trace, self._under_way.state()]

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
        self.trace.append(under_way.state())
        self._under_way = None
        return under_way


class SlotReader(Stepped, Reader):
    """A process of its own that reads once."""

    def __init__(
        self,
        name: str,
        protocol: SlotProtocol,
        *,
        tags: tuple[str, ...] = entry_tags(KEY, (TAG,)),
        crash_at: type | None = None,
        in_order: bool = False,
    ) -> None:
        self.in_order = in_order
        Reader.__init__(self, name, tags=tags, crash_at=crash_at)
        self.protocol = protocol
        # The place of what is due, known when it begins.
        self.trace = [None]
        self._plan = self.begin_reading()
        self._value: int | None = None
        self._command: Command | None = None
        self._go_on(None)

    def step(self, world: World) -> None:
        """Go on by the next thing that others can notice: a step at a server, a look at the database."""
        if self.trace[0] is None:
            self.trace[0] = self._due = world.returned
        if self._under_way is None:
            command = self._command
            assert command is not None
            if self.crash_at is not None and isinstance(command, self.crash_at):
                self.done = True
                return
            reply = self.carry_out(command, world)
            self.trace.append(seen(reply))
        else:
            ended = self.advance(world)
            if ended is None:
                return
            reply = ended.result
        self._go_on(reply)
        if self._value is not None:
            self.finish(world, self._value)

    def _go_on(self, reply: object) -> None:
        """Up to the next command that others can notice."""
        while True:
            try:
                self._command = command = self._plan.send(reply)
            except StopIteration as end:
                self._value = end.value.value
                return
            if isinstance(command, Board | Land | DependOn | Note):
                reply = None
            elif isinstance(command, Load | Wait) or (self.crash_at and isinstance(command, self.crash_at)):
                return
            else:
                assert not isinstance(command, LoadMany | Pause)
                self.begin(command)
                return


class SlotWriter(Stepped):
    """Commits a new number, then invalidates: by a tag, or the key itself."""

    def __init__(
        self, name: str, protocol: SlotProtocol, *, by_key: bool = False, tag: str = declared_tag(TAG)
    ) -> None:
        self.name, self.protocol = name, protocol
        self.trace, self.done = [], False
        self._command: Delete | Invalidate = Delete((KEY,)) if by_key else Invalidate((tag,))
        self._wrote = 0

    def step(self, world: World) -> None:
        if not self._wrote:
            world.number += 1
            self._wrote = world.number
            self.trace.append(self._wrote)
            self.begin(self._command)
        elif self.advance(world) is not None:
            world.returned = max(world.returned, self._wrote)
            self.done = True
