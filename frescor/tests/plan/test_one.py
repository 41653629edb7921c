"""One key: what is asked for, in what order, on the ways that a call may go."""

import pytest
from readings import AS_OF, CODEC, FRESH, VALID, entry_of, process_of, request_of, told

from frescor._plan import read_beside, read_through
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    Delete,
    DependOn,
    EndFlight,
    FlightResult,
    GaveUp,
    Grant,
    Invalidate,
    JoinFlight,
    Load,
    Loaded,
    Raised,
    Read,
    Reading,
    ReleaseLease,
    StoreOutcome,
    TakeLease,
    Together,
    Wait,
    Write,
)
from frescor._protocol.outcome import Outcome, Result

NONE = Reading([None], {"*": AS_OF, "=t": AS_OF})
GRANT = Grant(AS_OF, None, {})
RELEASE = ReleaseLease("k", "mine")


def loaded(value: object = 7, **fields: object) -> Loaded:
    return Loaded(CODEC.encode(value), 6, 0, AS_OF, **fields)  # type: ignore[arg-type]  # each test gives what it is about


def kinds(asked: list[object]) -> list[type]:
    return [type(command) for command in asked]


def test_a_valid_entry_is_one_reading() -> None:
    asked, outcome = told(read_through(process_of(), request_of()), Reading([entry_of(7)], VALID))
    assert asked == [Read(("k",), ("*", "=t"))]
    assert outcome == Outcome(7, Result.HIT, tags=("*", "=t"))


def test_an_entry_past_its_time_is_served_and_due() -> None:
    _, outcome = told(read_through(process_of(), request_of(now=FRESH)), Reading([entry_of(7)], VALID))
    assert (outcome.value, outcome.result, outcome.due) == (7, Result.STALE, True)


def test_a_miss_leads_takes_the_lease_loads_stores_and_tells_who_waits() -> None:
    steps = read_through(process_of(), request_of())
    asked, outcome = told(steps, NONE, None, GRANT, loaded(), StoreOutcome.STORED, None)
    assert kinds(asked) == [Read, JoinFlight, TakeLease, Load, Write, EndFlight]
    assert (asked[4].token, asked[4].as_of, asked[4].tags) == ("mine", AS_OF, ("*", "=t"))
    assert asked[5].result == FlightResult(6, payload=CODEC.encode(7), tags=("*", "=t"))
    assert outcome == Outcome(7, Result.LOADED, tags=("*", "=t"))


@pytest.mark.parametrize(
    ("stored", "result"),
    [(StoreOutcome.SUPERSEDED, Result.SUPERSEDED), (StoreOutcome.LEASE_LOST, Result.SUPERSEDED)],
)
def test_a_value_that_was_not_stored_is_its_callers_all_the_same(stored: StoreOutcome, result: Result) -> None:
    _, outcome = told(read_through(process_of(), request_of()), NONE, None, GRANT, loaded(), stored, None)
    assert (outcome.value, outcome.result) == (7, result)


def test_a_write_without_an_answer_gives_the_lease_back() -> None:
    steps = read_through(process_of(), request_of())
    asked, outcome = told(steps, NONE, None, GRANT, loaded(), UNAVAILABLE, None, None)
    assert asked[5] == RELEASE
    assert outcome.result is Result.DEGRADED


def test_a_load_in_an_older_snapshot_is_as_of_that() -> None:
    asked, _ = told(read_through(process_of(), request_of()), NONE, None, GRANT, loaded(as_of=AS_OF - 9))
    assert asked[-1].as_of == AS_OF - 9


@pytest.mark.parametrize("fields", [{"ttl_ms": 0}, {"private": True}], ids=["not to be stored", "private"])
def test_what_is_not_to_be_stored_gives_the_lease_back(fields: dict[str, object]) -> None:
    asked, outcome = told(read_through(process_of(), request_of()), NONE, None, GRANT, loaded(**fields), None, None)
    assert asked[4] == RELEASE
    assert (asked[5].result == NOTHING_SHARED) is ("private" in fields)
    assert outcome.value == 7


def test_a_loaders_exception_ends_lease_and_waiting_before_it_is_raised() -> None:
    error = LookupError("no row")
    steps = read_through(process_of(), request_of())
    for answer in (None, NONE, None, GRANT):
        steps.send(answer)
    assert steps.send(Raised(error, 6, ("*",))) == RELEASE
    assert steps.send(None) == EndFlight("k", FlightResult(6, error=error, tags=("*",)))
    with pytest.raises(LookupError, match="no row"):
        steps.send(None)


def test_another_callers_load_answers_who_came_before_it_began() -> None:
    landing = FlightResult(6, payload=CODEC.encode(9), tags=("*",))
    _, outcome = told(read_through(process_of(), request_of(arrived=5)), NONE, landing)
    assert outcome == Outcome(9, Result.SHARED, tags=("*",))


@pytest.mark.parametrize(
    "landing",
    [FlightResult(4, payload=CODEC.encode(9)), FlightResult(6, payload=CODEC.encode(9), shape=3), NOTHING_SHARED],
    ids=["began before", "of another version", "nothing to share"],
)
def test_a_load_that_cannot_answer_is_looked_for_in_the_store(landing: FlightResult) -> None:
    asked, outcome = told(
        read_through(process_of(), request_of(arrived=5)), NONE, landing, Reading([entry_of(7)], VALID)
    )
    assert kinds(asked) == [Read, JoinFlight, Read]
    assert outcome.value == 7


