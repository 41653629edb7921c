"""The protocol across cluster slots: each command as batches of small steps, without I/O.

In a cluster each tag, each entry (with its lease) and the clock live in slots of their own, and nothing is atomic
beyond one slot. A step touches one slot. The steps of a batch are sent together, one round trip for each node, and are
carried out in any order; a batch ends before the next begins. The stores, sync and async, and the simulation run this
code.

The states of a tag, and every move between them:

- absent: evicted, expired, or never made. Its entries are invalid.
- pending: holds a marker that no other creation of it ever had. Counts as absent.
- a stamp: its entries with an older `as_of` are invalid.

`MarkTag` takes absent to pending, and tells what stands there otherwise. `SettleTag` takes pending to a stamp if the
very marker is still there. `RaiseTag` takes pending to absent, raises a lower stamp, and leaves absent as it is.
Eviction takes any of them to absent.

What has to hold: *a stamp is never below that of an invalidation of this tag that has returned.* With `as_of` read
before the load, an entry that is older than a returned write is then invalid for good. The races, one by one:

- Invalidate ticks before it raises. Raised first, to a stamp that the clock reaches only afterwards, a tag would
  vouch for a load that read the clock in between and the database before the commit, or be lower than the tick.
- A tag is created while its invalidation runs. The creator reads the clock after its marker stands. If the raise came
  before the marker, so did the tick: the reading is no lower. If it came between marker and settling, it removed the
  marker and nothing is created. If it comes after the settling, it finds a stamp and raises it. Without the marker, by
  a look at the clock and a creation, tick and raise would fit in between.
- A marker that was removed is set again by a repeated packet, or by another creator, while the first still means to
  settle it with its old reading. So markers are never the same twice: the server makes them. Whoever finds a marker
  may settle it, since it reads the clock after it saw it: a creator that died holds nobody up.
- A late raise: its stamp was ticked long ago, and a later invalidation has raised the tag since, or the tag was evicted
  and created anew. It only raises; created or lowered to its own stamp, the tag would revive what the later one ended.
- The entry is stored after its tags were looked at, and one may be invalidated in between: then it is found invalid
  when it is read, as in any case. Looking first only spares the storing. Its lease shares its slot, so a key that was
  deleted meanwhile is not stored.
- A reader's look at entry and tags is not of one moment. A stamp that it saw before a write had returned belongs to a
  reader that began before; an entry that came after it saw the stamp is newer still.
- The clock is lost and starts again from the server's time, or a replica takes over with an older one. Stamps do not
  run backwards as long as the servers' clocks differ by less than a failover takes.
"""

import itertools
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from frescor._protocol.commands import (
    LEASE_MS,
    Announce,
    Delete,
    Dismiss,
    ExtendLease,
    Grant,
    Invalidate,
    Put,
    Read,
    Reading,
    ReleaseLease,
    StoreCommand,
    StoreOutcome,
    TakeLease,
    Together,
    Unheard,
    Write,
)
from frescor._values.entry import stamped

# -- the steps: each one is atomic, in one slot ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadClock:
    """→ int: the clock, made from the server's time if it is absent"""


@dataclass(frozen=True, slots=True)
class Tick:
    """→ int: the clock, moved on"""


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """→ bytes | None"""

    key: str


@dataclass(frozen=True, slots=True)
class ReadTag:
    """→ int | None: its stamp; None while it is absent or pending"""

    tag: str


@dataclass(frozen=True, slots=True)
class RaiseTag:
    """Raise a stamp to this one, never down; remove a pending marker; leave an absent tag absent. → anything"""

    tag: str
    stamp: int


