"""Processes with copies, pushes, cuts, restarts and shared loads: every interleaving of small worlds, and larger ones
by chance; and mistakes that must be caught by it."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replace_struct

from frescor._copies.local import Local
from frescor._protocol.commands import Load, Write
from frescor._store.memory import MemoryStore
from interleavings import (
    ITEMS,
    Broken,
    ConfirmingWriter,
    Cut,
    Elapse,
    Eviction,
    ListLost,
    LostWakeUp,
    MakeWorld,
    Reader,
    Restart,
    SimulatedProcess,
    StaleRead,
    Task,
    Ticking,
    World,
    Writer,
    explore,
    replay,
    wander,
    world_of,
)


def without_copies(
    *,
    readers: int,
    writers: Sequence[bool],
    evicted: Sequence[str] = (),
    store: type[MemoryStore] = MemoryStore,
    more: Sequence[Task] = (),
) -> World:
    tasks = [
        *(Reader(f"r{n}") for n in range(readers)),
        *(Writer(f"w{n}", by_key=by_key) for n, by_key in enumerate(writers)),
        *(Eviction(f"x{n}", item) for n, item in enumerate(evicted)),
        *(task.fork() for task in more),
    ]
    return world_of(tasks, make_store=lambda: store(now=Ticking()))


@pytest.mark.parametrize("crash_at", [Load, Write])
def test_a_holder_that_dies_neither_stops_the_others_nor_leaves_an_old_value(crash_at: type) -> None:
    def make() -> World:
        return world_of([Reader("dies", crash_at=crash_at), Reader("r"), Writer("w"), Eviction("x", "clock")])

    assert explore(make) > 300


def test_a_restart_that_loses_writes_brings_nothing_back() -> None:
    def make(*, checks: bool) -> World:
        return world_of([Reader("r", reads=2), Writer("w0"), Restart("s", checks=checks)])

    assert explore(partial(make, checks=True)) > 300
    with pytest.raises(StaleRead):
        explore(partial(make, checks=False))


# -- with copies in the processes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize(
    "more",
    [[], [Cut("cut", 0)], *([Eviction("x", item)] for item in ITEMS)],
    ids=["calm", "cut", *ITEMS],
)
def test_copies_are_behind_by_no_more_than_what_was_not_delivered(by_key: bool, more: list[Task]) -> None:
    def make() -> World:
        tasks = [Reader("r", reads=3), Writer("w", by_key=by_key), *(task.fork() for task in more)]
        return world_of(tasks, copies=[True])

    assert explore(make) > 300


@pytest.mark.parametrize("by_key", [False, True])
def test_a_writer_in_the_process_sees_its_own_write_at_once(by_key: bool) -> None:
    def make() -> World:
        tasks = [Reader("r", reads=3), Writer("w", by_key=by_key, process=0), Eviction("x", f"t:{'=t'}")]
        return world_of(tasks, copies=[True])

    assert explore(make) > 300


def test_strict_reads_beside_copies_are_never_behind() -> None:
    def make() -> World:
        tasks = [Reader("r"), Reader("s", strict=True), Writer("w")]
        return world_of(tasks, copies=[True])

    assert explore(make) > 1000


def test_copies_survive_no_restart() -> None:
    def make() -> World:
        return world_of([Reader("r", reads=2), Writer("w"), Restart("s")], copies=[True])

    assert explore(make, most=8000) > 1000


@pytest.mark.parametrize("copies", [True, False])
def test_callers_of_one_process_share_loads_and_nobody_waits_for_ever(copies: bool) -> None:
    def make() -> World:
        return world_of([Reader("a"), Reader("b"), Reader("c", process=1), Writer("w")], copies=[copies, False])

    assert explore(make, most=6000) > 1000


def test_waiters_in_another_process_are_woken_when_the_holder_ends_dies_or_loses_its_lease() -> None:
    for fault in ([], [Eviction("x", "l:k")], [Cut("cut", 1)]):
        for crash_at in (None, Load, Write):

            def make(fault: Sequence[Task] = fault, crash_at: type | None = crash_at) -> World:
                tasks = [Reader("a", crash_at=crash_at), Reader("b", process=1), *(task.fork() for task in fault)]
                return world_of(tasks, copies=[True, True])

            # All of it where the holder dies without another fault; else the first ones, the deepest before others.
            assert explore(make, most=1300) > 30


def confirming(
    *more: Task,
    by_key: bool = False,
    local: type[Local] = Local,
    process: type[SimulatedProcess] = SimulatedProcess,
    too_long: bool = False,
    knows: bool = True,
) -> World:
    """A process with copies, a writer that confirms, and time."""
    tasks = [Reader("r", reads=3), ConfirmingWriter("w", by_key=by_key), Elapse("time", too_long=too_long)]
    world = world_of([*tasks, *(task.fork() for task in more)], copies=[True], local=local, process=process)
    if not knows:
        world.announce = lambda mark: replace_struct(World.announce(world, mark), young_ms=0)  # type: ignore[method-assign]
    return world


@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize(
    "fault", [None, Cut("cut", 0), ListLost("lost"), Eviction("x", "t:=t"), Restart("s")], ids=repr
)
def test_a_confirmed_write_is_seen_by_every_read_after_it_from_a_copy_too(fault: Task | None, by_key: bool) -> None:
    faults = () if fault is None else (fault,)
    assert explore(lambda: confirming(*faults, by_key=by_key), most=6000) > 100


def test_two_writers_that_confirm_and_two_processes_with_copies() -> None:
    def make() -> World:
        tasks = [Reader("a", reads=2), Reader("b", process=1, reads=2)]
        return world_of(
            [*tasks, ConfirmingWriter("w0"), ConfirmingWriter("w1"), Cut("cut", 0), Elapse("time")], copies=[True, True]
        )

    for seed in range(300):
        wander(make(), random.Random(seed).choice)


class AcknowledgesBeforeItDrops(SimulatedProcess):
    """The mistake: a mark is answered when it comes in, though what came before it is still to be dropped."""

    def comes_next(self) -> tuple[str, ...] | int:
        # Python's sort keeps the order of the rest.
        self.arriving.sort(key=lambda message: isinstance(message, int) or not message[0].startswith("!"))
        return super().comes_next()


class UsesCopiesWithoutALookAtTheClock(Local):
    """The mistake: a hit does not ask whether pushes are known to arrive."""

    def get(self, key: str) -> Any:
        alive, self.alive_until = self.alive_until, math.inf
        try:
            return super().get(key)
        finally:
            self.alive_until = alive


@pytest.mark.parametrize(
    "options",
    [
        {"process": AcknowledgesBeforeItDrops},
        {"local": UsesCopiesWithoutALookAtTheClock, "more": (Cut("cut", 0),)},
        {"too_long": True, "more": (Cut("cut", 0),)},
        {"knows": False, "more": (ListLost("lost"),)},
    ],
    ids=[
        "answers before it drops",
        "looks at no clock",
        "trusts longer than others wait",
        "takes a lost list for empty",
    ],
)
def test_a_known_mistake_in_confirming_is_caught_and_its_schedule_replays(options: dict[str, Any]) -> None:
    more = options.pop("more", ())
    caught(lambda: confirming(*more, **options))


FAULTS = st.one_of(
    st.builds(Eviction, st.just("x"), st.sampled_from(ITEMS)),
    st.builds(Cut, st.just("x"), st.integers(0, 1)),
    st.just(Restart("x")),
)


def large_world(faults: Sequence[Task], by_key: Sequence[bool], crash_at: type | None, local: type[Local]) -> World:
    tasks: list[Task] = [
        Reader("a0", reads=3),
        Reader("a1", reads=2),
        Reader("b0", process=1, reads=3, crash_at=crash_at),
        Reader("b1", process=1, reads=2, strict=True),
        Reader("c", process=2, reads=2),
        *(Writer(f"w{n}", by_key=one, process=n % 3) for n, one in enumerate(by_key)),
    ]
    tasks += [replace(task, name=f"x{n}") for n, task in enumerate(faults)]
    return world_of(tasks, copies=[True, True, False], local=local)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    faults=st.lists(FAULTS, max_size=3),
    by_key=st.lists(st.booleans(), min_size=1, max_size=4),
    crash_at=st.sampled_from([None, None, Load, Write]),
)
def test_larger_worlds_hold_under_orders_by_chance(
    seed: int, faults: list[Task], by_key: list[bool], crash_at: type | None
) -> None:
    world = large_world(faults, by_key, crash_at, Local)
    wander(world, random.Random(seed).choice)


# -- mistakes ----------------------------------------------------------------------------------------------------------


class RaisesBeforeItTicks(MemoryStore):
    """The mistake: tags get the clock's present stamp, and the clock moves only then."""

    def _invalidate(self, tags: Sequence[str], *, serve_old: bool = False) -> int:
        clock = self._clock()
        for tag in tags:
            if self._stamp(tag) is not None:
                self._set(f"t:{tag}", clock, None)
        self._set("clock", clock + 1, None)
        return clock


