"""What both drivers share: the account of leases and of the clock, and what becomes of a loader."""

from collections.abc import Generator
from typing import Any

import pytest
from unsteady import UnsteadyStore, engine_on

from frescor import Policy
from frescor._calls.loading import Loading
from frescor._plan import Arrive
from frescor._protocol.commands import (
    UNAVAILABLE,
    DependOn,
    Grant,
    Invalidate,
    Load,
    Loaded,
    LoadMany,
    Note,
    Raised,
    ReleaseLease,
    StoreOutcome,
    TakeLease,
    Together,
    Write,
)
from frescor._runtime.engine import Engine
from frescor._runtime.load_under_way import LoadUnderWay, PlanUnderWay
from frescor._values.codec import Codec
from frescor.errors import EntryUnreadable, StoreRejected, StoreUnavailable

POLICY = Policy(name="p", expire=60)


@pytest.fixture
def engine() -> Engine:
    return engine_on(UnsteadyStore())


def nothing() -> Generator[Any, Any, None]:
    yield from ()


@pytest.fixture
def plan(engine: Engine) -> PlanUnderWay[None]:
    return PlanUnderWay(engine, nothing())


WRITE = Write("k", "mine", b"", 1, (), 1000)


def test_a_lease_is_held_from_before_it_is_asked_for_until_it_is_refused(plan: PlanUnderWay[None]) -> None:
    take = TakeLease("k", "mine", (), None)
    plan.asking(take)
    assert plan._leases == {"k": "mine"}
    plan.answered(take, Grant(5, None, {}))
    assert plan._leases == {"k": "mine"}
    plan.answered(take, None)
    assert plan._leases == {}


@pytest.mark.parametrize(
    ("ending", "answer", "held"),
    [
        (ReleaseLease("k", "mine"), None, False),
        (ReleaseLease("k", "mine"), UNAVAILABLE, False),
        (WRITE, StoreOutcome.STORED, False),
        (WRITE, UNAVAILABLE, True),
    ],
)
def test_a_lease_ends_with_what_ends_it(
    plan: PlanUnderWay[None], ending: ReleaseLease | Write, answer: object, held: bool
) -> None:
    plan.asking(TakeLease("k", "mine", (), None))
    plan.answered(ending, answer)
    assert bool(plan._leases) is held


def test_a_lease_without_an_answer_is_not_kept_alive(plan: PlanUnderWay[None]) -> None:
    """It is given back once the store answers; kept alive, it would keep the others waiting for nobody."""
    take = Together((TakeLease("a", "1", (), None), TakeLease("b", "2", (), None)))
    plan.asking(take)
    assert plan._leases == {"a": "1", "b": "2"}
    plan.answered(take, UNAVAILABLE)
    assert plan._leases == {}


def test_of_several_leases_each_has_its_own_answer(plan: PlanUnderWay[None]) -> None:
    take = Together((TakeLease("a", "1", (), None), TakeLease("b", "2", (), None)))
    plan.asking(take)
    plan.answered(take, [None, Grant(5, None, {})])
    assert plan._leases == {"b": "2"}


def test_the_highest_clock_that_was_seen_is_remembered(plan: PlanUnderWay[None], engine: Engine) -> None:
    plan.answered(Invalidate(("=t",)), 9)
    plan.answered(TakeLease("k", "mine", (), None), Grant(7, None, {}))
    assert engine.clock_seen == 9
    plan.answered(TakeLease("k", "mine", (), None), Grant(11, None, {}))
    plan.answered(Invalidate(("=t",)), UNAVAILABLE)
    assert engine.clock_seen == 11


