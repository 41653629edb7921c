"""Entries survive packing; bytes that are none, or of another key, are unreadable."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor._values.compression import RATIO, ROOM
from frescor._values.entry import AS_OF, Entry, Packing, is_valid, stamp_of, stamped
from frescor._values.seal import SMALL, KeyRing
from frescor._values.tags import entry_tags
from frescor.errors import EntryUnreadable

KEY = "shop:price"
OLD, NEW = b"old secret, 16 bytes +", b"new secret, 16 bytes +"
PACKINGS = {
    "no secrets": Packing(),
    "key secret": Packing(KeyRing.of_key_secret(b"short", "ns")),
    "seal secrets": Packing(KeyRing([NEW], "ns")),
}
SEALED = Packing(KeyRing([NEW], "ns"))

stamps = st.integers(0, 2**53)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
payloads = st.binary(max_size=40) | st.binary(min_size=SMALL, max_size=SMALL + 40)
entries = st.builds(
    Entry,
    as_of=stamps,
    fresh_until=stamps,
    stale_until=stamps,
    cost=st.just(0),
    tags=st.lists(names, max_size=5).map(tuple) | st.lists(names, max_size=3).map(lambda t: entry_tags(KEY, tuple(t))),
    # What begins as a compressed payload would is none of a codec's.
    payload=payloads.map(lambda payload: b"n" + payload),
    shape=st.integers(0, 2**32 - 1),
    by_caller=st.booleans(),
    own_time=st.booleans(),
)
every_packing = pytest.mark.parametrize("packing", PACKINGS.values(), ids=PACKINGS)


def same(one: Entry, other: Entry) -> bool:
    return msgspec.structs.replace(one, proven=other.proven) == other


@every_packing
@given(entry=entries)
def test_an_entry_comes_back_as_it_was(packing: Packing, entry: Entry) -> None:
    data = packing.pack(KEY, entry)
    found = packing.unpack(KEY, data)
    assert same(entry, found)
    assert found.proven is (packing.ring is not None)
    assert int.from_bytes(data[AS_OF], "big") == entry.as_of == stamp_of(data)


@given(entries.filter(lambda entry: not entry.by_caller))
def test_a_sealed_entry_comes_back_as_it_was_and_shows_nothing_of_its_tags(entry: Entry) -> None:
    data = SEALED.pack(KEY, entry, sealed=True)
    assert same(entry, SEALED.unpack(KEY, data, sealed=True))
    assert not any(tag.encode() in data for tag in entry.tags if len(tag) > 3)


@pytest.mark.parametrize("cost", [0, 1, 40, 1_000, 123_456, 7_000_000, 3_600_000_000])
def test_what_a_load_cost_is_kept_to_a_thousandth(cost: int) -> None:
    found = Packing().unpack(KEY, Packing().pack(KEY, Entry(1, 1, 1, cost, (), b"n"))).cost
    assert found == pytest.approx(cost, rel=1e-3, abs=1)


def test_more_tags_than_a_byte_counts_come_back() -> None:
    tags = entry_tags(KEY, tuple(f"tag {n}" for n in range(3000)))
    assert Packing().unpack(KEY, Packing().pack(KEY, Entry(1, 1, 1, 0, tags, b"n"))).tags == tags


@every_packing
@given(data=st.binary(max_size=80))
def test_other_bytes_are_unreadable_or_a_harmless_entry(packing: Packing, data: bytes) -> None:
    with contextlib.suppress(EntryUnreadable):
        packing.unpack(KEY, data)


@every_packing
@given(entry=entries, data=st.data())
def test_an_entry_that_was_cut_off_or_padded_is_unreadable(packing: Packing, entry: Entry, data: st.DataObject) -> None:
    whole = packing.pack(KEY, entry)
    for changed in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + data.draw(st.binary(min_size=1))):
        with pytest.raises(EntryUnreadable):
            packing.unpack(KEY, changed)


def test_another_format_is_unreadable() -> None:
    with pytest.raises(EntryUnreadable, match="format 9"):
        Packing().unpack(KEY, b"\x09" + Packing().pack(KEY, Entry(1, 1, 1, 1, (), b""))[1:])


@pytest.mark.parametrize(
    ("stamps", "valid"),
    [({"a": 5, "b": 4}, True), ({"a": 6, "b": 4}, False), ({"a": 5, "b": None}, False), ({"a": 5}, False)],
)
def test_an_entry_is_valid_while_every_tag_is_there_and_not_newer(stamps: dict[str, int | None], valid: bool) -> None:
    assert is_valid(Entry(as_of=5, fresh_until=0, stale_until=0, cost=0, tags=("a", "b"), payload=b""), stamps) is valid


@every_packing
@given(entry=entries, data=st.data())
def test_an_entry_in_which_any_byte_was_changed_is_unreadable(
    packing: Packing, entry: Entry, data: st.DataObject
) -> None:
    whole = packing.pack(KEY, entry)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[place] ^ data.draw(st.integers(1, 255))
    with pytest.raises(EntryUnreadable):
        packing.unpack(KEY, whole[:place] + bytes([changed]) + whole[place + 1 :])


@given(entries.filter(lambda entry: not entry.by_caller), st.data())
def test_a_sealed_entry_in_which_any_byte_was_changed_is_unreadable(entry: Entry, data: st.DataObject) -> None:
    whole = SEALED.pack(KEY, entry, sealed=True)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[place] ^ data.draw(st.integers(1, 255))
    with pytest.raises(EntryUnreadable):
        SEALED.unpack(KEY, whole[:place] + bytes([changed]) + whole[place + 1 :], sealed=True)


@every_packing
@given(entry=entries)
def test_an_entry_is_its_keys_alone(packing: Packing, entry: Entry) -> None:
    with pytest.raises(EntryUnreadable):
        packing.unpack(KEY + "s", packing.pack(KEY, entry))


@given(entries)
def test_an_entry_is_its_namespaces_and_its_secrets_alone(entry: Entry) -> None:
    rings = [
        None,
        KeyRing([NEW], "ns"),
        KeyRing([NEW], "other"),
        KeyRing([OLD], "ns"),
        KeyRing.of_key_secret(NEW, "ns"),
        KeyRing.of_key_secret(NEW, "other"),
        KeyRing.of_key_secret(OLD, "ns"),
    ]
    for one in rings:
        data = Packing(one).pack(KEY, entry)
        for other in rings:
            if other is not one:
                with pytest.raises(EntryUnreadable):
                    Packing(other).unpack(KEY, data)


@given(entries.filter(lambda entry: not entry.by_caller))
def test_a_plain_entry_is_not_read_as_a_sealed_one_nor_the_other_way_round(entry: Entry) -> None:
    for sealed in (False, True):
        data = SEALED.pack(KEY, entry, sealed=sealed)
        for said in (data, data[:9] + bytes([data[9] ^ 1]) + data[10:]):
            with pytest.raises(EntryUnreadable):
                SEALED.unpack(KEY, said, sealed=not sealed)


@every_packing
@given(entry=entries, stamp=stamps)
def test_a_stamped_entry_of_a_caller_is_the_same_but_for_its_as_of(packing: Packing, entry: Entry, stamp: int) -> None:
    entry = msgspec.structs.replace(entry, by_caller=True)
    found = packing.unpack(KEY, stamped(packing.pack(KEY, entry), stamp))
    assert same(msgspec.structs.replace(entry, as_of=stamp), found)


@every_packing
@given(entry=entries.filter(lambda entry: not entry.by_caller), stamp=stamps)
def test_the_as_of_of_a_load_cannot_be_stamped_anew(packing: Packing, entry: Entry, stamp: int) -> None:
    data = packing.pack(KEY, entry)
    forged = bytearray(data + bytes(8))
    forged[9] |= 2
    with pytest.raises(EntryUnreadable):
        packing.unpack(KEY, stamped(bytes(forged), stamp))


def test_secrets_rotate() -> None:
    for payload in (b"n", b"n" * SMALL):
        entry = Entry(1, 1, 1, 0, (), payload)
        for sealed in (False, True):
            data = Packing(KeyRing([OLD], "ns")).pack(KEY, entry, sealed=sealed)
            assert same(entry, Packing(KeyRing([NEW, OLD], "ns")).unpack(KEY, data, sealed=sealed))
            with pytest.raises(EntryUnreadable):
                SEALED.unpack(KEY, data, sealed=sealed)


def test_a_few_bytes_that_nobody_vouches_for_do_not_become_many() -> None:
    large = b"n" + bytes(ROOM + 100 * RATIO)
    entry = Entry(1, 1, 1, 0, (), large)
    assert len(SEALED.pack(KEY, entry)) < 1000
    plain = Packing().pack(KEY, entry)
    assert len(plain) > len(large)
    assert same(entry, Packing().unpack(KEY, plain))


def test_what_expands_to_more_than_the_largest_value_is_unreadable() -> None:
    for packing, most in ((Packing(largest=10_000), 10_000), (Packing(KeyRing([NEW], "ns"), largest=10_000), 10_000)):
        for size in (most, most + 1):
            data = packing.pack(KEY, Entry(1, 1, 1, 0, (), b"n" * size))
            with contextlib.nullcontext() if size == most else pytest.raises(EntryUnreadable):
                assert len(packing.unpack(KEY, data).payload) == most


def test_a_small_entry_takes_few_bytes_beside_its_value() -> None:
    tags = entry_tags("dashboard:stats", ("orders", "rows"))
    value = b"n" + bytes(102)
    for packing, proof in ((Packing(), 4), (SEALED, 12)):
        assert len(packing.pack("dashboard:stats", Entry(1, 1, 1, 0, tags, value))) - len(value) == 24 + 13 + proof
