"""Values under keys that a caller chose, and invalidation: what is asked for, and what waits with the store down."""

import pytest
from readings import AS_OF, CODEC, VALID, entry_of, process_of, told

from frescor._plan import invalidate, look_up, look_up_many, put
from frescor._protocol.commands import UNAVAILABLE, Delete, Invalidate, Put, Read, Reading, Together
from frescor._protocol.outcome import Outcome, Result

ENTRIES = {"k": (b"entry", ("*",))}
TAGS = ("*", "=t")


def test_a_valid_value_is_found_and_any_other_is_not() -> None:
    steps = look_up(process_of(), "k", TAGS, CODEC, AS_OF)
    asked, outcome = told(steps, Reading([entry_of(7)], VALID))
    assert (asked, outcome) == ([Read(("k",), TAGS)], Outcome(7, Result.HIT, tags=TAGS))
    for answer in (Reading([None], VALID), Reading([entry_of(7)], {**VALID, "=t": AS_OF + 1}), UNAVAILABLE):
        assert told(look_up(process_of(), "k", TAGS, CODEC, AS_OF), answer)[1] is None


def test_several_are_one_reading_and_those_that_are_not_there_are_left_out() -> None:
    steps = look_up_many(process_of(), {"a": TAGS, "b": TAGS}, CODEC, AS_OF)
    asked, found = told(steps, Reading([None, entry_of(7, key="b")], VALID))
    assert asked == [Read(("a", "b"), TAGS)]
    assert {key: outcome.value for key, outcome in found.items()} == {"b": 7}
    assert told(look_up_many(process_of(), {"a": TAGS}, CODEC, AS_OF), UNAVAILABLE)[1] == {}


def test_a_value_that_could_not_be_stored_is_deleted_once_the_store_is_back() -> None:
    process = process_of()
    assert told(put(process, ENTRIES, 1000), UNAVAILABLE) == ([Put(ENTRIES, 1000)], False)
    assert process.pending.snapshot().keys == ("k",)
    assert told(put(process_of(), ENTRIES, 1000), None)[1] is True


def test_what_stood_under_a_key_whose_value_is_refused_is_deleted_with_the_same_round_trip() -> None:
    asked, stored = told(put(process_of(), ENTRIES, 1000, ("large",)), [None, 1])
    assert asked == [Together((Put(ENTRIES, 1000), Delete(("large",))))]
    assert stored is False
    assert told(put(process_of(), {}, 1000, ("large",)), 1)[0] == [Delete(("large",))]


def test_tags_and_keys_go_in_one_round_trip_and_nothing_is_none() -> None:
    assert told(invalidate(process_of(), ("=t",)), 5) == ([Invalidate(("=t",))], True)
    assert told(invalidate(process_of(), keys=("a:b",)), 1) == ([Delete(("a:b",))], True)
    asked, _ = told(invalidate(process_of(), ("=t",), ("a:b",), durable=True), [5, 1])
    assert asked == [Together((Invalidate(("=t",), durable=True), Delete(("a:b",))))]
    assert told(invalidate(process_of())) == ([], True)


@pytest.mark.parametrize("durable", [True, False])
def test_an_invalidation_without_an_answer_waits_as_what_it_is(durable: bool) -> None:
    process = process_of()
    assert told(invalidate(process, ("=t",), durable=durable), UNAVAILABLE)[1] is False
    waits = process.pending.snapshot()
    assert (waits.durable, waits.tags) == ((("=t",), ()) if durable else ((), ("=t",)))
