"""What a reading is good for."""

from collections.abc import Mapping
from typing import Any

import pytest
from readings import AS_OF, FRESH, POLICY, STALE, VALID, entry_of, process_of, request_of, told

from frescor import Policy
from frescor._copies.local import Local
from frescor._plan.looking import Look, examine, look_for, settle
from frescor._protocol.commands import UNAVAILABLE, Delete, Invalidate, Note, Read, Reading, ReleaseLease, Together

SECOND = 1_000_000


def looked(data: bytes | None, stamps: Mapping[str, int | None] | None = None, **fields: Any) -> Any:
    request = request_of(**fields)
    reading = Reading([data], VALID if stamps is None else stamps)
    _, look = told(look_for(process_of(), request), reading, None)
    return look


def test_nothing_there_is_of_no_use_and_was_not_seen() -> None:
    assert looked(None) == Look()


def test_an_entry_whose_tags_are_no_newer_is_a_value() -> None:
    look = looked(entry_of(7))
    assert (look.value, look.usable, look.due, look.seen, look.tags) == (7, True, False, AS_OF, ("*", "=t"))


@pytest.mark.parametrize("tag", ["*", "=t"])
def test_one_newer_tag_makes_it_invalid(tag: str) -> None:
    assert looked(entry_of(7), {**VALID, tag: AS_OF + 1}) == Look(seen=AS_OF)


@pytest.mark.parametrize("tag", ["*", "=t"])
def test_a_missing_tag_makes_it_invalid_and_it_is_looked_at_again_with_the_lease(tag: str) -> None:
    assert looked(entry_of(7), {**VALID, tag: None}) == Look(seen=None)


@pytest.mark.parametrize(
    ("now", "usable", "due"),
    [(FRESH - 1, True, False), (FRESH, True, True), (STALE - 1, True, True), (STALE, False, False)],
)
def test_past_its_time_it_is_loaded_anew_and_past_its_grace_it_is_none(now: int, usable: bool, due: bool) -> None:
    look = looked(entry_of(7), now=now)
    assert (look.usable, look.due) == (usable, due)


@pytest.mark.parametrize(
    ("dice", "early"), [(1.0, False), (0.5, False), (0.3, True)], ids=["never", "by no lot", "by lot"]
)
def test_near_its_end_it_is_loaded_early_by_lot_and_by_what_it_costs(dice: float, early: bool) -> None:
    # A second before its end, of a load that takes one: with probability e^-1.
    look = looked(entry_of(7, cost=SECOND), now=FRESH - SECOND, dice=dice)
    assert (look.usable, look.due, look.early) == (True, early, early)


def test_an_entry_without_the_tags_of_its_call_is_not_taken() -> None:
    asked, look = told(look_for(process_of(), request_of()), Reading([entry_of(7, tags=("*",))], VALID), None)
    assert isinstance(asked[1], Note)
    assert "without the tags" in str(asked[1].error)
    assert asked[1].policy == "p"
    assert look == Look(seen=AS_OF)


@pytest.mark.parametrize(
    "fields",
    [
        {"fresh_until": FRESH + 3600 * SECOND, "stale_until": STALE + 3600 * SECOND},
        {"stale_until": STALE + 1},
        {"stale_until": FRESH - 1},
        {"as_of": AS_OF + 3 * 3600 * SECOND},
    ],
    ids=["fresh for too long", "kept for too long", "kept for less than it is fresh", "from the future"],
)
def test_an_entry_that_this_program_would_not_have_made_is_not_taken(fields: dict[str, Any]) -> None:
    asked, look = told(look_for(process_of(), request_of()), Reading([entry_of(7, **fields)], dict(VALID)), None)
    assert isinstance(asked[1], Note)
    assert look.usable is False


def test_a_load_may_have_given_its_value_a_time_of_its_own() -> None:
    own = entry_of(7, fresh_until=FRESH + 3600 * SECOND, stale_until=STALE + 3600 * SECOND, own_time=True)
    assert looked(own).usable is True