def test_a_refusal_is_warned_of_and_an_outage_is_not(
    plan: PlanUnderWay[None], caplog: pytest.LogCaptureFixture
) -> None:
    assert plan.unanswered(WRITE, StoreUnavailable("down", operation="Write")) is UNAVAILABLE
    assert caplog.messages == []
    assert plan.unanswered(WRITE, StoreRejected("full", operation="Write")) is UNAVAILABLE
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("policy", "counted"), [("p", "errors|p"), ("", "errors|(keys)")])
def test_an_unreadable_entry_is_counted_each_time_and_warned_of_once_without_its_key(
    plan: PlanUnderWay[None], engine: Engine, caplog: pytest.LogCaptureFixture, policy: str, counted: str
) -> None:
    for key in ("person:123", "person:456"):
        plan.note(Note(key, EntryUnreadable("cut off"), policy))
    assert engine.reporter._counters.take() == {counted: 2}
    assert len(caplog.messages) == 1
    assert "123" not in caplog.messages[0]


def test_what_a_call_depends_on_the_load_around_it_depends_on(plan: PlanUnderWay[None]) -> None:
    plan.depend_on(DependOn(("=a",)))
    with Loading() as load:
        plan.depend_on(DependOn(("=a", "=b")))
    assert load.store_tags == ("=a", "=b")


def test_a_call_that_arrived_is_one_that_can_be_loaded(plan: PlanUnderWay[None]) -> None:
    request = plan.arrive(Arrive("p:k", ("*",), POLICY, Codec(int)))
    plan._load = Load("p:k")
    assert plan.arguments == ()
    with plan as load:
        load.value = 7
    assert isinstance(plan._reply, Loaded)
    assert plan._reply.payload == request.codec.encode(7)
    # The value is not to live as long as who asked for it.
    assert load.value is None


def test_a_loader_of_several_keys_gets_them_and_gives_some(plan: PlanUnderWay[None]) -> None:
    for key in ("p:a", "p:b"):
        plan.arrive(Arrive(key, ("*",), POLICY, Codec(int)))
    plan._load = LoadMany(("p:a", "p:b"))
    assert plan.arguments == (("p:a", "p:b"),)
    with plan as load:
        load.value = {"p:b": 7}
    assert list(plan._reply) == ["p:b"]


def test_a_loaders_exception_is_the_plans_and_the_programs_end_is_not(plan: PlanUnderWay[None]) -> None:
    plan.arrive(Arrive("p:k", ("*", "=t"), POLICY, Codec(int)))
    plan._load = Load("p:k")
    error = LookupError("no row")
    with plan as load:
        load.depends_on("row")
        raise error
    assert isinstance(plan._reply, Raised)
    assert (plan._reply.error, plan._reply.tags) == (error, ("*", "=t", "=row"))
    with pytest.raises(KeyboardInterrupt), plan:
        raise KeyboardInterrupt


def test_a_load_that_fails_is_part_of_what_the_load_around_it_depends_on(plan: PlanUnderWay[None]) -> None:
    plan.arrive(Arrive("p:k", ("*", "=t"), POLICY, Codec(int)))
    plan._load = Load("p:k")
    with Loading() as around:
        with plan:
            raise LookupError
        assert set(around.store_tags) == {"*", "=t"}


@pytest.mark.parametrize("has_moved", [True, False])
def test_what_a_function_loaded_after_its_closure_changed_is_for_its_caller_alone(
    plan: PlanUnderWay[None], has_moved: bool
) -> None:
    plan.arrive(Arrive("p:k", ("*",), POLICY, Codec(int), moved=lambda: has_moved))
    plan._load = Load("p:k")
    with plan as load:
        load.value = 7
    assert plan._reply.private is has_moved


def test_only_leases_that_are_held_are_kept_alive(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(engine.keeper, "hold", lambda key, token: kept.append((key, token)))
    plan = PlanUnderWay(engine, nothing())
    requests = {key: plan.arrive(Arrive(key, ("*",), POLICY, Codec(int))) for key in ("p:a", "p:b")}
    load = LoadUnderWay(engine, LoadMany(("p:a", "p:b")), requests, {"p:b": "mine"})
    load.begin()
    load.end(KeyboardInterrupt())
    assert kept == [("p:b", "mine")]
