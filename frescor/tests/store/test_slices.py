"""Slices of tables in a store: whoever invalidates a table and does not know of a column ends what depends on it."""

import uuid
from collections.abc import Iterator, Sequence

import pytest

from frescor import Cache
from frescor._copies.local import Local
from frescor._protocol.commands import Grant, Invalidate, Put, Read, Reading, StoreOutcome, TakeLease, Write
from frescor._store.base import Store
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.memory import MemoryStore
from frescor._store.server.redis import RedisStore
from frescor._store.slot_wire import Asked
from frescor._values.tags import NAMESPACE_TAG
from frescor.testing import PrivateCluster, PrivateServer

TABLE = "=sql:due"
COLUMN, OTHER = "member_id:int", "group_id:int"
BLIND = f"{TABLE}#@{COLUMN}"
SLICE = f"{BLIND}=7"
EVERY = "=sql:#@"
TAGS = (NAMESPACE_TAG, EVERY, SLICE, BLIND)
# What a release raises that does not know the column.
KNOWS_NOT = (TABLE, f"{TABLE}#@!{OTHER}", f"{TABLE}#@{OTHER}=1")


@pytest.fixture(params=["memory", "server", "cluster"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    if request.param == "cluster":
        cluster: PrivateCluster = request.getfixturevalue("cluster")
        with Cache.from_url(cluster.url, f"slices-{uuid.uuid4().hex[:8]}", timeout=5) as cache:
            yield cache.store
        return
    server: PrivateServer = request.getfixturevalue("server")
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        yield cache.store


def load(store: Store, key: str, tags: Sequence[str] = TAGS) -> StoreOutcome:
    granted = store.perform(TakeLease(key, "me", tuple(tags), None))
    assert isinstance(granted, Grant)
    outcome = store.perform(Write(key, "me", b"value", granted.as_of, tuple(tags), 60_000))
    assert isinstance(outcome, StoreOutcome)
    return outcome


def stamps(store: Store, tags: Sequence[str]) -> dict[str, int | None]:
    reading = store.perform(Read((), tuple(tags)))
    assert isinstance(reading, Reading)
    return dict(reading.stamps)


def lose_registrations(store: Store) -> None:
    if isinstance(store, MemoryStore):
        store.evict("slices")
    elif isinstance(store, ClusterStore):
        name = store.wire.slices_by_clock
        store._exchange([Asked(name, None, ("UNLINK", name))], "evict")
    else:
        assert isinstance(store, RedisStore)
        store._plain("evict", [("UNLINK", "test:slices")])


def lose_tag(store: Store, tag: str) -> None:
    if isinstance(store, MemoryStore):
        store.evict(f"t:{tag}")
    elif isinstance(store, ClusterStore):
        name = store.wire.tag(tag)
        store._exchange([Asked(name, None, ("UNLINK", name))], "evict")
    else:
        assert isinstance(store, RedisStore)
        store._plain("evict", [("UNLINK", store.wire.tag(tag))])


def test_an_entry_with_a_slice_is_stored_only_once_its_column_is_registered(store: Store) -> None:
    assert load(store, "k") is StoreOutcome.SUPERSEDED
    assert store.register_slices({TABLE: (OTHER,)})
    assert load(store, "k") is StoreOutcome.SUPERSEDED
    assert store.register_slices({TABLE: (COLUMN,)})
    assert load(store, "k") is StoreOutcome.STORED


def test_a_load_that_began_before_its_column_was_registered_is_not_stored(store: Store) -> None:
    store.register_slices({TABLE: (OTHER,)})
    granted = store.perform(TakeLease("k", "me", (), None))
    store.perform(Invalidate(KNOWS_NOT))
    store.register_slices({TABLE: (COLUMN,)})
    written = store.perform(Write("k", "me", b"old", granted.as_of, (EVERY, SLICE, BLIND), 60_000))
    assert written is StoreOutcome.SUPERSEDED


def test_a_write_raises_the_blind_tags_of_all_columns_but_those_it_names(store: Store) -> None:
    store.register_slices({TABLE: (COLUMN, OTHER)})
    tags = (SLICE, BLIND, f"{TABLE}#@{OTHER}", f"{TABLE}#@{OTHER}=1", "=sql:due2#@member_id:int")
    load(store, "k", (EVERY, *tags[:2]))
    load(store, "l", (EVERY, *tags[2:4]))
    before = stamps(store, tags)
    raised = store.perform(Invalidate((TABLE, f"{TABLE}#@!{COLUMN}", f"{BLIND}=8")))
    assert stamps(store, tags) == {**before, f"{TABLE}#@{OTHER}": raised}
    again = store.perform(Invalidate((TABLE, f"{TABLE}#@!")))
    assert stamps(store, tags) == {**before, BLIND: again, f"{TABLE}#@{OTHER}": again}


def test_where_the_registrations_were_lost_all_entries_with_slices_end_once(store: Store) -> None:
    store.register_slices({TABLE: (COLUMN,)})
    for command in (lambda: store.perform(Invalidate(KNOWS_NOT)), lambda: store.register_slices({TABLE: (OTHER,)})):
        store.register_slices({TABLE: (COLUMN,)})
        load(store, "k")
        before = stamps(store, TAGS)
        lose_registrations(store)
        command()
        after = stamps(store, TAGS)
        assert (after[EVERY] or 0) > (before[EVERY] or 0)
        assert after[NAMESPACE_TAG] == before[NAMESPACE_TAG]
        command()
        assert stamps(store, TAGS)[EVERY] == after[EVERY]


def test_an_entry_is_not_valid_again_when_both_its_registration_and_the_common_tag_were_lost(store: Store) -> None:
    store.register_slices({TABLE: (COLUMN,)})
    # What an earlier release stored is as of the present clock, which nothing moves until the last step.
    granted = store.perform(TakeLease("k", "me", TAGS, None))
    assert store.perform(Write("k", "me", b"value", granted.as_of, TAGS, 60_000)) is StoreOutcome.STORED
    lose_registrations(store)
    lose_tag(store, EVERY)
    store.register_slices({TABLE: (OTHER,)})
    others = (NAMESPACE_TAG, EVERY, f"{TABLE}#@{OTHER}", f"{TABLE}#@{OTHER}=1")
    for _ in range(2):
        if load(store, "l", others) is StoreOutcome.STORED:
            break
    else:
        pytest.fail("a load that began after the registration is not stored")
    store.perform(Invalidate(KNOWS_NOT))
    known = stamps(store, TAGS)
    assert any(stamp is None or stamp > granted.as_of for stamp in known.values()), known


def test_the_first_load_of_a_namespace_is_stored_although_its_column_is_registered_meanwhile(store: Store) -> None:
    if isinstance(store, ClusterStore | MemoryStore):
        pytest.skip("there its second load is")
    granted = store.perform(TakeLease("k", "me", TAGS, None))
    store.register_slices({TABLE: (COLUMN,)})
    assert store.perform(Write("k", "me", b"value", granted.as_of, TAGS, 60_000)) is StoreOutcome.STORED


def test_an_entry_with_slices_that_does_not_end_with_all_of_them_is_not_stored(store: Store) -> None:
    store.register_slices({TABLE: (COLUMN,)})
    assert load(store, "k", (NAMESPACE_TAG, SLICE, BLIND)) is StoreOutcome.SUPERSEDED


def test_a_copy_in_the_process_ends_with_a_table_that_is_invalidated_by_hand() -> None:
    local = Local(max_bytes=1000)
    local.alive(local.line, 1e18)
    local.learn(local.mark(), {BLIND: 1, SLICE: 1, f"{TABLE}2#@{COLUMN}": 1})
    under_way = local.mark()
    local.drop(tags=(f"{TABLE}#@!",))
    local.learn(under_way, {BLIND: 1})
    assert local.stamps((BLIND, SLICE, f"{TABLE}2#@{COLUMN}")) == {SLICE: 1, f"{TABLE}2#@{COLUMN}": 1}


def test_a_write_that_names_no_column_leaves_what_is_read_of_other_tables_to_be_kept() -> None:
    local = Local(max_bytes=1000)
    local.alive(local.line, 1e18)
    under_way = local.mark()
    local.drop(tags=("=sql:other", "=sql:other#@!"))
    local.learn(under_way, {BLIND: 1, SLICE: 1, TABLE: 1, "=sql:other#@member_id": 1})
    assert local.stamps((BLIND, SLICE, TABLE, "=sql:other#@member_id")) == {BLIND: 1, SLICE: 1, TABLE: 1}


# -- every order of two releases' steps, and of what may be lost in between


class World:
    """A database of one number, and a reader, writers and a server that loses things."""

    def __init__(self, reader: Sequence[str]) -> None:
        self.store = MemoryStore(now=lambda: 1000.0)
        # Its tags are there already.
        self.store.perform(Put({"other": (b"\0" * 20, TAGS)}, 60_000))
        self.value = self.invalidated = self.loaded = 0
        self.granted: Grant | None = None
        self.steps = {
            "reader": [getattr(self, step) for step in reader],
            "old release": [self.commit, self.invalidate_unknowing] * 2,
            "server": [self.lose],
            "another release": [self.register_other],
        }

    def register(self) -> None:
        self.store.register_slices({TABLE: (COLUMN,)})

    def register_other(self) -> None:
        self.store.register_slices({TABLE: (OTHER,)})

    def begin(self) -> None:
        self.granted = self.store.perform(TakeLease("k", "me", TAGS, None))

    def read(self) -> None:
        self.loaded = self.value

    def write(self) -> None:
        assert self.granted is not None
        entry = bytes([1]) + self.granted.as_of.to_bytes(8, "big") + bytes([self.loaded])
        self.store.perform(Write("k", "me", entry, self.granted.as_of, TAGS, 60_000))

    def commit(self) -> None:
        self.value += 1

    def invalidate_unknowing(self) -> None:
        value = self.value
        self.store.perform(Invalidate(KNOWS_NOT))
        self.invalidated = value

    def lose(self) -> None:
        self.store.evict("slices")

    def stale(self) -> bool:
        reading = self.store.perform(Read(("k",), TAGS))
        entry = reading.entries[0]
        if entry is None:
            return False
        as_of = int.from_bytes(entry[1:9], "big")
        valid = all(stamp is not None and stamp <= as_of for stamp in reading.stamps.values())
        return valid and entry[9] < self.invalidated


def orders(left: dict[str, int]) -> Iterator[tuple[str, ...]]:
    if not any(left.values()):
        yield ()
    for who, steps in left.items():
        if steps:
            for rest in orders({**left, who: steps - 1}):
                yield (who, *rest)


# A process registers as it starts, or while its first load runs already.
READERS = (("register", "begin", "read", "write"), ("begin", "read", "register", "write"))


def first_stale_order() -> tuple[str, ...] | None:
    for reader in READERS:
        for order in orders({who: len(steps) for who, steps in World(reader).steps.items()}):
            world = World(reader)
            place = dict.fromkeys(world.steps, 0)
            for who in order:
                world.steps[who][place[who]]()
                place[who] += 1
                if world.stale():
                    return order
    return None


def test_no_order_of_two_releases_steps_and_losses_leaves_a_stale_value() -> None:
    assert first_stale_order() is None


def registered_after(self: MemoryStore, tag: str, as_of: int) -> bool:
    """As `MemoryStore._is_registered`, with the mistake: whenever it was registered."""
    table, sign, column = tag.partition("#@")
    return not sign or f"{table}#@{column.partition('=')[0]}" in (self._slices or {}).get(table, {})


def lost_unnoticed(self: MemoryStore, stamp: int) -> dict[str, dict[str, int]]:
    """As `MemoryStore._known_slices`, with the mistake: what was lost was nothing."""
    if self._slices is None:
        self._slices = {}
    return self._slices


def unchecked(self: MemoryStore, tag: str, as_of: int) -> bool:
    """As `MemoryStore._is_registered`, with the mistake: the reader believes that it is."""
    return True


@pytest.mark.parametrize(
    ("place", "mistake"),
    [("_is_registered", registered_after), ("_known_slices", lost_unnoticed), ("_is_registered", unchecked)],
)
def test_a_mistake_in_the_order_is_found(place: str, mistake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryStore, place, mistake)
    assert first_stale_order() is not None