class RevivesEvictedTags(MemoryStore):
    """The mistake: an invalidation creates a tag that was evicted, which then vouches for entries stored meanwhile."""

    def _invalidate(self, tags: Sequence[str], *, serve_old: bool = False) -> int:
        stamp = self._clock()
        for tag in tags:
            if self._stamp(tag) is None:
                self._set(f"t:{tag}", stamp, None)
        return super()._invalidate(())


def caught(make: MakeWorld, kind: type[Broken] = StaleRead) -> None:
    """The mistake in this world is found, and its schedule shows it again."""
    with pytest.raises(kind) as found:
        explore(make)
    with pytest.raises(kind):
        replay(found.value.schedule, make)


@pytest.mark.parametrize(
    ("mistake", "writers", "evicted"),
    [
        (RaisesBeforeItTicks, [False], []),
        (RevivesEvictedTags, [False, False], ["t:=t"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_known_mistake_is_caught_and_its_schedule_replays(
    mistake: type[MemoryStore], writers: list[bool], evicted: list[str]
) -> None:
    caught(partial(without_copies, readers=2, writers=writers, evicted=evicted, store=mistake))


class InstallsWhatWasInFlight(Local):
    """The mistake: a stamp that was asked for before its push came is installed after it."""

    def learn(self, mark: int, stamps: Mapping[str, int | None]) -> None:
        super().learn(self._sequence, stamps)


class KeepsWhatWasInFlight(Local):
    """The mistake: a copy of an entry that was asked for before its key's push came is kept after it."""

    def keep(self, mark: int, *entry: Any, **options: Any) -> None:
        super().keep(self._sequence, *entry, **options)


class LearnsOverAGap(Local):
    """The mistake: what was asked for before the connection was lost is installed after it was made anew."""

    def learn(self, mark: int, stamps: Mapping[str, int | None]) -> None:
        super().learn(max(mark, self._floor), stamps)


class WakesNobody(Local):
    """The mistake: who begins to wait after the push came waits for the next one."""

    def watch(self, key: str, mark: int, wake: Any) -> bool:
        return super().watch(key, self._sequence, wake)


@pytest.mark.parametrize(
    ("mistake", "tasks", "kind"),
    [
        (InstallsWhatWasInFlight, [Reader("r", reads=3), Writer("w")], StaleRead),
        (KeepsWhatWasInFlight, [Reader("r", reads=3), Writer("w", by_key=True)], StaleRead),
        (LearnsOverAGap, [Reader("r", reads=3), Writer("w"), Cut("cut", 0)], StaleRead),
        (WakesNobody, [Reader("r"), Reader("o", process=1)], LostWakeUp),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_known_mistake_with_copies_is_caught_and_its_schedule_replays(
    mistake: type[Local], tasks: list[Task], kind: type[Broken]
) -> None:
    def make() -> World:
        return world_of([task.fork() for task in tasks], copies=[True, kind is LostWakeUp], local=mistake)

    caught(make, kind)
