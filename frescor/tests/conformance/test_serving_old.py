"""Invalidations that let the old value be served, on every store and by each driver; and those that do not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from frescor import Cache
from frescor._protocol.commands import Invalidate, Read, SoftStamp, TakeLease, Write
from frescor._store.slot_steps import RaiseTag
from frescor._store.wire import stamp
from frescor._values.entry import Entry, may_be_served_old
from frescor.testing import PrivateCluster, PrivateServer


def counted(cache: Cache, **options: object) -> Callable[[int], list[int]]:
    """Waits for the new value, so that the next call does not meet the load of the one before."""
    runs: list[int] = []
    given = {"expire": 100, "key_prefix": "p", "tags": ("t",), "jitter": 0, "early": False} | options

    def value(number: int) -> list[int]:
        runs.append(number)
        return [number, runs.count(number)]

    function: Callable[[int], list[int]] = cache.cached(**given)(value)  # type: ignore[call-overload]
    return function


class Fails(Exception):
    pass


# By name of the function; in a closure it would be part of what tells the function from others.
BROKEN: set[str] = set()


def served_old(cache: Cache, invalidate: Callable[[], object], **options: object) -> bool:
    """Whether a value from before the invalidation is served while its loader fails."""
    name = str(options.setdefault("name", "soft"))
    BROKEN.clear()

    def value() -> int:
        if name in BROKEN:
            raise Fails
        return 1

    given = {"expire": 100, "key_prefix": "o", "tags": ("t",), "early": False, "grace": 60} | options
    given |= {"soft_timeout": 20, "on_failure": "stale"} if given["grace"] else {}
    function = cache.cached(**given)(value)  # type: ignore[call-overload]
    assert function() == 1
    BROKEN.add(name)
    invalidate()
    try:
        return bool(function() == 1)
    except Fails:
        return False


SOFT: list[Callable[[Cache], object]] = [
    lambda cache: cache.invalidate("t", serve_old=True),
    lambda cache: cache.invalidate_pattern("o:*", serve_old=True),
    lambda cache: cache.clear_all(serve_old=True),
]


@pytest.mark.parametrize("invalidate", SOFT, ids=["tag", "pattern", "everything"])
def test_the_old_value_is_served_where_the_invalidation_allows_it(
    cache: Cache, invalidate: Callable[[Cache], object]
) -> None:
    assert served_old(cache, lambda: invalidate(cache))


def test_the_old_value_is_not_served_after_an_invalidation_that_does_not_allow_it(cache: Cache) -> None:
    def soft() -> bool:
        return cache.invalidate("t", "other", serve_old=True)

    assert not served_old(cache, lambda: cache.invalidate("t"), name="hard")
    assert not served_old(cache, lambda: (soft(), cache.invalidate("t")), name="soft, hard")
    assert not served_old(cache, lambda: (cache.invalidate("t"), soft()), name="hard, soft")
    assert not served_old(cache, lambda: (soft(), cache.clear_all()), name="another tag")
    assert served_old(cache, lambda: (soft(), soft()), name="soft, soft")
    assert not served_old(cache, soft, name="no grace", grace=0)


def test_each_entry_of_a_tag_is_served_until_it_is_loaded_anew(cache: Cache) -> None:
    value = counted(cache, grace=60, soft_timeout=20)
    assert [value(1), value(2)] == [[1, 1], [2, 1]]
    cache.invalidate("t", serve_old=True)
    # Each is loaded anew, and what is stored is newer than the tag.
    assert [value(1), value(1)] == [[1, 2], [1, 2]]
    assert [value(2), value(2)] == [[2, 2], [2, 2]]
    cache.invalidate("t", serve_old=True)
    cache.invalidate("t")
    assert [value(1), value(2)] == [[1, 3], [2, 3]]


def test_a_load_that_was_under_way_is_not_stored(sync_cache: Cache) -> None:
    value = counted(sync_cache, grace=60)

    @sync_cache.cached(expire=100, key_prefix="q", tags=("t",), grace=60, soft_timeout=20, early=False)
    def late() -> list[int]:
        found = value(1)
        sync_cache.invalidate("t", serve_old=True)
        return found

    late()
    assert value(1) in ([1, 1], [1, 2])
    sync_cache.invalidate("t")
    assert value(1)[1] >= 2


def test_a_single_key_is_past_its_time(cache: Cache) -> None:
    cache.set("a:b", 1)
    assert cache.invalidate_pattern("a:b", serve_old=True)
    assert cache.get("a:b") is None


@pytest.fixture
def copies() -> Iterator[tuple[Cache, Cache]]:
    with (
        PrivateServer() as server,
        Cache.from_url(server.url, "p", timeout=5) as one,
        Cache.from_url(server.url, "p", timeout=5) as other,
    ):
        yield one, other


def test_copies_in_other_processes_are_dropped_and_the_old_value_is_served_from_the_store(
    copies: tuple[Cache, Cache],
) -> None:
    one, other = copies
    other.get("k")
    listener = other._engine.listener
    assert listener is not None
    assert listener.await_alive(10)
    assert served_old(other, lambda: one.invalidate("t", serve_old=True, confirm=True))
    assert not served_old(other, lambda: one.invalidate("t", confirm=True), name="hard")


def test_a_late_raise_that_is_not_soft_ends_what_a_later_soft_one_let_be_served(cluster: PrivateCluster) -> None:
    with Cache.from_url(cluster.url, "late", timeout=5) as cache:
        store: Any = cache.store
        grant = store.perform(TakeLease("k", "token", ("=t",), None))
        store.perform(Write("k", "token", b"x" * 40, grant.as_of, ("=t",), 60_000))
        clock = store.perform(Read((), ("=t",))).stamps["=t"]
        late = clock + 5
        soft = store.perform(Invalidate(("=t",), serve_old=True))
        found = store.perform(Read((), ("=t",))).stamps["=t"]
        assert (int(found), found.floor) == (soft, clock)
        store._once(RaiseTag("=t", late))
        found = store.perform(Read((), ("=t",))).stamps["=t"]
        assert (int(found), found.floor) == (soft, late)
        # Late soft ones change nothing.
        store._once(RaiseTag("=t", late + 1, True))
        assert store.perform(Read((), ("=t",))).stamps["=t"].floor == late


@pytest.mark.parametrize(
    ("raw", "found", "floor"),
    [(b"12", 12, 12), (b"1234567890123456 1234567890123450", 1234567890123456, 1234567890123450)],
)
def test_a_stamp_is_read_with_its_floor(raw: bytes, found: int, floor: int) -> None:
    got = stamp(raw)
    assert got == found
    assert getattr(got, "floor", got) == floor


@pytest.mark.parametrize("raw", [None, b"", b"1234567890123456 ", b"12345678901234567", b"1234567890123456 x", b"-1"])
def test_what_is_no_stamp_is_none(raw: bytes | None) -> None:
    assert stamp(raw) is None


def test_an_entry_may_be_served_only_if_no_tag_that_ends_it_forbids_it() -> None:
    entry = Entry(10, 0, 0, 0, ("a", "b"), b"")
    assert may_be_served_old(entry, {"a": 5, "b": SoftStamp(20, 10)})
    assert not may_be_served_old(entry, {"a": 5, "b": SoftStamp(20, 11)})
    assert not may_be_served_old(entry, {"a": 11, "b": SoftStamp(20, 10)})
    assert not may_be_served_old(entry, {"a": None, "b": SoftStamp(20, 10)})
