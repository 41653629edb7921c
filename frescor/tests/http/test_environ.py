"""What is read of a WSGI environment is noted."""

from collections.abc import Callable
from typing import Any

import pytest

from frescor._http.environ import WatchedEnviron

ENVIRON = {"HTTP_X_TENANT": "a", "PATH_INFO": "/", "wsgi.version": (1, 0)}


@pytest.mark.parametrize(
    ("read", "noted"),
    [
        (lambda environ: environ["HTTP_X_TENANT"], {"x-tenant"}),
        (lambda environ: environ.get("HTTP_COOKIE"), {"cookie"}),
        (lambda environ: "HTTP_COOKIE" in environ, {"cookie"}),
        (lambda environ: environ["PATH_INFO"], set()),
        (lambda environ: list(environ), {"*"}),
        (lambda environ: environ.items(), {"*"}),
        (lambda environ: environ.copy(), {"*", "x-tenant"}),
        (lambda environ: environ.pop("HTTP_COOKIE", ""), {"cookie"}),
        (lambda environ: environ.setdefault("HTTP_COOKIE", ""), {"cookie"}),
        (lambda environ: {**environ}, {"*", "x-tenant"}),
    ],
)
def test_a_header_that_is_looked_for_is_noted_whether_it_is_there_or_not(
    read: Callable[[dict[str, Any]], object], noted: set[str]
) -> None:
    found: set[str] = set()
    read(WatchedEnviron(ENVIRON, found))
    assert found == noted