@dataclass(frozen=True, slots=True)
class MarkTag:
    """Make an absent tag pending; let one with a stamp outlive entries of `ttl_ms`. → int: its stamp | str: the marker
    that stands there"""

    tag: str
    token: str
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class SettleTag:
    """Replace this marker, if it is still there, by the stamp. → int: the stamp that stands there now | None: none"""

    tag: str
    marker: str
    stamp: int
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class ClaimLease:
    """Take the lease. → bytes: the entry, empty for none or for the one that was seen | None: another holds it"""

    key: str
    token: str
    seen: int | None


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """Store the entry and end the lease, if it is still this token's. → bool: whether it was"""

    key: str
    token: str
    entry: bytes
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """Store the entry in any case, and replace the lease by a tombstone. → anything"""

    key: str
    entry: bytes
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Remove the entry, and replace the lease by a tombstone. → int: how many entries there were"""

    key: str


Step = (
    ReadClock
    | Tick
    | ReadEntry
    | ReadTag
    | RaiseTag
    | MarkTag
    | SettleTag
    | ClaimLease
    | StoreEntry
    | PlaceEntry
    | RemoveEntry
    | ExtendLease
    | ReleaseLease
)
R = TypeVar("R")
Steps = Generator[tuple[Step, ...], list[Any], R]


# How long a marker stands whose creator is gone.
MARKER_MS = LEASE_MS


class SlotProtocol:
    """How each command is carried out in steps; `token` makes names that no other process uses."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def carry_out(self, command: StoreCommand | Together) -> Steps[Any]:
        """The steps of a command; returns what comes back for it."""
        match command:
            case Together(commands):
                return self._together(commands)
            case Read(keys, tags):
                return self._read(keys, tags)
            case TakeLease():
                return self._take_lease(command)
            case Write():
                return self._write(command)
            case Put(entries, ttl_ms):
                return self._put(entries, ttl_ms)
            case Delete(keys):
                return self._delete(keys)
            case Invalidate(tags, _):
                return self._invalidate(tags)
            case ExtendLease() | ReleaseLease():
                return self._alone(command)
            case Announce() | Unheard() | Dismiss():
                raise TypeError("these are made by frescor._store.listener_registry")

    def _together(self, commands: tuple[StoreCommand, ...]) -> Steps[list[Any]]:
        """Side by side: as many batches as the longest of them takes."""
        under_way = {place: self.carry_out(command) for place, command in enumerate(commands)}
        results: list[Any] = [None] * len(commands)
        replies: dict[int, list[Any] | None] = dict.fromkeys(under_way)
        while True:
            batches: dict[int, tuple[Step, ...]] = {}
            for place, steps in list(under_way.items()):
                try:
                    batches[place] = next(steps) if replies[place] is None else steps.send(replies[place] or [])
                except StopIteration as done:
                    results[place] = done.value
                    del under_way[place]
            if not batches:
                return results
            found = iter((yield tuple(step for batch in batches.values() for step in batch)))
            replies = {place: list(itertools.islice(found, len(batch))) for place, batch in batches.items()}

    def _alone(self, step: Step) -> Steps[Any]:
        (reply,) = yield (step,)
        return reply

    def _read(self, keys: tuple[str, ...], tags: tuple[str, ...]) -> Steps[Reading]:
        replies = yield (*map(ReadEntry, keys), *map(ReadTag, tags))
        return Reading(replies[: len(keys)], dict(zip(tags, replies[len(keys) :], strict=True)))

    def _take_lease(self, command: TakeLease) -> Steps[Grant | None]:
        claimed, as_of, *stamps = yield (
            ClaimLease(command.key, command.token, command.seen),
            ReadClock(),
            *map(ReadTag, command.tags),
        )
        if claimed is None:
            return None
        return (
            Grant(as_of, claimed, dict(zip(command.tags, stamps, strict=True))) if claimed else Grant(as_of, None, {})
        )

    def _write(self, command: Write) -> Steps[StoreOutcome]:
        _, stamps = yield from self._create_absent(command.tags, command.token, command.ttl_ms)
        if any(stamp is None or stamp > command.as_of for stamp in stamps.values()):
            yield (ReleaseLease(command.key, command.token),)
            return StoreOutcome.SUPERSEDED
        (stored,) = yield (StoreEntry(command.key, command.token, command.entry, command.ttl_ms),)
        return StoreOutcome.STORED if stored else StoreOutcome.LEASE_LOST

    def _put(self, entries: Mapping[str, tuple[bytes, tuple[str, ...]]], ttl_ms: int) -> Steps[None]:
        tags = tuple(dict.fromkeys(tag for _, depends in entries.values() for tag in depends))
        clock, stamps = yield from self._create_absent(tags, self._token(), ttl_ms)
        # Another's creation or invalidation of a tag, at the same time, may be a little later: this counts as after it.
        stamp = max(clock, *(stamp or 0 for stamp in stamps.values()))
        yield tuple(PlaceEntry(key, stamped(entry, stamp), ttl_ms) for key, (entry, _) in entries.items())

    def _create_absent(
        self, tags: tuple[str, ...], token: str, ttl_ms: int
    ) -> Steps[tuple[int, dict[str, int | None]]]:
        """The clock, and the stamps of these tags. Those that were absent are created as of that clock; None for one
        that was invalidated meanwhile."""
        clock, *found = yield (ReadClock(), *(MarkTag(tag, token, ttl_ms) for tag in tags))
        marks = dict(zip(tags, found, strict=True))
        stamps: dict[str, int | None] = {tag: mark for tag, mark in marks.items() if isinstance(mark, int)}
        markers = {tag: mark for tag, mark in marks.items() if isinstance(mark, str)}
        if markers:
            (clock,) = yield (ReadClock(),)
            settled = yield tuple(SettleTag(tag, marker, clock, ttl_ms) for tag, marker in markers.items())
            stamps.update(zip(markers, settled, strict=True))
        return clock, stamps

    def _delete(self, keys: tuple[str, ...]) -> Steps[int]:
        counts = yield tuple(map(RemoveEntry, keys))
        return sum(counts)

    def _invalidate(self, tags: tuple[str, ...]) -> Steps[int]:
        (stamp,) = yield (Tick(),)
        yield tuple(RaiseTag(tag, stamp) for tag in tags)
        return int(stamp)