def test_tags_that_were_not_expected_are_asked_for() -> None:
    data = entry_of(7, tags=("*", "=t", "=row"))
    asked, look = told(look_for(process_of(), request_of()), Reading([data], VALID), Reading([], {"=row": AS_OF}))
    assert asked == [Read(("k",), ("*", "=t")), Read((), ("=row",))]
    assert look.usable is True
    asked, look = told(look_for(process_of(), request_of()), Reading([data], VALID), Reading([], {"=row": AS_OF + 1}))
    assert look == Look(seen=AS_OF)
    _, look = told(look_for(process_of(), request_of()), Reading([data], VALID), UNAVAILABLE)
    assert look is UNAVAILABLE


def test_tags_that_were_there_the_last_time_are_asked_for_at_once() -> None:
    data = entry_of(7, tags=("*", "=t", "=row"))
    request = request_of(expected=("=row",))
    asked, look = told(look_for(process_of(), request), Reading([data], {**VALID, "=row": AS_OF}))
    assert asked == [Read(("k",), ("*", "=t", "=row"))]
    assert look.usable is True
    # The entry need not have them still.
    assert told(look_for(process_of(), request), Reading([entry_of(7)], {**VALID, "=row": None}))[1].usable is True


def test_stamps_that_this_process_knows_are_not_asked_for_unless_it_must_be_fresh() -> None:
    local = Local(monotonic=lambda: 0.0)
    local.alive_until = 1.0
    local.learn(local.mark(), {"*": AS_OF, "=t": AS_OF})
    asked, look = told(look_for(process_of(local), request_of()), Reading([entry_of(7)], {}))
    assert (asked, look.usable) == ([Read(("k",), ())], True)
    strict = Policy(name="p", expire=60, strict=True)
    for request in (request_of(fresh=True), request_of(policy=strict)):
        asked, _ = told(look_for(process_of(local), request))
        assert asked == [Read(("k",), ("*", "=t"))]


def test_an_invalid_entry_is_served_where_the_policy_says_so_and_only_within_its_grace() -> None:
    serves = Policy(name="p", expire=60, grace=60, jitter=0, serve_invalidated=True)
    newer = {"*": AS_OF, "=t": AS_OF + 1}
    look = looked(entry_of(7), newer, policy=serves)
    assert (look.value, look.usable, look.due, look.outdated) == (7, True, True, True)
    assert looked(entry_of(7), newer, policy=serves, now=STALE).usable is False


def test_with_the_store_down_there_is_nothing_unless_the_policy_serves_a_stale_copy() -> None:
    assert told(look_for(process_of(), request_of()), UNAVAILABLE)[1] is UNAVAILABLE
    local = Local(monotonic=lambda: 0.0, now=lambda: AS_OF / 1e6)
    local.alive_until = 1.0
    stale = Policy(name="p", expire=60, grace=60, jitter=0, on_failure="stale")
    process = process_of(local)
    told(look_for(process, request_of(policy=stale)), Reading([entry_of(7)], dict(VALID)))
    _, look = told(look_for(process, request_of(policy=stale, now=FRESH)), UNAVAILABLE)
    assert (look.value, look.usable, look.outdated) == (7, True, True)
    assert told(look_for(process, request_of(policy=stale, now=STALE)), UNAVAILABLE)[1] is UNAVAILABLE
    assert told(look_for(process, request_of(policy=POLICY, now=FRESH)), UNAVAILABLE)[1] is UNAVAILABLE


def test_before_anything_is_read_what_waits_is_delivered() -> None:
    process = process_of()
    process.pending.add(tags=("=t",), keys=("k",), leases=[("l", "token")])
    asked, _ = told(look_for(process, request_of()), [None, 5, 1])
    together = Together((ReleaseLease("l", "token"), Invalidate(("=t",)), Delete(("k",))))
    assert asked == [together, Read(("k",), ("*", "=t"))]
    process.pending.add(tags=("=t",))
    asked, look = told(look_for(process, request_of()), UNAVAILABLE)
    assert (len(asked), look) == (1, UNAVAILABLE)
    assert process.pending.invalidations == 1


def test_nothing_waiting_is_nothing_asked() -> None:
    assert told(settle(process_of())) == ([], True)


def test_bytes_that_are_no_entry_are_noted_and_of_no_use() -> None:
    process, request = process_of(), request_of()
    steps = examine(process, "k", request.tags, b"nonsense", {}, request.codec, POLICY, AS_OF, 1.0, 0)
    asked, look = told(steps, None)
    assert isinstance(asked[0], Note)
    assert look.usable is False
