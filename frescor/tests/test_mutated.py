"""Stored bytes are changed under a live cache: every call gets the right value, and what was unreadable is counted."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frescor import MISS, Cache
from frescor._store import MemoryStore

Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    amount: Decimal
    names: tuple[str, ...]


def flip(place: float, mask: int) -> Change:
    return lambda data: _replaced(data, int(place * len(data)), mask)


def _replaced(data: bytes, place: int, mask: int) -> bytes:
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


share = st.floats(0, 1, exclude_max=True)
changes = st.one_of(
    st.builds(flip, share, st.integers(1, 255)),
    st.builds(lambda end: lambda data: data[: int(end * len(data))], share),
    st.builds(lambda more: lambda data: data + more, st.binary(min_size=1, max_size=20)),
    st.builds(lambda other: lambda data: other, st.binary(max_size=60)),
    st.builds(lambda place, more: lambda data: data[: int(place * len(data))] + more, share, st.binary(min_size=1)),
)
rows = st.builds(Row, st.integers(), st.decimals(allow_nan=False), st.lists(st.text(), max_size=3).map(tuple))


def change(cache: Cache, key: str, how: Change) -> bool:
    """Whether there was an entry, and it is another now."""
    store = cache.store
    assert isinstance(store, MemoryStore)
    item = store._items.get(f"e:{key}")
    if item is None or not isinstance(item.value, bytes):
        return False
    before, item.value = item.value, how(item.value)
    return before != item.value


@settings(deadline=None)
@given(st.lists(st.tuples(rows, changes, st.booleans()), min_size=1, max_size=8))
def test_a_call_never_returns_what_a_changed_entry_holds(steps: list[tuple[Row, Change, bool]]) -> None:
    with Cache.from_url("memory://", "test") as cache:
        database = [steps[0][0]]

        @cache.cached(expire=60, key_prefix="rows", tags=("t",), name="load")
        def load() -> Row:
            return database[0]

        broken = 0
        for row, how, writes in steps:
            assert load() == database[0]
            if writes:
                database[0] = row
                cache.invalidate("t")
            broken += change(cache, load.key(), how)
            assert load() == database[0]
        if broken:
            assert cache.stats()["rows"].errors >= broken


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers() | st.text() | st.lists(st.integers()), changes), min_size=1, max_size=8))
def test_a_changed_value_under_a_key_is_a_miss(steps: list[tuple[object, Change]]) -> None:
    with Cache.from_url("memory://", "test") as cache:
        for value, how in steps:
            cache.set("a:k", value, tags=("t",))
            if change(cache, "a:k", how):
                assert cache.get("a:k", MISS) is MISS
                assert cache.get_many("a:k") == {}
            else:
                assert cache.get("a:k", MISS) == value


@pytest.mark.parametrize("name", ["t:*", "t:=t", "t:/rows", "clock", "l:rows"])
def test_anything_else_in_the_place_of_a_stamp_is_no_stamp(name: str) -> None:
    with Cache.from_url("memory://", "test") as cache:
        database = [1]

        @cache.cached(expire=60, key_prefix="rows", tags=("t",), name="load")
        def load() -> int:
            return database[0]

        store = cache.store
        assert isinstance(store, MemoryStore)
        for _ in range(3):
            assert load() == database[0]
            store._set(name, "no stamp", None)
            database[0] += 1
            cache.invalidate("t")
            assert load() == database[0]
