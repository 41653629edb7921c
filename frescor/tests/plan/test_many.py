"""Several keys: one reading, and one load of all that is missing."""

import pytest
from readings import AS_OF, CODEC, VALID, entry_of, process_of, request_of, told

from frescor._plan import read_beside_many, read_through_many
from frescor._protocol.commands import (
    UNAVAILABLE,
    EndFlight,
    GaveUp,
    Grant,
    JoinFlight,
    Loaded,
    LoadMany,
    Raised,
    Read,
    Reading,
    ReleaseLease,
    StoreOutcome,
    TakeLease,
    Together,
    Write,
)
from frescor._protocol.outcome import Result

REQUESTS = {key: request_of(key=key, token=f"mine-{key}") for key in ("a", "b")}
NONE = Reading([None, None], dict(VALID))
GRANT = Grant(AS_OF, None, {})


def loaded(value: object) -> Loaded:
    return Loaded(CODEC.encode(value), 6, 0, AS_OF)


def test_all_that_are_there_are_one_reading() -> None:
    entries: list[bytes | None] = [entry_of(number, key=key) for number, key in enumerate(REQUESTS)]
    asked, found = told(read_through_many(process_of(), REQUESTS), Reading(entries, dict(VALID)))
    assert asked == [Read(("a", "b"), ("*", "=t"))]
    assert {key: outcome.value for key, outcome in found.items()} == {"a": 0, "b": 1}


def test_leases_and_writes_are_a_round_trip_each_and_the_load_is_one() -> None:
    steps = read_through_many(process_of(), REQUESTS)
    stored = [StoreOutcome.STORED, StoreOutcome.SUPERSEDED]
    answers = (NONE, None, None, [GRANT, GRANT], {"a": loaded(1), "b": loaded(2)}, stored, None, None)
    asked, found = told(steps, *answers)
    assert [type(command) for command in asked] == [
        *(Read, JoinFlight, JoinFlight, Together, LoadMany, Together, EndFlight, EndFlight)
    ]
    assert {type(command) for command in asked[3].commands} == {TakeLease}
    assert {type(command) for command in asked[5].commands} == {Write}
    assert [found[key].result for key in "ab"] == [Result.LOADED, Result.SUPERSEDED]


def test_a_key_that_the_loader_gives_nothing_for_is_left_out_and_its_lease_given_back() -> None:
    steps = read_through_many(process_of(), REQUESTS)
    answers = (NONE, None, None, [GRANT, GRANT], {"a": loaded(1)}, [StoreOutcome.STORED, None], None, None)
    asked, found = told(steps, *answers)
    assert asked[5].commands[1] == ReleaseLease("b", "mine-b")
    assert found.keys() == {"a"}


def test_what_another_caller_loads_is_waited_for_after_ones_own_load() -> None:
    steps = read_through_many(process_of(), REQUESTS)
    other = Reading([entry_of(9, key="b")], dict(VALID))
    answers = (NONE, None, GaveUp.GAVE_UP, [GRANT], {"a": loaded(1)}, [StoreOutcome.STORED], None, other)
    asked, found = told(steps, *answers)
    assert asked[4] == LoadMany(("a",))
    assert {key: outcome.value for key, outcome in found.items()} == {"a": 1, "b": 9}


def test_what_another_process_loads_is_no_part_of_ones_own_load() -> None:
    steps = read_through_many(process_of(), REQUESTS)
    asked, _ = told(steps, NONE, None, None, [GRANT, None], None)
    assert asked[4] == EndFlight("b", asked[4].result)
    assert asked[5] == LoadMany(("a",))


def test_with_the_store_down_all_is_loaded_at_once_and_not_stored() -> None:
    steps = read_through_many(process_of(), REQUESTS)
    asked, found = told(steps, UNAVAILABLE, None, None, {"a": loaded(1), "b": loaded(2)}, None, None)
    assert [type(command) for command in asked] == [Read, JoinFlight, JoinFlight, LoadMany, EndFlight, EndFlight]
    assert {outcome.result for outcome in found.values()} == {Result.DEGRADED}


def test_leases_without_an_answer_are_given_back_once_the_store_is_back() -> None:
    process = process_of()
    told(read_through_many(process, REQUESTS), NONE, None, None, UNAVAILABLE)
    assert set(process.pending.snapshot().leases) == {("a", "mine-a"), ("b", "mine-b")}


def test_a_loaders_exception_gives_the_leases_back_and_is_told_to_all() -> None:
    steps = read_through_many(process_of(), REQUESTS)
    for answer in (None, NONE, None, None, [GRANT, GRANT]):
        steps.send(answer)
    released = steps.send(Raised(LookupError("no row"), 6))
    assert released == Together((ReleaseLease("a", "mine-a"), ReleaseLease("b", "mine-b")))
    ended = [steps.send([None, None]), steps.send(None)]
    assert [command.key for command in ended if isinstance(command, EndFlight)] == ["a", "b"]
    with pytest.raises(LookupError, match="no row"):
        steps.send(None)


def test_beside_a_transaction_no_lease_is_taken_and_what_it_changed_is_loaded() -> None:
    entries: list[bytes | None] = [entry_of(number, key=key) for number, key in enumerate(REQUESTS)]
    steps = read_beside_many(process_of(), REQUESTS, lambda _: True)
    asked, found = told(steps, Reading(entries, dict(VALID)), {"a": loaded(5), "b": loaded(6)})
    assert asked == [Read(("a", "b"), ("*", "=t")), LoadMany(("a", "b"))]
    assert [(found[key].value, found[key].result) for key in "ab"] == [(5, Result.BYPASSED), (6, Result.BYPASSED)]