def test_an_exception_is_shared_with_those_who_waited_and_what_it_depends_on_too() -> None:
    steps = read_through(process_of(), request_of(arrived=5))
    for answer in (None, NONE):
        steps.send(answer)
    assert steps.send(FlightResult(6, error=LookupError("no row"), tags=("=row",))) == DependOn(("=row",))
    with pytest.raises(LookupError, match="no row"):
        steps.send(None)


def test_who_waited_too_long_loads_and_does_not_store() -> None:
    asked, outcome = told(read_through(process_of(), request_of()), NONE, GaveUp.GAVE_UP, loaded(), None)
    assert kinds(asked) == [Read, JoinFlight, Load, EndFlight]
    assert outcome.result is Result.GAVE_UP


def test_behind_its_caller_it_waits_for_nobody() -> None:
    request = request_of(refresh=True, background=True)
    asked, outcome = told(read_through(process_of(), request), NONE, GaveUp.GAVE_UP)
    assert asked[1] == JoinFlight("k", wait=False)
    assert outcome == Outcome(None, Result.SHARED)
    asked, outcome = told(read_through(process_of(), request), NONE, None, None, None)
    assert kinds(asked) == [Read, JoinFlight, TakeLease, EndFlight]
    assert outcome == Outcome(None, Result.SHARED)


def test_while_another_process_loads_it_waits_and_looks_again() -> None:
    steps = read_through(process_of(), request_of())
    asked, outcome = told(steps, NONE, None, None, 2.0, Reading([entry_of(7)], VALID), None)
    assert kinds(asked) == [Read, JoinFlight, TakeLease, Wait, Read, EndFlight]
    assert outcome.value == 7


def test_another_process_that_takes_for_ever_is_not_waited_for_for_ever() -> None:
    steps = read_through(process_of(), request_of())
    asked, outcome = told(steps, NONE, None, None, 30_000.0, NONE, None, loaded(), None)
    assert kinds(asked) == [Read, JoinFlight, TakeLease, Wait, Read, TakeLease, Load, EndFlight]
    assert outcome.result is Result.GAVE_UP


def test_what_another_process_stored_in_between_comes_with_the_lease() -> None:
    grant = Grant(AS_OF, entry_of(7), VALID)
    asked, outcome = told(read_through(process_of(), request_of()), NONE, None, grant, None, None)
    assert kinds(asked) == [Read, JoinFlight, TakeLease, ReleaseLease, EndFlight]
    assert (outcome.value, outcome.result) == (7, Result.HIT)


def test_with_the_store_down_it_loads_one_at_a_time() -> None:
    asked, outcome = told(read_through(process_of(), request_of()), UNAVAILABLE, None, loaded(), None)
    assert kinds(asked) == [Read, JoinFlight, Load, EndFlight]
    assert (outcome.value, outcome.result) == (7, Result.DEGRADED)


def test_a_refresh_loads_over_what_is_there() -> None:
    steps = read_through(process_of(), request_of(refresh=True))
    asked, outcome = told(steps, Reading([entry_of(1)], VALID), None, GRANT, loaded(), StoreOutcome.STORED, None)
    assert kinds(asked) == [Read, JoinFlight, TakeLease, Load, Write, EndFlight]
    assert outcome.value == 7


def test_a_refresh_that_was_not_stored_deletes_what_is_older() -> None:
    steps = read_through(process_of(), request_of(refresh=True))
    answers = (Reading([entry_of(1)], VALID), None, GRANT, loaded(), StoreOutcome.SUPERSEDED, None)
    asked, _ = told(steps, *answers)
    assert isinstance(asked[-1], Delete | Together)
    deleted = asked[-1] if isinstance(asked[-1], Delete) else asked[-1].commands[-1]
    assert deleted == Delete(("k",))


def test_beside_a_transaction_it_takes_no_lease_and_stores_nothing() -> None:
    asked, outcome = told(read_beside(process_of(), request_of(), lambda _: False), NONE, loaded())
    assert kinds(asked) == [Read, Load]
    assert outcome == Outcome(7, Result.BYPASSED, tags=("*", "=t"))


@pytest.mark.parametrize("changed", [True, False])
def test_beside_a_transaction_it_takes_what_that_has_not_changed(changed: bool) -> None:
    seen: list[tuple[str, ...]] = []

    def has_changed(tags: tuple[str, ...]) -> bool:
        seen.append(tags)
        return changed

    steps = read_beside(process_of(), request_of(), has_changed)
    asked, outcome = told(steps, Reading([entry_of(1)], VALID), loaded())
    assert seen == [("*", "=t")]
    assert (outcome.value, len(asked)) == ((7, 2) if changed else (1, 1))


def test_no_plan_invalidates_by_a_read() -> None:
    asked, _ = told(read_through(process_of(), request_of()), NONE, None, GRANT, loaded(), StoreOutcome.STORED, None)
    assert not any(isinstance(command, Invalidate | Delete) for command in asked)
