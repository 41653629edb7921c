"""What views and rules are called in keys."""

import functools

from frescor._http.naming import name_in_keys, name_of_view


def test_a_name_is_one_part_of_a_key_of_bounded_length_and_two_names_stay_two() -> None:
    assert name_in_keys("/a:b/*\n") == "/a.b/+?"
    one, other = name_in_keys("a" * 500 + "1"), name_in_keys("a" * 500 + "2")
    assert one != other
    assert {len(one), len(other)} == {120}


def test_a_view_is_called_by_module_and_name_whatever_stands_for_it() -> None:
    def view() -> None: ...

    expected = f"{__name__}.test_a_view_is_called_by_module_and_name_whatever_stands_for_it.view"
    assert name_of_view(view) == name_of_view(functools.partial(view)) == expected

    class View:
        def __call__(self) -> None: ...

    assert name_of_view(View()).endswith("View.__call__")
