"""Every order of the small steps that a cluster takes; and mistakes that must be caught by it."""

from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from frescor._protocol.commands import Load, StoreOutcome, Write
from frescor._store.slot_steps import (
    MarkTag,
    RaiseTag,
    ReadClock,
    SettleTag,
    SlotProtocol,
    Steps,
    StoreEntry,
    Tick,
)
from frescor._values.tags import NAMESPACE_TAG, declared_tag
from interleavings import (
    KEY,
    TAG,
    Eviction,
    MakeWorld,
    StaleRead,
    Task,
    Ticking,
    World,
    explore,
    made_at,
    replay,
    world_of,
)
from interleavings.slots import MemorySlots, SlotReader, SlotWriter, slots

# The fewer tags, the fewer orders; each has a slot of its own in any case.
ONE_TAG = (declared_tag(TAG),)
TAG_ITEM = f"t:{declared_tag(TAG)}"
ITEMS = (f"e:{KEY}", f"l:{KEY}", TAG_ITEM, "clock")


def protocol() -> SlotProtocol:
    return SlotProtocol(lambda: "token")


def world(
    *,
    readers: int,
    writers: Sequence[bool],
    evicted: Sequence[str] = (),
    tags: tuple[str, ...] = ONE_TAG,
    steps: Callable[[], SlotProtocol] = protocol,
    in_order: bool = False,
    store: Callable[[], MemorySlots] = slots,
) -> MakeWorld:
    def make() -> World:
        return cluster_of(
            [
                *(SlotReader(f"r{n}", steps(), tags=tags, in_order=in_order) for n in range(readers)),
                *(SlotWriter(f"w{n}", steps(), by_key=by_key) for n, by_key in enumerate(writers)),
                *(Eviction(f"x{n}", item) for n, item in enumerate(evicted)),
            ],
            tags=tags,
            steps=steps,
            store=store,
        )

    return make


def cluster_of(
    tasks: Sequence[Task],
    *,
    tags: tuple[str, ...] = ONE_TAG,
    steps: Callable[[], SlotProtocol] = protocol,
    store: Callable[[], MemorySlots] = slots,
) -> World:
    """Without copies; at the end somebody reads by the same steps."""
    return world_of(tasks, make_store=store, last=lambda: SlotReader("last", steps(), tags=tags))


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("by_key", [False, True], ids=["tag", "key"])
def test_a_reader_a_writer_and_an_eviction_never_read_stale_in_any_order_of_steps(item: str, by_key: bool) -> None:
    assert explore(world(readers=1, writers=[by_key], evicted=[item])) > 90


def test_two_evictions_of_the_tag_and_the_clock_change_nothing() -> None:
    assert explore(world(readers=1, writers=[False], evicted=[TAG_ITEM, "clock"])) > 500


def test_several_tags_are_looked_at_and_created_in_any_order() -> None:
    tags = (NAMESPACE_TAG, declared_tag(TAG))
    assert explore(world(readers=1, writers=[False], tags=tags)) > 500


@pytest.mark.parametrize("crash_at", [Load, Write])
def test_a_holder_that_dies_leaves_no_old_value(crash_at: type) -> None:
    def make() -> World:
        return cluster_of(
            [
                SlotReader("dies", protocol(), tags=ONE_TAG, crash_at=crash_at, in_order=True),
                SlotReader("r", protocol(), tags=ONE_TAG, in_order=True),
                SlotWriter("w", protocol()),
            ]
        )

    assert explore(make) > 500


@pytest.mark.parametrize("item", [TAG_ITEM, "clock"])
def test_two_writers_and_an_eviction_never_read_stale(item: str) -> None:
    make = world(readers=1, writers=[False, False], evicted=[item], in_order=True)
    assert explore(make) > 500


@pytest.mark.slow
@pytest.mark.parametrize("by_key", [False, True], ids=["tag", "key"])
def test_two_readers_and_a_writer_never_read_stale(by_key: bool) -> None:
    assert explore(world(readers=2, writers=[by_key], in_order=True)) > 1000


class ReadsTheClockAfterTheLoad(SlotProtocol):
    """The mistake: as_of is the clock when the value is stored, not before it was loaded."""

    def _write(self, command: Write) -> Steps[StoreOutcome]:
        clock, _ = yield from self._create_absent(command.tags, command.token, command.ttl_ms)
        entry = made_at(command.entry, clock)
        return (yield from super()._write(replace(command, entry=entry, as_of=clock)))


