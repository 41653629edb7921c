"""Two calls share a key exactly when they are the same call."""

import dataclasses
import datetime as dt
import enum
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor.errors import PolicyError
from frescor.keys import CallIdentity, canonical, check_key
from frescor.policy import Policy


@dataclasses.dataclass(frozen=True)
class Scope:
    nucleo: int | None = None


class Kind(enum.StrEnum):
    A = "a"


def find(scope: Scope, name: str = "", *rest: object, limit: int = 10, **more: object) -> list[int]:
    return []


IDENTITY = CallIdentity(find, Policy(name="find", expire=60))


def key(*args: Any, **kwargs: Any) -> str:
    return IDENTITY.key(IDENTITY.bind(args, kwargs))


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

    locale = ["pt"]
    policy = Policy(name="find", expire=60)
    identities = [
        CallIdentity(find, policy),
        CallIdentity(other, policy),
        CallIdentity(find, policy, secret=b"secret"),
        varied := CallIdentity(find, Policy(name="find", expire=60, varies_on=(lambda: locale[0],))),
    ]
    bound = IDENTITY.bind((Scope(),), {})
    assert len({identity.key(bound) for identity in identities}) == len(identities)
    before = varied.key(bound)
    locale[0] = "en"
    assert varied.key(bound) != before


def test_no_argument_can_be_read_off_a_key() -> None:
    made = key(Scope(), "529.982.247-25", cpf="52998224725")
    assert "52998224725" not in made
    assert made.startswith("find:find:")


def test_an_argument_without_an_identity_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match=r"argument 'rest' .*Pass what it is identified by"):
        key(Scope(), "", object())


def test_a_call_that_python_refuses_is_refused_alike() -> None:
    with pytest.raises(TypeError, match="scope"):
        key()


def test_a_tag_of_an_unknown_argument_is_refused_where_it_is_declared() -> None:
    with pytest.raises(PolicyError, match="militante"):
        CallIdentity(find, Policy(name="find", expire=60, tags=("m:{militante}",)))


@pytest.mark.parametrize("bad", ["", "a\n", ":a", "a:", "a::b", "x" * 401])
def test_text_that_is_no_key_is_refused(bad: str) -> None:
    with pytest.raises(PolicyError):
        check_key(bad)
