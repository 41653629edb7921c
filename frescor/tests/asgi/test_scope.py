"""What a scope says of a request."""

from typing import Any

import pytest

from frescor.asgi.scope import header, identity, joined, may_be_stored, path_within


def scope(*headers: tuple[Any, Any], **given: Any) -> dict[str, Any]:
    return {"method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"site"), *headers]} | given


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        ("", "/a", "/a"),
        ("/one", "/one/a", "/a"),
        ("/one", "/one", "/"),
        ("/one/", "/one/a", "/a"),
        ("/one", "/onesie/a", "/onesie/a"),
        # A server that leaves it out of the path.
        ("/one", "/a", "/a"),
    ],
)
def test_a_path_is_that_below_where_the_application_is_mounted(root: str, path: str, below: str) -> None:
    assert path_within(scope(root_path=root, path=path)) == below


@pytest.mark.parametrize(
    ("given", "may"),
    [
        (scope(), True),
        (scope(method="HEAD"), True),
        (scope(method="POST"), False),
        (scope(method="OPTIONS"), False),
        (scope((b"range", b"bytes=0-")), False),
        (scope((b"content-length", b"0")), True),
        (scope((b"content-length", b"3")), False),
        (scope((b"transfer-encoding", b"chunked")), False),
        (scope((b"upgrade", b"h2c")), False),
        (scope(headers=[]), False),
        (scope(headers=[("Range", "bytes=0-")]), False),
    ],
)
def test_only_a_request_that_brings_nothing_and_wants_all_may_be_answered(given: dict[str, Any], may: bool) -> None:
    assert may_be_stored(given) == may


def test_headers_are_found_in_bytes_and_text_in_any_case_with_all_their_values() -> None:
    given = scope((b"X-A", b"1"), ("x-a", "2"), (b"x-b", b""))
    assert [header(given, name) for name in ("x-a", "x-b", "x-c")] == ["1, 2", "", None]
    assert joined([("A", "1"), ("a", "2"), ("b", "3")]) == [("a", "1, 2"), ("b", "3")]


def test_a_request_without_host_is_told_apart_by_its_server() -> None:
    one = identity(scope(headers=[], server=("127.0.0.1", 80)), ())
    assert one != identity(scope(headers=[], server=("127.0.0.1", 81)), ())


def test_a_request_is_told_apart_by_where_the_application_is_mounted_also_where_its_path_does_not_say_so() -> None:
    assert identity(scope(root_path="/one"), ()) != identity(scope(root_path="/two"), ())


def test_no_header_and_an_empty_one_are_two() -> None:
    assert identity(scope(), ["x-a"]) != identity(scope((b"x-a", b"")), ["x-a"])
