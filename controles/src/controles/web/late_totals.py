"""Totals that are sent after their page, so that a list is shown before the sums over all its pages are computed.

This is done only if the cache does not have the totals, and the browser's script fetches them, which a cookie says.
Otherwise the page contains them.
"""

from typing import ParamSpec, TypeVar

from flask import request

from frescor import MISS, Cached

P = ParamSpec("P")
R = TypeVar("R")

COOKIE = "controles_script"
# In an address: with the totals, whether or not the cache has them.
PARAMETER = "totais"


def now_or_later(totals: Cached[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """The totals of this page; None if the script will fetch them, from the address with `PARAMETER`."""
    if PARAMETER in request.args or COOKIE not in request.cookies:
        return totals(*args, **kwargs)
    found = totals.peek(*args, **kwargs)
    return None if found is MISS else found


def asked_alone() -> bool:
    """Whether a script asks only for the totals of a page that is shown already."""
    return PARAMETER in request.args and request.headers.get("X-Requested-With") == "fetch"
