"""What an endpoint reads of its request is noted, and what it writes there stays."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request

from frescor._http.storing import Reads
from frescor.asgi.request_reads import WatchedRequest


def read(look: Callable[[Request], object], **scope: Any) -> tuple[Reads, dict[str, Any]]:
    whole: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "query_string": b"a=1", "client": ("c", 1)}
    whole |= {"headers": [(b"host", b"site"), (b"cookie", b"a=b")], **scope}
    reads = Reads()
    watched = WatchedRequest(Request(whole), reads)
    look(watched.request)
    watched.end()
    return reads, whole


@pytest.mark.parametrize(
    ("look", "noted"),
    [
        (lambda request: request.headers.get("X-Shop"), Reads(headers={"x-shop"})),
        (lambda request: request.cookies, Reads(headers={"cookie"})),
        (lambda request: request.url, Reads(headers={"host"})),
        (lambda request: (request.query_params, request.path_params, request.method), Reads()),
        (lambda request: request.client, Reads(others={"request.client"})),
        (lambda request: request.scope.get("client"), Reads(others={"request.client"})),
        (lambda request: request.user, Reads(others={"request.user"})),
        (lambda request: request.auth, Reads(others={"request.auth"})),
        (lambda request: request.state.shop, Reads(others={"request.state.shop"})),
        (lambda request: getattr(request.state, "none", None), Reads(others={"request.state.none"})),
        (lambda request: dict(request.session), Reads(session_read=True)),
        (lambda request: bool(request.session), Reads(session_read=True)),
        (lambda request: request.scope["session"].get("a"), Reads(session_read=True)),
        (lambda request: request.session.pop("user"), Reads(session_read=True, session_modified=True)),
    ],
)
def test_what_is_read_is_noted(look: Callable[[Request], object], noted: Reads) -> None:
    reads, _ = read(look, user="ana", auth=("x",), state={"shop": 1}, session={"user": "ana"})
    assert reads == noted


def test_what_is_written_is_there_for_others() -> None:
    def write(request: Request) -> None:
        request.state.left = 1
        request.scope["own"] = 2
        request.session["seen"] = True

    reads, scope = read(write, session={})
    assert (scope["state"], scope["own"], scope["session"]) == ({"left": 1}, 2, {"seen": True})
    assert reads.session_modified
    assert scope["headers"] == [(b"host", b"site"), (b"cookie", b"a=b")]


def test_a_request_keeps_its_class_and_its_body() -> None:
    class Own(Request):
        pass

    request = Own({"type": "http", "headers": [(b"host", b"site")]})
    assert type(WatchedRequest(request, Reads()).request) is Own