class ChecksTheClockThenCreates(SlotProtocol):
    """The mistake: the clock is looked at, and then the absent tag is created: two steps, and room between them."""

    def _create_absent(
        self, tags: tuple[str, ...], token: str, ttl_ms: int
    ) -> Steps[tuple[int, dict[str, int | None]]]:
        (clock,) = yield (ReadClock(),)
        stamps: dict[str, int | None] = {}
        for tag in tags:
            (mark,) = yield (MarkTag(tag, token, ttl_ms),)
            if isinstance(mark, str):
                (mark,) = yield (SettleTag(tag, mark, clock, ttl_ms),)
            stamps[tag] = mark
        return clock, stamps


class RaisesBeforeItTicks(SlotProtocol):
    """The mistake: tags are raised to what the clock will be, and the clock moves only then."""

    def _invalidate(self, tags: tuple[str, ...], *, softly: bool = False) -> Steps[int]:
        (clock,) = yield (ReadClock(),)
        yield tuple(RaiseTag(tag, clock + 1) for tag in tags)
        (stamp,) = yield (Tick(),)
        return int(stamp)


class StoresWhateverTheTagsSay(SlotProtocol):
    """No mistake where stamps are right: an entry is checked when it is read."""

    def _write(self, command: Write) -> Steps[StoreOutcome]:
        yield from self._create_absent(command.tags, command.token, command.ttl_ms)
        (stored,) = yield (StoreEntry(command.key, command.token, command.entry, command.ttl_ms),)
        return StoreOutcome.STORED if stored else StoreOutcome.LEASE_LOST


class CreatesByARaise(MemorySlots):
    """The mistake: a late raise creates a tag that was evicted, at its own stamp."""

    def raise_tag(self, tag: str, stamp: int) -> None:
        if self._get(f"t:{tag}") is None:
            self._set(f"t:{tag}", stamp, None)
        super().raise_tag(tag, stamp)


class LowersByARaise(MemorySlots):
    """The mistake: a late raise lowers a stamp that is newer."""

    def raise_tag(self, tag: str, stamp: int) -> None:
        if self._stamp(tag) is not None:
            self._set(f"t:{tag}", stamp, None)
        super().raise_tag(tag, stamp)


class LeavesMarkers(MemorySlots):
    """The mistake: an invalidation leaves a pending tag to its creator."""

    def raise_tag(self, tag: str, stamp: int) -> None:
        if self._stamp(tag) is not None:
            super().raise_tag(tag, stamp)


class SettlesWithoutALook(MemorySlots):
    """The mistake: a creator settles its tag whether its marker is still there or not."""

    def settle(self, tag: str, marker: str, stamp: int) -> int | None:
        if self._stamp(tag) is None:
            self._set(f"t:{tag}", stamp, None)
        return self._stamp(tag)


class MarksAllAlike(MemorySlots):
    """The mistake: a marker that was removed can come back, and be taken for the first one."""

    def _mark(self, tag: str) -> int | str:
        held = super()._mark(tag)
        if isinstance(held, str):
            self._set(f"t:{tag}", "?0", None)
            return "?0"
        return held


@pytest.mark.parametrize(
    ("mistake", "readers", "writers", "evicted"),
    [
        (ReadsTheClockAfterTheLoad, 1, 1, []),
        (ChecksTheClockThenCreates, 1, 1, []),
        (RaisesBeforeItTicks, 1, 1, []),
        (CreatesByARaise, 1, 2, [TAG_ITEM]),
        (LowersByARaise, 1, 2, []),
        (LeavesMarkers, 1, 1, []),
        (SettlesWithoutALook, 1, 1, []),
        (MarksAllAlike, 2, 1, []),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_known_mistake_is_caught_and_its_schedule_replays(
    mistake: type[SlotProtocol] | type[MemorySlots], readers: int, writers: int, evicted: list[str]
) -> None:
    def steps() -> SlotProtocol:
        return mistake(lambda: "token") if issubclass(mistake, SlotProtocol) else protocol()

    def store() -> MemorySlots:
        return mistake(now=Ticking()) if issubclass(mistake, MemorySlots) else slots()

    make = world(readers=readers, writers=[False] * writers, evicted=evicted, steps=steps, store=store, in_order=True)
    with pytest.raises(StaleRead) as caught:
        explore(make)
    with pytest.raises(StaleRead):
        replay(caught.value.schedule, make)


def test_what_is_stored_unchecked_is_checked_when_it_is_read() -> None:
    def steps() -> SlotProtocol:
        return StoresWhateverTheTagsSay(lambda: "token")

    assert explore(world(readers=1, writers=[False], evicted=[TAG_ITEM], steps=steps)) > 90
