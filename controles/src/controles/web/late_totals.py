"""Totals that come after their page: a list is shown before what all its pages sum to has been computed.

Only where the cache does not have them, and for a browser whose script fetches them, which it says by a cookie. For
every other one they are in the page.
"""

from typing import ParamSpec, TypeVar

from flask import request

from frescor import MISS, Cached

P = ParamSpec("P")
R = TypeVar("R")

COOKIE = "controles_script"
# In an address: with the totals, whether the cache has them or not.
PARAMETER = "totais"


def now_or_later(totals: Cached[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """The totals of this page; None if they come later, from the address with `PARAMETER`."""
    if PARAMETER in request.args or COOKIE not in request.cookies:
        return totals(*args, **kwargs)
    found = totals.peek(*args, **kwargs)
    return None if found is MISS else found


def asked_alone() -> bool:
    """Whether a script asks for the totals of a page that it shows already."""
    return PARAMETER in request.args and request.headers.get("X-Requested-With") == "fetch"
