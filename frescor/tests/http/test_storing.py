"""Which responses may be stored, in which form, and what is said of the others."""

import logging
from typing import Any

import pytest

from frescor import Policy
from frescor._calls.loading import Loading
from frescor._http.options import ViewOptions, options_from
from frescor._http.storing import Reads, Said, to_store, why_not_stored

POLICY = Policy(name="page", expire=300, jitter=0)


def options(**given: Any) -> ViewOptions:
    whole: dict[str, Any] = {"vary": (), "public": False, "max_age": 0, "statuses": (200,), "policy": POLICY}
    return options_from(**whole | given)


def by_user() -> str:
    return "ana"


@pytest.mark.parametrize(
    ("headers", "reads", "given", "says"),
    [
        ([("set-cookie", "a=b")], Reads(), {}, "it sets a cookie"),
        ([], Reads(session_modified=True), {"vary": by_user}, "changes the session"),
        ([], Reads(session_read=True), {}, "it reads the session: give vary"),
        ([], Reads(others={"request.user"}), {}, "it reads request.user: give vary"),
        ([], Reads(headers={"x-tenant"}), {"vary": "Accept"}, "vary=('X-Tenant', …)"),
        ([], Reads(headers={"*"}), {"vary": by_user}, "goes through all request headers"),
        ([("Vary", "accept, *")], Reads(), {}, "it says Vary: *"),
        ([("Vary", "Accept-Language")], Reads(), {}, "write vary=('Accept-Language', …)"),
        ([("Vary", "Cookie")], Reads(), {}, "write vary=('Cookie', …)"),
        ([("Vary", "Origin"), ("vary", "Accept-Encoding")], Reads(), {}, "compressed within the cache"),
        ([("Content-Encoding", "gzip")], Reads(), {}, "compressed within the cache"),
        ([("Cache-Control", "max-age=5, NO-STORE")], Reads(), {}, "it says Cache-Control"),
        ([("Cache-Control", "private=x")], Reads(), {}, "it says Cache-Control"),
    ],
)
def test_what_may_be_for_one_visitor_is_not_stored(
    headers: list[tuple[str, str]], reads: Reads, given: dict[str, Any], says: str
) -> None:
    assert says in why_not_stored(200, tuple(headers), reads, options(**given))


@pytest.mark.parametrize(
    ("headers", "reads", "given"),
    [
        ([], Reads(headers={"host", "if-none-match", "traceparent"}), {}),
        ([("Vary", "accept-language")], Reads(headers={"accept-language"}), {"vary": "Accept-Language"}),
        ([("Vary", "Cookie"), ("Cache-Control", "private")], Reads(headers={"cookie"}), {"vary": by_user}),
        ([], Reads(others={"request.state.shop"}), {"public": True}),
        ([("Vary", "Accept-Encoding"), ("Content-Encoding", "br")], Reads(), {"vary": "Accept-Encoding"}),
    ],
)
def test_what_is_declared_may_be_stored(headers: list[tuple[str, str]], reads: Reads, given: dict[str, Any]) -> None:
    assert why_not_stored(200, tuple(headers), reads, options(**given)) == ""


def test_an_error_is_not_stored_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    say = Said("page", POLICY)
    with caplog.at_level(logging.WARNING):
        say(why_not_stored(404, (), Reads(), options()))
        assert caplog.text == ""
        for _ in range(2):
            say("it says Vary: *")
    assert caplog.text.count("page (policy page) is not cached: it says Vary: *") == 1


def test_a_stored_response_has_what_belongs_to_it_and_lives_as_long_as_its_entry() -> None:
    headers = (("Content-Type", "text/plain"), ("Date", "now"), ("Connection", "close"), ("Link", "a"), ("Link", "b"))
    with Loading() as load:
        stored = to_store(200, headers, b"text", POLICY)
        assert load.ttl == 300
    assert stored.headers == (("Content-Type", "text/plain"), ("Link", "a"), ("Link", "b"))
    assert stored.ends_at - stored.made_at == 300
    with Loading() as load:
        load.expire(7)
        stored = to_store(200, (), b"", POLICY)
        assert stored.ends_at - stored.made_at == 7


def test_an_etag_is_that_of_bytes_and_type_or_the_one_that_the_view_gave() -> None:
    def etag(body: bytes, *headers: tuple[str, str]) -> str:
        with Loading():
            return to_store(200, headers, body, POLICY).etag

    tags = [etag(b"a"), etag(b"b"), etag(b"a", ("Content-Type", "a")), etag(b"a", ("Content-Language", "a"))]
    assert len(set(tags)) == 4
    assert etag(b"a") == tags[0] == etag(b"a", ("X-Other", "b"))
    assert etag(b"a", ("etag", 'W/"mine"')) == 'W/"mine"'
