"""Slices on a cluster: orders of the steps of two readers, of writers that do not know their columns, and of
losses.

In each order, a value that is valid is not older than a write that has returned. FRESCOR_ORDERS sets how many orders
are drawn for each beginning; there are some 50,000 of each.
"""

import os
import random
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from frescor._protocol.commands import Grant, Invalidate, Put, Read, Reading, TakeLease, Write
from frescor._store import slot_steps
from frescor._store.slot_steps import (
    EnterColumns,
    RaiseTag,
    ReadSince,
    SlotProtocol,
    StandSlices,
    Steps,
    TickKnowing,
)
from frescor._values.tags import BUT, NAMESPACE_TAG, SLICED, SLICES, declared_tag
from interleavings.process import Ticking
from interleavings.slots import MemorySlots

ORDERS = int(os.environ.get("FRESCOR_ORDERS", "500"))
TABLE, OTHER = "=sql:due", "group_id"
COLUMNS = ("member_id", "payer_id")
COLUMN = COLUMNS[0]
BLIND = f"{TABLE}{SLICES}{COLUMN}"


def tags_of(column: str) -> tuple[str, ...]:
    """The tags of an entry that depends on a slice of this column."""
    blind = f"{TABLE}{SLICES}{column}"
    return (NAMESPACE_TAG, declared_tag(SLICED), f"{blind}=7", blind)


UNKNOWING = (TABLE, f"{TABLE}{BUT}{OTHER}", f"{TABLE}{SLICES}{OTHER}=1")
# What is registered before, and whether the tags are there.
BEGINNINGS = [(known, tags) for known in (None, OTHER, COLUMN) for tags in (True, False)]


class World:
    """A database of one number; readers of two columns, two writers and losses, each as moves."""

    def __init__(self, known: str | None, tags: bool) -> None:
        self.store = MemorySlots(now=Ticking())
        self.protocol = SlotProtocol(lambda: "token")
        if tags:
            every = tuple({tag: None for column in COLUMNS for tag in tags_of(column)})
            self.store.perform(Put({"other": (bytes(20), every)}, 60_000))
        if known is not None:
            self.store.register_slices({TABLE: (known,)})
        self.value = self.invalidated = 0
        self.moves = {
            **{f"reader of {column}": self.reader(column) for column in COLUMNS},
            "writer": self.writer(),
            "another writer": self.writer(),
            "loss": self.loss(),
        }

    def steps(self, steps: Steps[Any]) -> Generator[None, None, Any]:
        """Each batch is one move; what is atomic in it goes in its own order."""
        replies: list[Any] | None = None
        while True:
            try:
                batch = next(steps) if replies is None else steps.send(replies)
            except StopIteration as done:
                return done.value
            yield
            replies = [self.store.take(step) for step in batch]

    def reader(self, column: str) -> Iterator[None]:
        tags = tags_of(column)
        yield from self.steps(self.protocol.register({TABLE: (column,)}))
        granted = yield from self.steps(self.protocol.carry_out(TakeLease(column, "me", tags, None)))
        assert isinstance(granted, Grant)
        yield
        entry = bytes([1]) + granted.as_of.to_bytes(8, "big") + bytes([self.value])
        write = Write(column, "me", entry, granted.as_of, tags, 60_000)
        yield from self.steps(self.protocol.carry_out(write))

    def writer(self) -> Iterator[None]:
        yield
        self.value += 1
        value = self.value
        yield from self.steps(self.protocol.carry_out(Invalidate(UNKNOWING)))
        self.invalidated = max(self.invalidated, value)

    def loss(self) -> Iterator[None]:
        for _ in range(2):
            yield
            self.store.evict("slices")

    def stale(self) -> bool:
        return any(map(self.is_stale, COLUMNS))

    def is_stale(self, column: str) -> bool:
        reading = self.store.perform(Read((column,), tags_of(column)))
        assert isinstance(reading, Reading)
        entry = reading.entries[0]
        if entry is None:
            return False
        as_of = int.from_bytes(entry[1:9], "big")
        valid = all(stamp is not None and stamp <= as_of for stamp in reading.stamps.values())
        return valid and entry[9] < self.invalidated


def first_stale_order(orders: int) -> list[str] | None:
    dice = random.Random(7)
    for known, tags in BEGINNINGS:
        for _ in range(orders):
            world = World(known, tags)
            under_way, order = dict(world.moves), []
            while under_way:
                # In runs of several moves, since a race often takes several of one before another goes on.
                who = dice.choice(sorted(under_way))
                for _ in range(dice.choice([1, 1, 2, 4])):
                    order.append(who)
                    if next(under_way[who], who) is not None:
                        del under_way[who]
                        break
                    if world.stale():
                        return [str((known, tags)), *order]
            if world.stale():
                return [str((known, tags)), *order]
    return None


def test_no_order_of_steps_leaves_a_stale_value() -> None:
    assert first_stale_order(ORDERS) is None


# -- mistakes put back


def registrations_before_the_tick(self: SlotProtocol, tags: tuple[str, ...], *, softly: bool = False) -> Steps[int]:
    """As `SlotProtocol._invalidate`, with the mistake: what is registered is read in a step of its own, before."""
    (since,) = yield (ReadSince((BLIND,)),)
    (stamp,) = yield (slot_steps.Tick(),)
    known = tags if None in since else (*tags, BLIND)
    yield tuple(RaiseTag(tag, stamp) for tag in known)
    return int(stamp)


def stands_before_it_is_raised(self: SlotProtocol, columns: Any) -> Steps[bool]:
    """As `SlotProtocol.register`, with the mistake: the columns are registered first."""
    ((stamp, marker),) = yield (TickKnowing(()),)
    is_lost = isinstance(marker, str)
    (done,) = yield (
        EnterColumns(tuple((one, tuple(some)) for one, some in columns.items()), marker if is_lost else ""),
    )
    if is_lost:
        yield (RaiseTag(declared_tag(SLICED), stamp),)
    return bool(done)


def not_raised(self: SlotProtocol, tags: tuple[str, ...], *, softly: bool = False) -> Steps[int]:
    """As `SlotProtocol._invalidate`, with the mistake: what was lost was nothing."""
    ((stamp, columns),) = yield (TickKnowing((TABLE,)),)
    if isinstance(columns, str):
        yield (StandSlices(columns),)
    blind = (BLIND,) if not isinstance(columns, str) and COLUMN in columns[0] else ()
    yield tuple(RaiseTag(tag, stamp) for tag in (*tags, *blind))
    return int(stamp)


def stands_without_its_marker(self: MemorySlots, marker: str) -> bool:
    """As `MemorySlots._stand`, with the mistake: whoever is late lets them stand, whatever was lost since."""
    if self._slices is None and marker:
        self._slices, self.missing = {}, ""
    return self._slices is not None


def unchecked(tags: Any) -> tuple[str, ...]:
    """As `blind_of`, with the mistake: nobody looks whether the columns are registered."""
    return ()


@pytest.mark.parametrize(
    ("place", "mistake"),
    [
        ("frescor._store.slot_steps.SlotProtocol._invalidate", registrations_before_the_tick),
        ("frescor._store.slot_steps.SlotProtocol._invalidate", not_raised),
        ("frescor._store.slot_steps.SlotProtocol.register", stands_before_it_is_raised),
        ("frescor._store.slot_steps.blind_of", unchecked),
        ("interleavings.slots.MemorySlots._stand", stands_without_its_marker),
    ],
)
def test_a_mistake_in_the_order_is_found(place: str, mistake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, mistake)
    assert first_stale_order(6000) is not None
