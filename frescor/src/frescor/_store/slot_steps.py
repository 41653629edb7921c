"""The protocol across cluster slots: each command as batches of small steps, without I/O.

In a cluster each tag, each entry (with its lease) and the clock live in slots of their own, and nothing is atomic
across slots. A step touches one slot. The steps of one batch are sent together, in one round trip for each node, and
are carried out in any order; a batch ends before the next one begins. The sync store, the async store and the
simulation all run this code.

The states of a tag, and every transition:

- absent: evicted, expired, or never created. Its entries are invalid.
- pending: holds a marker that no other creation of this tag ever had. Counts as absent.
- a stamp: its entries with an older `as_of` are invalid.

`MarkTag` turns absent into pending, and returns what it finds otherwise. `SettleTag` turns pending into a stamp if the
very same marker is still there. `RaiseTag` turns pending into absent, raises a lower stamp, and leaves absent as it is.
Eviction turns anything into absent.

What has to hold: *a tag's stamp is never below that of an invalidation of this tag that has returned.* Because `as_of`
is read before the load, an entry that is older than a returned write is then invalid for good. The races, one by one:

- Invalidate ticks before it raises. If it raised first, to a stamp that the clock reaches only later, the tag would
  accept a load that read the clock in between but the database before the commit; or its stamp would be below the tick.
- A tag is created while its invalidation runs. The creator reads the clock after setting its marker. If the raise came
  before the marker, so did the tick: the reading is no lower. If it came between marker and settling, it removed the
  marker and nothing is created. If it comes after the settling, it finds a stamp and raises it. Without a marker, tick
  and raise would both fit between reading the clock and creating the tag.
- A marker that was removed is set again, by a repeated packet or by another creator, while the first creator still
  means to settle it with its old reading. So the server makes each marker unique. Anybody who finds a marker may settle
  it, because they read the clock after seeing it: so a dead creator delays nobody.
- A late raise: its stamp is from a tick long ago. Since then a later invalidation has raised the tag, or the tag was
  evicted and created again. Such a raise never creates or lowers a tag, which would revive what the later one ended.
- A raise that is not soft comes late, after a soft one of a later tick. The stamp stays, and the floor is raised to the
  late one's: nothing from before that is served any more. A late soft raise changes nothing, since what was raised to
  more has either its floor already, or none.
- An entry is stored after its tags were checked, and a tag may be invalidated in between. Then the entry is found
  invalid when it is read, as always. The check before only saves storing it. The lease shares the entry's slot, so an
  entry whose key was deleted meanwhile is not stored.
- A reader does not see the entry and the tags at the same moment. If it saw a stamp before a write returned, the reader
  began before that write; an entry that arrived after it saw the stamp is newer still.
- A writer does not know a slice column that entries depend on. The registrations stand in the clock's slot, and the
  writer reads them in the step of its tick; it then raises the blind tags of the columns that it does not know. If a
  column is registered after that step, its `since` is no lower than the tick: a load that may depend on the column
  began after the tick, and so after the commit. If registrations are missing, whoever notices leaves a marker, raises
  the tag of all entries with slices, and lets the registrations stand only then, if that marker is still there. In the
  other order, a writer in between would find registrations without the lost columns, and end nothing; without the
  marker, somebody late would let them stand after they were lost once more, with entries in between. An entry is stored
  only if its columns stood, after its load began, with a `since` that is not later. If they are lost after that, the
  next writer ends it, as above.
- The clock is lost and starts again at the server's time, or a replica with an older clock takes over. Stamps do not
  run backwards as long as the servers' clocks differ by less than the time that a failover takes.
"""

import itertools
from collections.abc import Callable, Generator, Mapping, Sequence
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
from frescor._values.tags import BUT, SLICED, SLICES, blind_tags_of, declared_tag

# -- the steps: each is atomic, in one slot ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadClock:
    """→ int: the clock, which is created from the server's time if it is absent"""


@dataclass(frozen=True, slots=True)
class Tick:
    """→ int: the clock, moved forward"""


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
    """Raise a lower stamp to this one; remove a pending marker; leave an absent tag absent. → anything

    softly: values from after the floor may be served meanwhile."""

    tag: str
    stamp: int
    softly: bool = False


@dataclass(frozen=True, slots=True)
class MarkTag:
    """Make an absent tag pending; make one with a stamp last longer than entries of `ttl_ms`. → int: its stamp | str:
    the marker that stands there"""

    tag: str
    token: str
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class SettleTag:
    """Replace this marker by the stamp, if it is still there. → int: the stamp that stands there now | None: none"""

    tag: str
    marker: str
    stamp: int
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class ClaimLease:
    """Take the lease. → bytes: the entry; empty if there is none, or the one already seen | None: somebody else has
    it"""

    key: str
    token: str
    seen: int | None


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """Store the entry and end the lease, if the lease still has this token. → bool: whether it had"""

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


@dataclass(frozen=True, slots=True)
class TickKnowing:
    """Move the clock forward, and read which slice columns of these tables are registered. → tuple: the clock; and the
    columns of each table, or the marker of missing registrations, which is set if there is none"""

    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandSlices:
    """From now on no registrations are missing, if this marker is still there. → anything"""

    marker: str


