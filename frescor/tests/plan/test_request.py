"""One read-through call, before anything is asked for it."""

from frescor import Policy
from frescor._plan.looking import apart
from frescor._plan.request import Request
from frescor._protocol.commands import Load
from frescor._values.codec import Codec
from frescor._values.shapes import YOUNG_SECONDS, call_tag, shape_of


def request(ttl_ms: int = 60_000) -> Request:
    shape = shape_of(Codec(int), b"body")
    return Request("p:k", ("*",), Policy(name="p", expire=60), Codec(int), "token", 1, 0, 1.0, ttl_ms, shape=shape)


def test_its_loader_is_that_of_its_key() -> None:
    assert request().load == Load("p:k")


def test_apart_from_another_version_its_entry_stands_elsewhere_and_its_loader_is_the_same() -> None:
    beside = apart(request())
    assert beside.key != "p:k"
    assert beside.load == Load("p:k", stored_at=beside.key)
    assert beside.tags == ("*", call_tag("p:k"))


def test_beside_another_version_an_entry_does_not_stay_long() -> None:
    assert apart(request(10 * YOUNG_SECONDS * 1000)).ttl_ms == YOUNG_SECONDS * 1000
    assert apart(request(5)).ttl_ms == 5
