"""What tells requests apart, and which go past the cache for a while."""

import pytest

from frescor import Policy, PolicyError
from frescor._http import asking
from frescor._http.asking import Passing, identified, sorted_query


@pytest.mark.parametrize(
    ("one", "other"),
    [("a=1&b=2", "b=2&a=1"), ("a=1&a=2&b=3", "b=3&a=1&a=2"), ("b&a", "a&b"), ("a%20b=1&a=2", "a=2&a%20b=1")],
)
def test_the_order_of_names_does_not_matter(one: str, other: str) -> None:
    assert sorted_query(one) == sorted_query(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a=1&a=2", "a=2&a=1"),
        ("a=1&%61=2", "%61=2&a=1"),
        ("a+b=1&a%20b=2", "a%20b=2&a+b=1"),
        ("a=1", "a=1&a=1"),
        ("a=%ff", "a=%fe"),
        ("a=1%26b=2", "a=1&b=2"),
        ("a", "b"),
        ("", "a"),
    ],
)
def test_the_order_of_what_has_one_name_matters_and_so_does_each_value(one: str, other: str) -> None:
    assert sorted_query(one) != sorted_query(other)


def test_what_has_no_identity_is_refused_with_what_to_return() -> None:
    policy = Policy(name="page", expire=1)
    assert identified(("a", 1), policy) != identified(("a", "1"), policy)
    with pytest.raises(PolicyError, match=r"a builtins\.object, which has no identity by value: let it return"):
        identified(("a", object()), policy)


def test_a_request_passes_for_a_while_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("frescor._http.asking.Steady.monotonic", lambda: now[0])
    passing = Passing()
    passing.add("a")
    assert ("a" in passing, "b" in passing) == (True, False)
    now[0] += asking.PASS_SECONDS
    assert "a" not in passing


def test_those_that_pass_are_forgotten_where_there_are_too_many() -> None:
    passing = Passing()
    for number in range(5000):
        passing.add(number)
    assert (0 in passing, 4999 in passing) == (False, True)
