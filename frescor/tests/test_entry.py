"""Entries survive packing; bytes that are none are unreadable."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor.entry import AS_OF, Entry, is_valid, pack, stamped, unpack
from frescor.errors import EntryUnreadable

stamps = st.integers(0, 2**53)
entries = st.builds(
    Entry,
    as_of=stamps,
    fresh_until=stamps,
    stale_until=stamps,
    cost=st.integers(0, 2**32 - 1),
    tags=st.lists(st.text(max_size=20), max_size=5).map(tuple),
    payload=st.binary(),
)


@given(entries)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert unpack(pack(entry)) == entry
    assert int.from_bytes(pack(entry)[AS_OF], "big") == entry.as_of


@given(st.binary(max_size=80))
def test_other_bytes_are_unreadable_or_a_harmless_entry(data: bytes) -> None:
    with contextlib.suppress(EntryUnreadable):
        unpack(data)


@given(entries, st.data())
def test_an_entry_that_was_cut_off_is_unreadable(entry: Entry, data: st.DataObject) -> None:
    whole = pack(entry)
    kept = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(EntryUnreadable):
        unpack(whole[:kept])


def test_another_format_is_unreadable() -> None:
    with pytest.raises(EntryUnreadable, match="format 9"):
        unpack(b"\x09" + pack(Entry(1, 1, 1, 1, (), b""))[1:])


@pytest.mark.parametrize(
    ("stamps", "valid"),
    [({"a": 5, "b": 4}, True), ({"a": 6, "b": 4}, False), ({"a": 5, "b": None}, False), ({"a": 5}, False)],
)
def test_an_entry_is_valid_while_every_tag_is_there_and_not_newer(stamps: dict[str, int | None], valid: bool) -> None:
    assert is_valid(Entry(as_of=5, fresh_until=0, stale_until=0, cost=0, tags=("a", "b"), payload=b""), stamps) is valid


@given(entries, st.data())
def test_an_entry_in_which_any_byte_was_changed_is_unreadable(entry: Entry, data: st.DataObject) -> None:
    whole = pack(entry)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[place] ^ data.draw(st.integers(1, 255))
    with pytest.raises(EntryUnreadable):
        unpack(whole[:place] + bytes([changed]) + whole[place + 1 :])


@given(entries, stamps)
def test_a_stamped_entry_is_the_same_but_for_its_as_of(entry: Entry, stamp: int) -> None:
    assert unpack(stamped(pack(entry), stamp)) == msgspec.structs.replace(entry, as_of=stamp)
