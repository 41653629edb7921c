"""The tests that every store has to pass, those of Frescor included. To test a store of your own:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self): ...  # a fresh one for each test: an empty namespace

pytest runs each method with that fixture. The commands and their results, and the rest of a store, are described in
`frescor.store`.
"""

# asserts are what a test is made of

from frescor._values.entry import Entry, Packing, stamp_of
from frescor.store import (
    Announce,
    Announced,
    Delete,
    Dismiss,
    ExtendLease,
    Grant,
    Invalidate,
    Put,
    Read,
    Reading,
    ReleaseLease,
    Store,
    StoreOutcome,
    TakeLease,
    Together,
    Unheard,
    Write,
)

_TAGS = ("*", "=t")
_TTL_MS = 60_000


def _entry(key: str, payload: bytes, as_of: int = 0) -> bytes:
    return Packing().pack(key, Entry(as_of, as_of, as_of, 0, _TAGS, payload))


def _granted(store: Store, key: str, token: str, seen: int | None = None) -> Grant:
    grant = store.perform(TakeLease(key, token, _TAGS, seen))
    assert isinstance(grant, Grant), f"{token} was refused a lease that nobody holds"
    return grant


def _load(store: Store, key: str, payload: bytes = b"value", holder: str = "loader") -> int:
    """Store as a loader does; returns the entry's as_of. The first attempt may only create the tags."""
    for _ in range(2):
        as_of = _granted(store, key, holder).as_of
        outcome = store.perform(Write(key, holder, _entry(key, payload, as_of), as_of, _TAGS, _TTL_MS))
        if outcome is StoreOutcome.STORED:
            return as_of
        assert outcome is StoreOutcome.SUPERSEDED, outcome
    raise AssertionError("nothing was stored by a loader that held the lease, while nobody invalidated")


def _read(store: Store, key: str) -> tuple[bytes | None, dict[str, int | None]]:
    reading = store.perform(Read((key,), _TAGS))
    assert isinstance(reading, Reading)
    return reading.entries[0], {tag: reading.stamps[tag] for tag in _TAGS}


