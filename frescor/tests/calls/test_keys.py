"""Two calls share a key exactly when they are the same call."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor import Cache
from frescor._calls.canonical import canonical
from frescor._calls.keys import check_key
from frescor._calls.policy import Policy
from frescor.errors import PolicyError


@dataclasses.dataclass(frozen=True)
class Scope:
    nucleo: int | None = None


class Kind(enum.StrEnum):
    A = "a"


def find(scope: Scope, name: str = "", *rest: object, limit: int = 10, **more: object) -> list[int]:
    return []


POLICY = Policy(name="find", expire=60)


def keys_of(function: Callable[..., object], policy: Policy = POLICY, secret: bytes = b"") -> Callable[..., str]:
    return Cache.from_url("memory://", "test", key_secret=secret).cached(policy)(function).key


key = keys_of(find)


arguments = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, width=16)
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.sampled_from([Decimal("1"), Decimal("1.0"), Scope(), Scope(1), Kind.A, dt.date(2020, 1, 1)])
    | st.datetimes(timezones=st.sampled_from([None, dt.UTC])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
        | st.frozensets(st.integers(-2, 2), max_size=3)
    ),
    max_leaves=5,
)


def exact(value: Any) -> Any:
    """A picture of a value in which everything that tells two calls apart is visible."""
    if isinstance(value, dict):
        return (dict, frozenset((exact(k), exact(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return (type(value), tuple(map(exact, value)))
    if isinstance(value, frozenset):
        return (frozenset, frozenset(map(exact, value)))
    return (type(value), repr(value))


@given(arguments, arguments)
def test_two_values_are_encoded_alike_exactly_when_they_are_the_same(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (exact(one) == exact(other))


@given(st.lists(st.text(max_size=3), max_size=3), st.lists(st.text(max_size=3), max_size=3))
def test_no_joining_of_arguments_makes_two_calls_one(one: list[str], other: list[str]) -> None:
    assert (key(Scope(), "", *one) == key(Scope(), "", *other)) == (one == other)


def test_spelling_a_call_differently_changes_nothing() -> None:
    same = {
        key(Scope(), "a"),
        key(Scope(None), name="a"),
        key(name="a", scope=Scope()),
        key(Scope(), "a", limit=10),
    }
    assert len(same) == 1


def test_keyword_order_changes_nothing() -> None:
    assert key(Scope(), x={"a": 1, "b": 2}, y=1) == key(Scope(), y=1, x={"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (1, 1.0), ("1", 1), ("a", b"a"), ([1], (1,)), (None, "None"), (Kind.A, "a"), (0.0, -0.0)],
)
def test_values_of_different_types_are_different_calls(one: object, other: object) -> None:
    assert key(Scope(), "", one) != key(Scope(), "", other)


def test_function_variation_and_secret_are_part_of_the_key() -> None:
    def other(scope: Scope, name: str = "", *rest: object, limit: int = 10, **more: object) -> list[int]:
        return []

    locale = {"now": "pt"}
    varied = keys_of(find, Policy(name="find", expire=60, varies_on=(lambda: locale["now"],)))
    made = {key(Scope()), keys_of(other)(Scope()), keys_of(find, secret=b"secret")(Scope()), varied(Scope())}
    assert len(made) == 4
    locale["now"] = "en"
    assert varied(Scope()) not in made


def test_a_version_of_the_policy_is_no_part_of_the_key() -> None:
    assert keys_of(find, Policy(name="find", expire=60, version=2))(Scope()) == key(Scope())


def find_now(scope: Scope, called: str = "a", *rest: object, limit: int = 20, more: int = 1, **others: object) -> None:
    """What a later version made of `find`."""


find_now.__qualname__ = "find"


def test_one_more_parameter_and_another_name_for_one_leave_the_keys_as_they_were() -> None:
    assert keys_of(find_now)(Scope(), "x", 1, extra=2) == key(Scope(), "x", 1, extra=2)
    assert keys_of(find_now)(Scope(), more=2) != key(Scope())


def test_a_default_that_can_change_counts_by_what_it_holds() -> None:
    def search(words: list[str] = []) -> None:  # noqa: B006  # that is what is tested
        ...

    search_key = keys_of(search)
    before = search_key()
    assert search_key([]) == before
    search.__defaults__[0].append("new")  # type: ignore[index]
    assert search_key() != before


def test_a_default_without_identity_needs_none() -> None:
    nothing = object()

    def search(word: object = nothing) -> None: ...

    search_key = keys_of(search)
    assert search_key() == search_key(nothing) != search_key(None)


def test_no_argument_can_be_read_off_a_key() -> None:
    made = key(Scope(), "529.982.247-25", cpf="52998224725")
    assert "52998224725" not in made
    assert made.startswith("find:find:")


def test_an_argument_without_an_identity_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match=r"argument 'rest' .*Pass what identifies it"):
        key(Scope(), "", object())


def test_a_call_that_python_refuses_is_refused_alike() -> None:
    with pytest.raises(TypeError, match="scope"):
        key()


def test_a_tag_of_an_unknown_argument_is_refused_where_it_is_declared() -> None:
    with pytest.raises(PolicyError, match="militante"):
        keys_of(find, Policy(name="find", expire=60, tags=("m:{militante}",)))


@pytest.mark.parametrize("bad", ["", "a\n", ":a", "a:", "a::b", "x" * 401])
def test_text_that_is_no_key_is_refused(bad: str) -> None:
    with pytest.raises(PolicyError):
        check_key(bad)
