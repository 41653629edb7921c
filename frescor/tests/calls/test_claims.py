"""Two functions of one name: the same one again, a newer one, or a mistake."""

import gc
from dataclasses import dataclass, field

import pytest

from frescor import PolicyError
from frescor._calls.claims import Claims


@dataclass(eq=False)
class Function:
    name: tuple[str, str, bytes] = ("shop", "prices", b"")
    label: str = "shop.price"
    policy_name: str = "price"
    execution: object = "this import"
    is_main: bool = False
    body: bytes = b"body"
    objects: tuple[object, ...] = ()
    namespace: object = field(default_factory=lambda: "module")


def test_the_same_function_may_be_declared_again() -> None:
    claims, one, other = Claims(), Function(), Function()
    claims.claim(one)
    claims.claim(other)


def test_another_body_under_the_same_name_is_refused_with_what_to_write() -> None:
    claims, one = Claims(), Function()
    claims.claim(one)
    with pytest.raises(PolicyError, match=r"shop\.price is declared with the key prefix 'price'.*name='users\.get'"):
        claims.claim(Function(body=b"another"))


def test_another_module_under_the_same_name_is_refused() -> None:
    claims, one = Claims(), Function(namespace="module")
    claims.claim(one)
    with pytest.raises(PolicyError, match="a second, different function"):
        claims.claim(Function(namespace="another"))


def test_captured_objects_tell_functions_apart_unless_the_cache_is_chosen_at_the_call() -> None:
    held, others = object(), object()
    by_objects, one = Claims(), Function(objects=(held,))
    by_objects.claim(one)
    by_objects.claim(Function(objects=(held,)))
    with pytest.raises(PolicyError, match="captures other objects"):
        by_objects.claim(Function(objects=(others,)))
    without = Claims(by_objects=False)
    without.claim(one)
    without.claim(Function(objects=(others,)))


def test_a_reload_of_its_module_and_a_cell_of_a_notebook_take_the_name_over() -> None:
    claims, one = Claims(), Function()
    claims.claim(one)
    claims.claim(reloaded := Function(body=b"newer", execution="the next import"))
    assert reloaded.execution != one.execution
    notebook, cell = Claims(), Function(is_main=True)
    notebook.claim(cell)
    notebook.claim(Function(is_main=True, body=b"edited"))


def test_a_function_that_is_gone_holds_no_name_though_it_was_part_of_a_circle() -> None:
    claims, one = Claims(), Function()
    one.objects = (one,)
    gc.disable()
    try:
        claims.claim(one)
        del one
        claims.claim(Function(body=b"another"))
    finally:
        gc.enable()