class StoreConformance:
    """Subclass it in a test module, with a pytest fixture `store` that gives a fresh store for each test."""

    def test_what_was_never_stored_is_not_there_nor_is_its_tag(self, store: Store) -> None:
        entry, stamps = _read(store, "k")
        assert (entry, stamps["=t"]) == (None, None)

    def test_what_the_holder_of_the_lease_loads_is_stored_and_valid(self, store: Store) -> None:
        as_of = _load(store, "k")
        entry, stamps = _read(store, "k")
        assert entry == _entry("k", b"value", as_of)
        assert all(stamp is not None and stamp <= as_of for stamp in stamps.values())

    def test_readings_are_in_the_order_of_the_keys(self, store: Store) -> None:
        first, second = _load(store, "a", b"1"), _load(store, "b", b"2")
        found = store.perform(Read(("b", "none", "a"), ())).entries
        assert found == [_entry("b", b"2", second), None, _entry("a", b"1", first)]

    def test_one_token_holds_a_lease_and_may_ask_again(self, store: Store) -> None:
        _granted(store, "k", "one")
        assert store.perform(TakeLease("k", "two", _TAGS, None)) is None
        _granted(store, "k", "one")
        _granted(store, "other", "two")

    def test_a_lease_is_extended_and_given_back_by_its_holder_alone(self, store: Store) -> None:
        _granted(store, "k", "one")
        assert (store.perform(ExtendLease("k", "two")), store.perform(ExtendLease("k", "one"))) == (False, True)
        store.perform(ReleaseLease("k", "two"))
        assert store.perform(TakeLease("k", "two", _TAGS, None)) is None
        store.perform(ReleaseLease("k", "one"))
        assert store.perform(ExtendLease("k", "one")) is False
        _granted(store, "k", "two")

    def test_storing_ends_the_lease(self, store: Store) -> None:
        _load(store, "k", holder="one")
        _granted(store, "k", "two")

    def test_who_holds_no_lease_stores_nothing(self, store: Store) -> None:
        as_of = _granted(store, "k", "one").as_of
        write = Write("k", "two", _entry("k", b"value", as_of), as_of, _TAGS, _TTL_MS)
        assert store.perform(write) is StoreOutcome.LEASE_LOST
        assert _read(store, "k")[0] is None

    def test_an_entry_comes_with_the_lease_unless_it_was_seen(self, store: Store) -> None:
        as_of = _load(store, "k")
        grant = _granted(store, "k", "two")
        assert grant.entry == _entry("k", b"value", as_of)
        assert set(grant.stamps) == set(_TAGS)
        assert _granted(store, "k", "two", seen=as_of).entry is None
        assert _granted(store, "k", "two", seen=as_of - 1).entry is not None

    def test_the_clock_never_stands_still_nor_goes_back(self, store: Store) -> None:
        stamps = [store.perform(Invalidate(("=t",))) for _ in range(5)]
        assert stamps == sorted(set(stamps))
        assert _granted(store, "k", "one").as_of >= stamps[-1]

    def test_an_invalidation_ends_what_was_loaded_before_it(self, store: Store) -> None:
        as_of = _load(store, "k")
        stamp = store.perform(Invalidate(("=t",)))
        assert stamp > as_of
        assert _read(store, "k")[1]["=t"] == stamp
        assert _read(store, "k")[1]["*"] != stamp

    def test_a_tag_that_is_not_there_is_not_made_by_an_invalidation(self, store: Store) -> None:
        store.perform(Invalidate(("=t",)))
        assert _read(store, "k")[1]["=t"] is None

    def test_what_was_invalidated_during_its_load_is_not_stored(self, store: Store) -> None:
        before = _entry("k", b"before", _load(store, "k", b"before"))
        as_of = _granted(store, "k", "one").as_of
        store.perform(Invalidate(("=t",)))
        write = Write("k", "one", _entry("k", b"late", as_of), as_of, _TAGS, _TTL_MS)
        assert store.perform(write) is StoreOutcome.SUPERSEDED
        assert _read(store, "k")[0] in (None, before)
        # The lease was released all the same.
        _granted(store, "k", "two")

    def test_a_tag_that_was_not_there_during_the_load_revives_nothing(self, store: Store) -> None:
        """The tag is raised while it is absent. When it is created, it does not get a stamp as old as the load."""
        as_of = _granted(store, "k", "one").as_of
        stamp = store.perform(Invalidate(("=t",)))
        write = Write("k", "one", _entry("k", b"late", as_of), as_of, _TAGS, _TTL_MS)
        assert store.perform(write) is StoreOutcome.SUPERSEDED
        made = _read(store, "k")[1]["=t"]
        assert made is None or made >= stamp

    def test_a_deleted_key_is_gone_and_its_loader_stores_nothing(self, store: Store) -> None:
        _load(store, "k")
        as_of = _granted(store, "k", "one").as_of
        assert store.perform(Delete(("k", "never"))) == 1
        assert _read(store, "k")[0] is None
        write = Write("k", "one", _entry("k", b"late", as_of), as_of, _TAGS, _TTL_MS)
        assert store.perform(write) is StoreOutcome.LEASE_LOST
        _load(store, "k", b"new", holder="two")

    def test_a_brought_value_is_as_of_now_and_stops_a_loader(self, store: Store) -> None:
        as_of = _granted(store, "k", "one").as_of
        store.perform(Put({"k": (_entry("k", b"brought"), _TAGS)}, _TTL_MS))
        entry, stamps = _read(store, "k")
        assert entry is not None
        brought = stamp_of(entry)
        assert brought is not None
        assert brought >= as_of
        assert all(stamp is not None and stamp <= brought for stamp in stamps.values())
        write = Write("k", "one", _entry("k", b"late", as_of), as_of, _TAGS, _TTL_MS)
        assert store.perform(write) is StoreOutcome.LEASE_LOST
        assert _read(store, "k")[0] == entry

    def test_several_commands_have_an_answer_each_in_their_order(self, store: Store) -> None:
        _load(store, "k")
        together = Together((TakeLease("a", "one", (), None), Delete(("k",)), Read(("b",), ()), Invalidate(("=t",))))
        grant, deleted, reading, stamp = store.perform(together)
        assert isinstance(grant, Grant)
        assert (deleted, reading) == (1, Reading([None], {}))
        assert stamp >= grant.as_of

    def test_every_write_may_be_sent_again(self, store: Store) -> None:
        _load(store, "k")
        again: tuple[Delete | Invalidate | ReleaseLease, ...]
        again = (Delete(("k",)), Invalidate(("=t",)), ReleaseLease("k", "loader"))
        for command in (*again, *again):
            store.perform(command)
        _load(store, "k", b"new")
        entry, _ = _read(store, "k")
        assert entry is not None

    def test_who_keeps_no_copies_is_not_waited_for(self, store: Store) -> None:
        announced = store.perform(Announce("mark", "nobody"))
        assert isinstance(announced, Announced)
        assert announced.waiting == ()
        assert store.perform(Unheard("mark", (("gone", "1"),), announced.places)) == ()
        store.perform(Dismiss("mark", (("gone", "1"),), announced.places))

    def test_counters_add_up(self, store: Store) -> None:
        store.count({"hits|p": 2, "loads|p": 1})
        store.count({"hits|p": 3})
        assert store.counters() == {"hits|p": 5, "loads|p": 1}

    def test_keys_are_listed_by_pattern_with_their_time_and_size(self, store: Store) -> None:
        for key in ("a:1", "a:2", "b"):
            _load(store, key)
        listed = {info.key: info for info in store.list_keys("a:*", 10)}
        assert set(listed) == {"a:1", "a:2"}
        assert all(info.size > 0 and info.ttl_ms is not None and 0 < info.ttl_ms <= _TTL_MS for info in listed.values())
        assert len(list(store.list_keys("*", 2))) == 2

    def test_it_says_what_it_is(self, store: Store) -> None:
        info = store.info()
        assert info.kind
        assert info.version
        assert info.latency_us >= 0

    def test_without_a_watermark_nothing_is_unrecorded(self, store: Store) -> None:
        if not store.set_watermark("database", 1):
            store.perform(Delete(("k",)))
            assert store.is_unrecorded("database") is False
