"""What is sent of a stored response."""

from typing import Any

import pytest

from frescor import Policy
from frescor._http.answering import conditional_status, headers_to_send, without_body
from frescor._http.options import options_from
from frescor._http.storing import StoredResponse

POLICY = Policy(name="page", expire=300)


def stored(*headers: tuple[str, str], etag: str = '"tag"', status: int = 200) -> StoredResponse:
    return StoredResponse(status, headers, b"text", etag, 1000.0, 1300.0)


def sent(*headers: tuple[str, str], now: float = 1000.0, personal: bool = False, **given: Any) -> dict[str, str]:
    whole: dict[str, Any] = {"vary": (), "public": False, "max_age": 0, "statuses": (200,), "policy": POLICY} | given
    found = headers_to_send(stored(*headers), options_from(**whole), hit=now > 1000, now=now, personal=personal)
    assert len({name.lower() for name, _ in found}) == len(found)
    return dict(found)


def test_browsers_ask_each_time_unless_told_otherwise_and_never_keep_longer_than_the_entry_lives() -> None:
    assert sent()["Cache-Control"] == "max-age=0, must-revalidate"
    assert sent(max_age=60)["Cache-Control"] == "max-age=60, must-revalidate"
    assert sent(max_age=3600, now=1100.5)["Cache-Control"] == "max-age=199, must-revalidate"
    assert sent(max_age=60, now=1500)["Cache-Control"] == "max-age=0, must-revalidate"


def test_what_the_view_says_of_caches_is_kept_as_far_as_its_entry_lives() -> None:
    said = ("cache-control", "public, max-age=900, s-maxage=900, no-cache")
    assert sent(said)["Cache-Control"] == "public, max-age=300, s-maxage=300, no-cache, must-revalidate"
    assert sent(("Cache-Control", "max-age=10"), max_age=60)["Cache-Control"] == "max-age=10, must-revalidate"
    assert sent(("Cache-Control", "max-age=x"))["Cache-Control"] == "max-age=0, must-revalidate"
    assert "Expires" not in sent(("Expires", "Wed, 21 Oct 2099 07:28:00 GMT"))


def test_one_visitors_response_is_private_and_varies_on_who_asks() -> None:
    found = sent(("Cache-Control", "public"), personal=True, vary="Accept-Language")
    assert found["Cache-Control"] == "max-age=0, must-revalidate, private"
    assert found["Vary"] == "Cookie, Authorization, Accept-Language"


def test_vary_names_each_header_once() -> None:
    assert (
        sent(("vary", "accept-language, X-A"), ("Vary", "x-a"), vary="Accept-Language")["Vary"]
        == "Accept-Language, x-a"
    )


def test_age_is_that_of_a_hit_alone() -> None:
    assert "Age" not in sent()
    assert sent(now=1010.9)["Age"] == "10"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 200),
        ({"If-None-Match": '"tag"'}, 304),
        ({"if-none-match": 'W/"tag"'}, 304),
        ({"If-None-Match": '"other", "tag"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": "tag"}, 200),
        ({"If-None-Match": '"tag'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"}, 200),
        ({"If-Modified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"}, 304),
        ({"If-Modified-Since": "Wed, 21 Oct 2015 07:27:59 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Match": '"tag"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": 'W/"tag"'}, 412),
    ],
)
def test_who_has_the_response_gets_304_and_who_wants_another_412(asked: dict[str, str], status: int) -> None:
    response = stored(("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT"))
    assert conditional_status(response, asked.items()) == status


def test_an_error_that_is_stored_is_sent_whole() -> None:
    assert conditional_status(stored(status=404), [("If-None-Match", '"tag"')]) == 404


def test_a_304_says_nothing_of_a_body() -> None:
    headers = [("Content-Type", "a"), ("content-length", "4"), ("ETag", '"tag"'), ("Content-Location", "/a")]
    assert without_body(headers) == [("ETag", '"tag"'), ("Content-Location", "/a")]
