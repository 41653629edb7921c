"""What a load comes to: an entry as old as what it read, kept for as long as it was told."""

import pytest

from frescor import Policy
from frescor._plan.loaded import RESULT_OF, entry_of, flight_result_of, tags_of, value_of
from frescor._plan.looking import apart
from frescor._plan.request import Request
from frescor._protocol.commands import NOTHING_SHARED, UNAVAILABLE, Loaded, StoreOutcome
from frescor._values.codec import Codec
from frescor._values.shapes import YOUNG_SECONDS, shape_of

POLICY = Policy(name="p", expire=60, grace=30)


def request() -> Request:
    codec = Codec(list[int])
    return Request("p:k", ("*", "=t"), POLICY, codec, "token", 1, 0, 1.0, 60_000, shape=shape_of(codec, b"body"))


def test_an_entry_is_kept_for_its_time_and_its_grace() -> None:
    entry, kept_ms = entry_of(request(), Loaded(b"x", 1, 7, 1_000_000), as_of=5)
    assert (entry.as_of, entry.cost, entry.tags, entry.payload) == (5, 7, ("*", "=t"), b"x")
    assert (entry.fresh_until, entry.stale_until, kept_ms) == (61_000_000, 91_000_000, 90_000)
    assert not entry.own_time


@pytest.mark.parametrize(("snapshot", "as_of"), [(None, 5), (3, 3), (9, 5)])
def test_an_entry_is_as_old_as_the_older_of_the_clock_and_the_snapshot(snapshot: int | None, as_of: int) -> None:
    assert entry_of(request(), Loaded(b"x", 1, 0, 0, as_of=snapshot), as_of=5)[0].as_of == as_of


def test_a_time_that_the_loader_said_comes_before_the_policys() -> None:
    entry, kept_ms = entry_of(request(), Loaded(b"x", 1, 0, 0, ttl_ms=1000), as_of=5)
    assert (entry.fresh_until, kept_ms, entry.own_time) == (1_000_000, 31_000, True)


def test_beside_another_version_an_entry_is_kept_briefly_whatever_the_loader_said() -> None:
    entry, _ = entry_of(apart(request()), Loaded(b"x", 1, 0, 0, ttl_ms=10**9), as_of=5)
    assert entry.fresh_until <= YOUNG_SECONDS * 1_000_000


def test_what_the_load_read_is_added_to_the_calls_tags_once() -> None:
    assert tags_of(request(), Loaded(b"x", 1, 0, 0, tags=("=t", "=u"))) == ("*", "=t", "=u")


def test_nobody_shares_what_only_its_caller_may_see_or_what_is_too_large() -> None:
    assert flight_result_of(request(), Loaded(b"x", 1, 0, 0, private=True)) is NOTHING_SHARED
    assert flight_result_of(request(), Loaded(None, 1, 0, 0, value=[1])) is NOTHING_SHARED
    shared = flight_result_of(request(), Loaded(b"x", 3, 0, 0))
    assert (shared.began, shared.payload, shared.tags) == (3, b"x", ("*", "=t"))


def test_who_loaded_gets_an_object_of_his_own_unless_it_was_too_large_to_encode() -> None:
    value = [1, 2]
    loaded = value_of(request(), Loaded(Codec(list[int]).encode(value), 1, 0, 0, value=value))
    assert loaded == value
    assert loaded is not value
    assert value_of(request(), Loaded(None, 1, 0, 0, value=value)) is value


def test_every_answer_of_the_store_has_a_result() -> None:
    assert set(RESULT_OF) == {*StoreOutcome, UNAVAILABLE}
