"""What bytes of strangers may cost: lengths that are true, no large maps, and few values of one hash."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor._values.untrusted import MOST_ITEMS, MOST_OF_ONE_HASH, SMALL, Collisions, check_lengths, check_maps

pack = msgspec.msgpack.encode
CONTAINERS = frozenset({1})
nested = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(nested)
def test_what_frescor_writes_has_true_lengths_and_no_large_map(value: object) -> None:
    body = pack([value, b"\xdf\xff\xff\xff\xff" * 100, b"x" * SMALL])
    check_lengths(body)
    check_maps(body, CONTAINERS)


@pytest.mark.parametrize("body", [b"\xdd\xff\xff\xff\xff", b"\xc6\x7f\xff\xff\xffabc", b"\x92\x01", b""])
def test_bytes_that_announce_more_than_there_is_are_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        check_lengths(body)


def large_map(start: bytes) -> bytes:
    return start + pack(dict.fromkeys(range(MOST_ITEMS + 1)))


@pytest.mark.parametrize(
    "before",
    [
        pack([]),
        pack(-1),
        pack(2**40),
        pack(1.5),
        pack("text"),
        pack("x" * 40),
        pack("x" * 300),
        pack("x" * 70_000),
        pack(b"x" * 300),
        pack(msgspec.msgpack.Ext(5, b"x" * 16)),
        pack(msgspec.msgpack.Ext(5, b"x" * 300)),
        pack({"a": 1}),
        pack({str(number): 1 for number in range(300)}),
    ],
)
def test_a_large_map_is_found_behind_anything(before: bytes) -> None:
    filled = b"\xdc" + (2).to_bytes(2, "big") + large_map(before)
    with pytest.raises(ValueError, match="a map of more items"):
        check_maps(filled + b"\x01" * SMALL, CONTAINERS)


def test_a_large_map_is_found_within_an_extension_that_holds_values_and_not_within_another() -> None:
    body = large_map(b"") + b"\x01" * SMALL
    with pytest.raises(ValueError, match="a map of more items"):
        check_maps(pack(msgspec.msgpack.Ext(1, body)), CONTAINERS)
    check_maps(pack(msgspec.msgpack.Ext(2, body)), CONTAINERS)


class Colliding:
    def __hash__(self) -> int:
        return 7


def test_many_values_of_one_hash_are_refused_and_the_same_value_again_is_none() -> None:
    collisions = Collisions()
    same = Colliding()
    for _ in range(10 * MOST_OF_ONE_HASH):
        collisions.count(same)
        collisions.count("text")
        collisions.count([])  # type: ignore[arg-type]  # it has no hash
    for _ in range(MOST_OF_ONE_HASH):
        collisions.count(Colliding())
    with pytest.raises(ValueError, match="the same hash"):
        collisions.count(Colliding())


def test_values_that_are_equal_are_one() -> None:
    collisions = Collisions()
    for _ in range(10 * MOST_OF_ONE_HASH):
        collisions.count(1)
        collisions.count(1.0)
        collisions.count(True)
