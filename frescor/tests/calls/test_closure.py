"""What a function captures: by value, as objects of one process, and as code."""

from collections.abc import Callable
from typing import Any

from frescor._calls.callables import read_callable
from frescor._calls.closure import ClosureState, closure_state_of, token_of


def state_of(function: Callable[..., Any], *, named: bool = False) -> ClosureState:
    return closure_state_of(read_callable(function, "price"), named=named)


def made_with(captured: object) -> Callable[[], object]:
    def function() -> object:
        return captured

    return function


def test_functions_of_one_factory_differ_by_the_values_that_they_capture() -> None:
    assert state_of(made_with(1)).by_value == state_of(made_with(1)).by_value
    assert state_of(made_with(1)).by_value != state_of(made_with(2)).by_value
    assert state_of(made_with(1)).body == state_of(made_with(2)).body


def test_an_object_without_an_identity_by_value_is_told_and_is_no_part_of_the_bytes() -> None:
    one, other = object(), object()
    assert state_of(made_with(one)).objects == (one,)
    assert state_of(made_with(one)).by_value == state_of(made_with(other)).by_value


def test_a_variable_that_was_assigned_anew_is_noticed() -> None:
    captured = 1

    def function() -> int:
        return captured

    state = state_of(function)
    assert not state.moved()
    captured = 2
    assert state.moved()


def test_a_function_that_refers_to_itself_is_complete_once_it_has_its_name() -> None:
    seen = []

    def noting(function: Callable[[int], int]) -> Callable[[int], int]:
        seen.append(state_of(function).is_complete)
        return function

    @noting
    def factorial(number: int) -> int:
        return 1 if number < 2 else number * factorial(number - 1)

    assert factorial(4) == 24
    assert seen == [False]
    assert state_of(factorial).is_complete


def test_what_can_change_counts_unless_the_function_was_named() -> None:
    prices = {"a": 1}
    assert state_of(made_with(prices)).is_mutable
    assert not state_of(made_with((1, "a"))).is_mutable
    assert state_of(made_with(prices), named=True).by_value == state_of(made_with({"a": 2}), named=True).by_value


def test_one_token_stands_for_the_same_objects_and_for_no_others() -> None:
    one, other = object(), object()
    held = token_of((one, other))
    assert token_of((one, other)) is held
    assert token_of((other, one)).value != held.value
