"""Every interleaving of a small world, run through the real plan; and mistakes that must be caught by it."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from frescor._protocol.commands import Load, Reading, StoreCommand, StoreOutcome, Together, Write
from frescor._store.memory import MemoryStore
from interleavings import (
    ITEMS,
    Eviction,
    MakeWorld,
    Reader,
    StaleRead,
    Ticking,
    World,
    Writer,
    explore,
    made_at,
    replay,
    world_of,
)


def world(
    *, readers: int, writers: Sequence[bool], evicted: Sequence[str], store: type[MemoryStore] = MemoryStore
) -> MakeWorld:
    def make() -> World:
        return world_of(
            [
                *(Reader(f"r{n}") for n in range(readers)),
                *(Writer(f"w{n}", by_key=by_key) for n, by_key in enumerate(writers)),
                *(Eviction(f"x{n}", item) for n, item in enumerate(evicted)),
            ],
            make_store=lambda: store(now=Ticking()),
        )

    return make


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("by_key", [False, True])
def test_two_readers_a_writer_and_an_eviction_never_read_stale(item: str, by_key: bool) -> None:
    assert explore(world(readers=2, writers=[by_key], evicted=[item])) > 500


@pytest.mark.parametrize("items", list(itertools.combinations_with_replacement(ITEMS, 2)))
def test_a_reader_two_writers_and_two_evictions_never_read_stale(items: tuple[str, str]) -> None:
    assert explore(world(readers=1, writers=[False, False], evicted=items)) > 250


@pytest.mark.parametrize("writers", [[False, False], [False, True], [True, True]], ids=str)
def test_two_readers_and_two_writers_of_either_kind_never_read_stale(writers: list[bool]) -> None:
    assert explore(world(readers=2, writers=writers, evicted=[])) > 500


@pytest.mark.parametrize("crash_at", [Load, Write])
def test_a_holder_that_dies_neither_stops_the_others_nor_leaves_an_old_value(crash_at: type) -> None:
    def make() -> World:
        return world_of([Reader("dies", crash_at=crash_at), Reader("r"), Writer("w"), Eviction("x", "clock")])

    assert explore(make) > 300


class StampsTheLoadAfterIt(MemoryStore):
    """The mistake: as_of is the clock when the value is stored, not before it was loaded."""

    def _write(self, command: Write) -> StoreOutcome:
        clock, entry = self._clock(), command.entry
        entry = made_at(entry, clock)
        return super()._write(replace(command, entry=entry, as_of=clock))


class VouchesForAbsentTags(MemoryStore):
    """The mistake: a missing tag is created as of the load, without a look at whether the clock has moved."""

    def _write(self, command: Write) -> StoreOutcome:
        for tag in command.tags:
            if self._stamp(tag) is None:
                self._set(f"t:{tag}", command.as_of, None)
        return super()._write(command)


class TakesMissingTagsForValid(MemoryStore):
    """The mistake: an evicted tag counts as never invalidated."""

    def perform(self, command: StoreCommand | Together) -> Any:
        reading = super().perform(command)
        if isinstance(reading, Reading):
            return replace(reading, stamps={tag: stamp or 0 for tag, stamp in reading.stamps.items()})
        return reading


class StoresWithoutItsLease(MemoryStore):
    """The mistake: a loader whose key was deleted meanwhile stores all the same."""

    def _write(self, command: Write) -> StoreOutcome:
        self._set(f"l:{command.key}", command.token, command.ttl_ms)
        return super()._write(command)


class RaisesBeforeItTicks(MemoryStore):
    """The mistake: tags get the clock's present stamp, and the clock moves only then."""

    def _invalidate(self, tags: Sequence[str], *, serve_old: bool = False) -> int:
        clock = self._clock()
        for tag in tags:
            if self._stamp(tag) is not None:
                self._set(f"t:{tag}", clock, None)
        self._set("clock", clock + 1, None)
        return clock


@pytest.mark.parametrize(
    ("mistake", "writers", "evicted"),
    [
        (StampsTheLoadAfterIt, [False], []),
        (VouchesForAbsentTags, [False], ["t:=t"]),
        (TakesMissingTagsForValid, [False], ["t:=t"]),
        (StoresWithoutItsLease, [True], []),
        (RaisesBeforeItTicks, [False], []),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_known_mistake_is_caught_and_its_schedule_replays(
    mistake: type[MemoryStore], writers: list[bool], evicted: list[str]
) -> None:
    make = world(readers=2, writers=writers, evicted=evicted, store=mistake)
    with pytest.raises(StaleRead) as caught:
        explore(make)
    with pytest.raises(StaleRead):
        replay(caught.value.schedule, make)
    explore(world(readers=2, writers=writers, evicted=evicted))