@dataclass(frozen=True, slots=True)
class EnterColumns:
    """Register slice columns, by their table, as of the clock, unless registrations are missing; this marker ends
    that. → bool: whether they are registered"""

    columns: tuple[tuple[str, tuple[str, ...]], ...]
    marker: str


@dataclass(frozen=True, slots=True)
class ReadSince:
    """→ tuple: for each of these blind tags the clock at its registration; None if it is not registered"""

    blind: tuple[str, ...]


Step = (
    ReadClock
    | TickKnowing
    | StandSlices
    | EnterColumns
    | ReadSince
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


# How long a marker remains if its creator is gone.
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
            case Invalidate(tags):
                return self._invalidate(tags, softly=command.serve_old)
            case ExtendLease() | ReleaseLease():
                return self._alone(command)
            case Announce() | Unheard() | Dismiss():
                raise TypeError("these are made by frescor._store.listener_registry")

    def _together(self, commands: tuple[StoreCommand, ...]) -> Steps[list[Any]]:
        """Carry commands out side by side, in as many batches as the longest of them takes."""
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
        blind = blind_of(command.tags)
        (found,) = (yield (ReadSince(blind),)) if blind else ((),)
        registered = all(since is not None and since <= command.as_of for since in found)
        known = not blind or (registered and declared_tag(SLICED) in command.tags)
        _, stamps = yield from self._create_absent(command.tags, command.token, command.ttl_ms)
        if not known or any(stamp is None or stamp > command.as_of for stamp in stamps.values()):
            yield (ReleaseLease(command.key, command.token),)
            return StoreOutcome.SUPERSEDED
        (stored,) = yield (StoreEntry(command.key, command.token, command.entry, command.ttl_ms),)
        return StoreOutcome.STORED if stored else StoreOutcome.LEASE_LOST

    def _put(self, entries: Mapping[str, tuple[bytes, tuple[str, ...]]], ttl_ms: int) -> Steps[None]:
        tags = tuple(dict.fromkeys(tag for _, depends in entries.values() for tag in depends))
        clock, stamps = yield from self._create_absent(tags, self._token(), ttl_ms)
        # Another creation or invalidation of a tag may have a slightly later stamp: this one counts as after it.
        stamp = max(clock, *(stamp or 0 for stamp in stamps.values()))
        yield tuple(PlaceEntry(key, stamped(entry, stamp), ttl_ms) for key, (entry, _) in entries.items())

    def _create_absent(
        self, tags: tuple[str, ...], token: str, ttl_ms: int
    ) -> Steps[tuple[int, dict[str, int | None]]]:
        """The clock, and the stamps of these tags. Absent tags are created at that clock; None for a tag that was
        invalidated meanwhile."""
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

    def _invalidate(self, tags: tuple[str, ...], *, softly: bool = False) -> Steps[int]:
        others = tuple(tag for tag in tags if BUT in tag)
        if not others:
            (stamp,) = yield (Tick(),)
            yield tuple(RaiseTag(tag, stamp, softly) for tag in tags)
            return int(stamp)
        # What names slices is never raised softly.
        named = tuple(tag for tag in tags if BUT not in tag)
        tables = tuple(dict.fromkeys(tag.partition(BUT)[0] for tag in others))
        ((stamp, columns),) = yield (TickKnowing(tables),)
        if isinstance(columns, str):
            yield tuple(RaiseTag(tag, stamp) for tag in (*named, declared_tag(SLICED)))
            yield (StandSlices(columns),)
            return int(stamp)
        registered = {
            table: [f"{table}{SLICES}{column}" for column in some] for table, some in zip(tables, columns, strict=True)
        }
        blind = [one for tag in others for one in blind_tags_of(tag, registered[tag.partition(BUT)[0]])]
        yield tuple(RaiseTag(tag, stamp) for tag in dict.fromkeys((*named, *blind)))
        return int(stamp)

    def register(self, columns: Mapping[str, Sequence[str]]) -> Steps[bool]:
        """Register slice columns, by their table's tag: see `Store.register_slices`. False if registrations were lost
        meanwhile."""
        # Each process asks this once a second, so in most cases the clock stays.
        (since,) = yield (ReadSince(tuple(f"{table}{SLICES}{one}" for table, some in columns.items() for one in some)),)
        if None not in since:
            return True
        ((stamp, marker),) = yield (TickKnowing(()),)
        if isinstance(marker, str):
            yield (RaiseTag(declared_tag(SLICED), stamp),)
        given = tuple((table, tuple(some)) for table, some in columns.items())
        (done,) = yield (EnterColumns(given, marker if isinstance(marker, str) else ""),)
        return bool(done)


def blind_of(tags: Sequence[str]) -> tuple[str, ...]:
    """The blind tags of the slice columns that these tags of an entry belong to."""
    slices = [tag.partition(SLICES) for tag in tags if SLICES in tag and tag != declared_tag(SLICED)]
    return tuple(dict.fromkeys(f"{table}{sign}{column.partition('=')[0]}" for table, sign, column in slices))
