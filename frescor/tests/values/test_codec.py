"""Values come back as they were, or are refused."""

import dataclasses
import datetime as dt
import enum
import math
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor._values.codec import Codec
from frescor.errors import EntryUnreadable, PolicyError


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: float
    label: str | None
    color: Color = Color.RED


@dataclasses.dataclass
class Page:
    rows: tuple[Point, ...]
    counts: dict[int, Decimal]
    when: dt.datetime
    rest: Any = None


class Row(NamedTuple):
    id: int
    day: dt.date


class Packed(msgspec.Struct, frozen=True):
    ids: frozenset[int]
    row: Row | None = None


def same(one: object, other: object) -> bool:
    """Equal in value and in type, all the way down; NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isinstance(other, float):
        return (one == other and math.copysign(1, one) == math.copysign(1, other)) or (one != one and other != other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, set | frozenset) and isinstance(other, set | frozenset):
        return one == other and {(type(part), part) for part in one} == {(type(part), part) for part in other}
    if isinstance(one, Decimal):
        return str(one) == str(other)
    if isinstance(one, dt.datetime) and isinstance(other, dt.datetime):
        return (one.replace(tzinfo=None), one.fold, one.tzinfo) == (
            other.replace(tzinfo=None),
            other.fold,
            other.tzinfo,
        )
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, part.name), getattr(other, part.name)) for part in dataclasses.fields(one))
    if isinstance(one, msgspec.Struct):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    return one == other


zones = st.sampled_from([None, dt.UTC, ZoneInfo("America/Sao_Paulo"), dt.timezone(dt.timedelta(hours=-3, minutes=-30))])
atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=zones)
    | st.times()
    | st.timedeltas()
    | st.complex_numbers(allow_nan=False)
)
hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.dates() | st.uuids(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.sets(hashable, max_size=4)
        | st.frozensets(hashable, max_size=4)
        | st.binary().map(bytearray)
    ),
    max_leaves=12,
)
points = st.builds(Point, st.floats(), st.none() | st.text(), st.sampled_from(Color))
rows = st.builds(Row, st.integers(), st.dates())


@given(values)
def test_builtins_come_back_as_they_were(value: object) -> None:
    codec = Codec()
    assert same(codec.decode(codec.encode(value)), value)


@given(
    st.builds(
        Page,
        st.lists(points, max_size=3).map(tuple),
        st.dictionaries(st.integers(), st.decimals(allow_nan=False), max_size=3),
        st.datetimes(timezones=zones),
        values,
    )
)
def test_a_dataclass_comes_back_with_what_is_in_it(page: Page) -> None:
    codec = Codec(Page)
    assert same(codec.decode(codec.encode(page)), page)


@given(st.lists(st.builds(Packed, st.frozensets(st.integers()), st.none() | rows)))
def test_structs_and_named_tuples_come_back(value: list[Packed]) -> None:
    codec = Codec(list[Packed])
    assert same(codec.decode(codec.encode(value)), value)


@given(st.lists(points), st.sampled_from([list[Point], tuple[Point, ...], dict[str, Point], set[Point], Any]))
def test_a_value_that_is_not_what_its_annotation_says_comes_back_all_the_same(value: list[Point], said: Any) -> None:
    codec = Codec(said | Point if said is not Any else Point)
    assert same(codec.decode(codec.encode(value)), value)


def test_an_int_under_a_float_annotation_stays_an_int() -> None:
    codec = Codec(float)
    assert same(codec.decode(codec.encode(3)), 3)
    assert same(codec.decode(codec.encode(3.0)), 3.0)


def test_a_precise_annotation_is_decoded_by_msgspec() -> None:
    codec = Codec(tuple[Row, ...])
    assert codec.encode((Row(1, dt.date(2026, 1, 31)),)).startswith(b"t")
    assert Codec().encode((1,)).startswith(b"n")


@given(values)
def test_each_reader_gets_a_copy_of_its_own(value: object) -> None:
    codec = Codec()
    payload = codec.encode(value)
    one, other = codec.decode(payload), codec.decode(payload)
    if isinstance(value, list | dict | set | bytearray):
        assert one is not other


class OrmObject:
    _sa_instance_state = object()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "no encoding is known"),
        (OrmObject(), "ORM object"),
        (iter([1]), "read only once"),
        (Point(1.0, None), "return annotation"),
        (Level.LOW, "return annotation"),
        (type("Sub", (int,), {})(3), "subclass of int"),
        (lambda: 1, "no encoding is known"),
        ("\ud800", "Unicode"),
        (dt.time(1, tzinfo=dt.UTC), "time of day"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_is_refused_with_the_reason_and_the_place(value: object, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        Codec().encode(value)
    if "Unicode" not in says:
        with pytest.raises(PolicyError, match=r"result\[0\]\[a str key\]"):
            Codec().encode([{"personal": value}])


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(PolicyError, match="must not contain itself"):
        Codec().encode(endless)


@given(st.binary(max_size=60))
def test_garbage_is_unreadable_and_nothing_else(data: bytes) -> None:
    for codec in (Codec(), Codec(Page), Codec(list[Packed]), Codec(Color)):
        for payload in (data, b"n" + data, b"t" + data):
            try:
                codec.decode(payload)
            except EntryUnreadable:
                continue


@given(points, st.integers(0, 60), st.integers(1, 255))
def test_a_payload_with_a_flipped_byte_never_becomes_another_class(point: Point, place: int, flip: int) -> None:
    codec = Codec(Point)
    codec._typed = None
    payload = bytearray(codec.encode(point))
    payload[place % len(payload)] ^= flip
    try:
        decoded = codec.decode(bytes(payload))
    except EntryUnreadable:
        return
    assert type(decoded).__module__ in {"builtins", Point.__module__, "decimal", "uuid", "datetime"}


def test_bytes_name_only_classes_of_the_annotation() -> None:
    stored = Codec(Page | Point).encode(Point(1.0, None))
    with pytest.raises(EntryUnreadable):
        Codec(Page | Row | None).decode(Codec(Row).encode(Row(1, dt.date(2020, 1, 1))).replace(b"Row", b"Raw"))
    with pytest.raises(EntryUnreadable):
        Codec(Row).decode(stored)


def test_the_fingerprint_changes_with_the_shape() -> None:
    one = dataclasses.make_dataclass("Shape", [("a", int)])
    other = dataclasses.make_dataclass("Shape", [("a", int), ("b", str)])
    assert Codec(one).fingerprint != Codec(other).fingerprint
    assert Codec(int).fingerprint != Codec(str).fingerprint
