"""Which headers of a scope are read is noted, however they are looked for."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.datastructures import Headers

from frescor.asgi.header_reads import watched_headers

RAW = [(b"host", b"site"), (b"x-shop", b"a"), (b"cookie", b"b")]
List = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("read", "noted"),
    [
        (lambda raw: Headers(raw=raw)["X-Shop"], {"x-shop"}),
        (lambda raw: Headers(raw=raw).get("X-None"), {"x-none"}),
        (lambda raw: Headers(raw=raw).getlist("X-Shop"), {"x-shop"}),
        (lambda raw: "x-none" in Headers(raw=raw), {"x-none"}),
        (lambda raw: Headers(raw=raw).items(), {"*"}),
        (lambda raw: Headers(raw=raw).keys(), {"*"}),
        (lambda raw: [value for name, value in raw if name == b"x-shop"], {"x-shop"}),
        (lambda raw: [value for name, value in raw if b"x-shop" == name], {"x-shop"}),  # noqa: SIM300 - that is the case
        (lambda raw: [value for name, value in raw if name != b"x-shop"], {"x-shop"}),
        (lambda raw: [value for name, value in raw if name.lower() == b"x-shop"], {"*"}),
        (lambda raw: [value for name, value in raw if name in (b"x-a", b"x-b")], {"x-a", "x-b"}),
        (lambda raw: [value for name, value in raw if name.startswith(b"x-")], {"*"}),
        (lambda raw: {name.title() for name, _ in raw}, {"*"}),
        (lambda raw: [str(name) for name, _ in raw], {"*"}),
        (lambda raw: [bytes(name) for name, _ in raw], {"*"}),
        (lambda raw: [name.replace(b"-", b"_") for name, _ in raw], {"*"}),
        (lambda raw: dict(raw).get(b"x-shop"), {"*"}),
        (lambda raw: sorted(raw), {"*"}),
        (lambda raw: len(raw), set()),
    ],
)
def test_what_is_looked_for_is_noted_and_all_that_cannot_be_told_is_all_headers(
    read: Callable[[List], Any], noted: set[str]
) -> None:
    found: set[str] = set()
    value = read(watched_headers(RAW, found))
    assert (found & {"*"} or found) == noted
    assert str(value) == str(read(list(RAW)))
