"""What is of an annotation, and what is not."""

import collections.abc
import dataclasses
import datetime as dt
import enum
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict, TypeVar

import msgspec
import pytest

from frescor._values.codec import Codec
from frescor._values.conforming import conforming
from frescor.errors import EntryUnreadable

T = TypeVar("T")
Number = NewType("Number", int)


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Tree:
    name: str
    parts: "list[Tree]"
    color: Color | None = None


@dataclasses.dataclass
class Page(Generic[T]):
    items: list[T]
    total: int


class Row(NamedTuple):
    id: int
    day: dt.date


class Packed(msgspec.Struct):
    ids: frozenset[int]


class Address(TypedDict):
    city: str
    zip: NotRequired[str]


class Sized(Protocol):
    size: int


OF: list[tuple[Any, list[Any], list[Any]]] = [
    (Any, [1, None, []], []),
    (object, [1, None], []),
    (None, [None], [0]),
    (int, [1, True], [1.0, "1", None]),
    (float, [1.0, 1], ["1", None]),
    (str | None, ["a", None], [1, b"a"]),
    (Literal["a", 1], ["a", 1], ["b", True, 1.0]),
    (Annotated[int, "of people"], [1], ["1"]),
    (Number, [1], ["1"]),
    (list, [[], [1]], [(), {}, None]),
    (list[int], [[], [1]], [["a"], [1, None], (1,)]),
    (tuple[int, str], [(1, "a")], [(1,), (1, 2), [1, "a"], (1, "a", "b")]),
    (tuple[int, ...], [(), (1, 2)], [("a",), [1]]),
    (set[str], [set(), {"a"}], [{1}, ["a"], frozenset("a")]),
    (dict[str, int], [{}, {"a": 1}], [{1: 1}, {"a": "b"}, []]),
    (dict[str, list[Decimal]], [{"a": [Decimal(1)]}], [{"a": [1]}, {"a": Decimal(1)}]),
    (collections.abc.Sequence[int], [[1], (1,)], [["a"], {1}]),
    (collections.abc.Mapping[str, Any], [{"a": None}], [{1: None}]),
    (Color, [Color.RED], [1, "RED"]),
    (Row, [Row(1, dt.date(2026, 1, 1))], [(1, dt.date(2026, 1, 1)), Row("1", dt.date(2026, 1, 1))]),  # type: ignore[arg-type]
    (Packed, [Packed(frozenset({1}))], [Packed(frozenset({"a"})), {"ids": []}]),  # type: ignore[arg-type]
    (Tree, [Tree("a", [Tree("b", [], Color.RED)])], [Tree("a", [1]), Tree("a", [Tree(1, [])]), None]),  # type: ignore[list-item, arg-type]
    (Page[int], [Page([1], 1)], [Page([1], "1"), Page(1, 1)]),  # type: ignore[arg-type]
    (Address, [{"city": "a"}, {"city": "a", "zip": "b"}], [{}, {"city": 1}, {"city": "a", "more": 1}, []]),
    (list[Row | None], [[None, Row(1, dt.date(2026, 1, 1))]], [[1]]),
    (T, [1, None], []),
    (Sized, [1, None], []),
]


@pytest.mark.parametrize(("annotation", "fitting", "other"), OF, ids=lambda part: str(part)[:40])
def test_what_is_of_an_annotation(annotation: Any, fitting: list[Any], other: list[Any]) -> None:
    check = conforming(annotation)
    for value in fitting:
        assert check is None or check(value)
    for value in other:
        assert check is not None
        assert not check(value)


def test_bytes_that_nobody_vouches_for_are_of_the_annotation_or_unreadable() -> None:
    payload = Codec().encode([1, "two"])
    assert Codec(list[Any]).decode(payload, proven=False) == [1, "two"]
    assert Codec(list[int]).decode(payload) == [1, "two"]
    with pytest.raises(EntryUnreadable):
        Codec(list[int]).decode(payload, proven=False)


def test_a_program_whose_loader_returns_other_values_reads_them() -> None:
    codec = Codec(list[int])
    payload = codec.encode([1, "two"])
    assert codec.decode(payload, proven=False) == [1, "two"]


def test_a_value_as_deep_as_can_be_encoded_is_encoded() -> None:
    tree = Tree("leaf", [])
    for _ in range(100):
        tree = Tree("a", [tree])
    codec = Codec(Tree)
    assert codec.decode(codec.encode(tree)) == tree
