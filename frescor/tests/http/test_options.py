"""What a view or rule may be told, and what makes no sense."""

from typing import Any

import pytest

from frescor import Policy, PolicyError
from frescor._http.options import options_from

GIVEN: dict[str, Any] = {
    "vary": (),
    "public": False,
    "max_age": 0,
    "statuses": (200,),
    "policy": Policy(name="p", expire=1),
}


def test_names_of_headers_and_functions_are_told_apart() -> None:
    def user() -> str:
        return "ana"

    options = options_from(**GIVEN | {"vary": ("Accept-Language", user, "X-Tenant")})
    assert options.headers == {"accept-language", "x-tenant"}
    assert options.functions == (user,)
    assert options_from(**GIVEN | {"vary": "Accept"}).headers == {"accept"}
    assert options_from(**GIVEN | {"vary": user}).functions == (user,)


@pytest.mark.parametrize(
    "vary", ["", "*", "Accept, Cookie", "Accept:", "X\r\nSet-Cookie: a=b", "Straße", " Accept", 1, b"Accept", (None,)]
)
def test_what_is_no_name_of_one_header_is_refused(vary: object) -> None:
    with pytest.raises((PolicyError, TypeError)):
        options_from(**GIVEN | {"vary": vary})


def test_the_same_for_everybody_and_another_for_each_is_refused() -> None:
    with pytest.raises(PolicyError, match="leave one of them out"):
        options_from(**GIVEN | {"vary": lambda: 1, "public": True})


def test_a_time_below_zero_is_refused() -> None:
    with pytest.raises(PolicyError):
        options_from(**GIVEN | {"max_age": -1})
