"""What a return annotation says of values."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict

import msgspec
import pytest

from frescor import PolicyError
from frescor._values.annotations import classes_in, fingerprint, named_in, typed_decoder
from frescor._values.records import field_names, is_record


class Color(enum.Enum):
    RED = 1


class Point(msgspec.Struct):
    x: int
    color: Color


class Pair(NamedTuple):
    first: int
    second: str


@dataclass
class Line:
    points: list[Point]
    next: "Line | None"


Wrapped = NewType("Wrapped", Pair)


def test_classes_are_found_within_containers_fields_and_new_types_and_each_once() -> None:
    assert set(classes_in(dict[str, Line | Pair])) == {Line, Point, Color, Pair}
    assert classes_in(Wrapped) == [Pair]
    assert classes_in(Optional[list[int]]) == []  # noqa: UP045  # as applications still write it


class Options(TypedDict, total=False):
    line: NotRequired[Line]


def test_classes_are_found_in_typed_dictionaries_and_their_fields_are_part_of_the_fingerprint() -> None:
    assert set(classes_in(list[Options])) == {Line, Point, Color}
    assert "line" in fingerprint(list[Options], named_in(list[Options]))


def test_each_kind_of_record_has_its_fields() -> None:
    assert [field_names(kind) for kind in (Line, Point, Pair, Color)] == [
        ("points", "next"),
        ("x", "color"),
        ("first", "second"),
        (),
    ]
    assert not is_record(int)
    assert not is_record(Line([], None))


def test_a_name_that_cannot_be_found_is_told_with_its_class() -> None:
    @dataclass
    class Lost:
        of: "Gone"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PolicyError, match=r"annotations of .*Lost cannot be read.*not only under TYPE_CHECKING"):
        classes_in(Lost)


@pytest.mark.parametrize(
    ("annotation", "typed"),
    [
        (int, True),
        (list[Point], True),
        (dict[str, int], True),
        (dict[Literal["a", "b"], int], True),
        (dict[str | int, int], True),
        (dict[Annotated[str, "name"], int], True),
        (None, False),
        (Any, False),
        (list, False),
        (list[Any], False),
        (dict[tuple[int, int], int], False),
        (set[frozenset[int]], False),
        (Mapping[Pair, int], False),
    ],
)
def test_msgspec_decodes_where_no_type_is_open_and_no_key_needs_counting(annotation: object, typed: bool) -> None:
    assert (typed_decoder(annotation) is not None) is typed


def test_a_fingerprint_changes_with_a_field_and_with_a_member() -> None:
    def of(annotation: object) -> str:
        return fingerprint(annotation, named_in(annotation))

    def version(kind: type) -> type:
        class Price(msgspec.Struct):
            amount: kind  # type: ignore[valid-type]

        return Price

    def member(name: str) -> type:
        return enum.Enum("Kind", [name])  # type: ignore[return-value]

    assert of(version(int)) == of(version(int)) != of(version(str))
    assert of(member("A")) != of(member("B"))
