"""Each public call as a generator: what it asks for, without any store."""

from collections.abc import Generator
from typing import Any

import pytest
from readings import told
from unsteady import UnsteadyStore, engine_on

from frescor import MISS, Policy, PolicyError
from frescor._calls.loading import Loading
from frescor._plan import Arrive, LoadAnew
from frescor._protocol.commands import UNAVAILABLE, Delete, Invalidate, Put, Read, Reading
from frescor._protocol.outcome import Outcome, Result
from frescor._runtime.arrival import arrive
from frescor._runtime.engine import Engine
from frescor._surface import calls
from frescor._values.tags import key_tags

POLICY = Policy(name="p", expire=60, grace=60)
STALE = Outcome(1, Result.STALE, due=True, tags=("*",))


@pytest.fixture
def engine() -> Engine:
    return engine_on(UnsteadyStore())


def test_nothing_is_asked_for_what_is_empty(engine: Engine) -> None:
    assert told(calls.get_many(engine, ())) == ([], {})
    assert told(calls.set_many(engine, {}, 60, (), None)) == ([], True)
    assert told(calls.delete(engine, (), None)) == ([], True)
    assert told(calls.get_or_load_many(engine, (), lambda keys: {}, POLICY, None)) == ([], {})


def test_a_miss_by_key_is_the_default_and_the_load_around_it_depends_on_the_key(engine: Engine) -> None:
    with Loading() as load:
        asked, value = told(calls.get(engine, "a:b", MISS, None), Reading([None], {}))
    assert asked == [Read(("a:b",), key_tags("a:b"))]
    assert value is MISS
    assert load.store_tags == key_tags("a:b")
    assert engine.reporter._counters.take() == {"misses|(keys)": 1}


def test_a_pattern_is_one_tag_and_a_key_without_a_star_is_deleted(engine: Engine) -> None:
    assert told(calls.invalidate_pattern(engine, "a:*", None))[0] == [Invalidate(("/a",))]
    assert told(calls.invalidate_pattern(engine, "a:b", None))[0] == [Delete(("a:b",))]
    assert told(calls.clear_all(engine, None))[0] == [Invalidate(("*",))]
    assert told(calls.invalidate(engine, ("t",), None))[0] == [Invalidate(("=t",))]


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: calls.get(engine, "a::b", None, None),
        lambda engine: calls.delete(engine, ("",), None),
        lambda engine: calls.invalidate_pattern(engine, "a*", None),
        lambda engine: calls.get_or_load(engine, ":a", int, POLICY, None),
    ],
)
def test_what_cannot_be_a_key_is_refused_before_anything_is_asked(engine: Engine, call: Any) -> None:
    with pytest.raises(PolicyError):
        next(call(engine))


def test_values_are_put_with_their_time(engine: Engine) -> None:
    asked, stored = told(calls.set_many(engine, {"k": 1}, 2, ("t",), None), None)
    assert (type(asked[0]), asked[0].ttl_ms, asked[0].entries["k"][1]) == (Put, 2000, ("*", "=t"))
    assert stored is True


def test_what_waits_is_warned_of_when_it_begins_to(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert told(calls.invalidate(engine, ("t",), None), UNAVAILABLE)[1] is False
    assert len(caplog.messages) == 1


def served_stale(engine: Engine, monkeypatch: pytest.MonkeyPatch, policy: Policy, anew: object) -> tuple[Any, Any]:
    def read_through(*_: object) -> Generator[Any, Any, Outcome]:
        yield from ()
        return STALE

    monkeypatch.setattr("frescor._surface.calls.plan.read_through", read_through)
    steps = calls.get_or_load(engine, "p:k", int, policy, None)
    arrived = next(steps)
    assert isinstance(arrived, Arrive)
    again = steps.send(arrive(engine, arrived))
    assert isinstance(again, LoadAnew)
    try:
        steps.send(anew)
    except StopIteration as end:
        return again, end.value
    raise AssertionError("it asked for more")


PATIENT = Policy(name="p", expire=60, grace=60, soft_timeout=3)


@pytest.mark.parametrize(
    ("anew", "value"),
    [
        (None, 1),
        (Outcome(2, Result.LOADED), 2),
        (Outcome(None, Result.SHARED), 1),
    ],
    ids=["it goes on", "it ended", "another loads it"],
)
def test_a_stale_value_is_served_unless_a_newer_one_came_in_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, anew: object, value: int
) -> None:
    again, got = served_stale(engine, monkeypatch, PATIENT, anew)
    assert (again.patience, got) == (3, value)


def test_a_failed_load_anew_is_raised_where_the_policy_says_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError):
        served_stale(engine, monkeypatch, PATIENT, LookupError("no row"))
    stale = Policy(name="p", expire=60, grace=60, soft_timeout=3, on_failure="stale")
    assert served_stale(engine, monkeypatch, stale, LookupError("no row"))[1] == 1
