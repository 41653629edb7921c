"""A plan carried out for a caller that waits: what it holds is given back however it ends."""

import threading
from collections.abc import Generator
from typing import Any

import pytest
from unsteady import UnsteadyStore, asking

from frescor import Policy
from frescor._plan import Arrive, LoadAnew, read_through
from frescor._protocol.commands import (
    UNAVAILABLE,
    EndFlight,
    ExtendLease,
    FlightResult,
    GaveUp,
    Grant,
    JoinFlight,
    Pause,
    Read,
    ReleaseLease,
    TakeLease,
    Wait,
)
from frescor._protocol.outcome import Outcome
from frescor._runtime.driver import Driver
from frescor._runtime.engine import Engine
from frescor._values.codec import Codec
from frescor._values.tags import entry_tags
from frescor.errors import StoreRejected, StoreUnavailable

POLICY = Policy(name="p", expire=60)
TAKE = TakeLease("k", "mine", (), None)


@pytest.mark.parametrize("error", [StoreUnavailable, StoreRejected])
def test_what_the_store_does_not_answer_is_unavailable(
    engine: Engine, store: UnsteadyStore, error: type[StoreUnavailable | StoreRejected]
) -> None:
    store.fails = error("no", operation="Read")
    assert Driver(engine, asking(Read(("k",), ()))).run() == [UNAVAILABLE]


def test_a_plan_that_ends_with_a_lease_gives_it_back(engine: Engine, store: UnsteadyStore) -> None:
    (grant,) = Driver(engine, asking(TAKE)).run()
    assert isinstance(grant, Grant)
    assert store.asked[-1] == ReleaseLease("k", "mine")
    assert store.perform(ExtendLease("k", "mine")) is False


def test_a_lease_that_cannot_be_given_back_waits(engine: Engine, store: UnsteadyStore) -> None:
    driver = Driver(engine, asking(TAKE, Pause(0.0), JoinFlight("k")))
    assert driver.wants_load() is False
    store.fails = StoreUnavailable("down", operation="ReleaseLease")
    driver.leave()
    assert engine.pending.snapshot().leases == (("k", "mine"),)


def test_a_plan_that_ends_without_ending_its_flight_wakes_who_waits(engine: Engine) -> None:
    driver = Driver(engine, asking(JoinFlight("k")))
    driver.wants_load()
    assert Driver(engine, asking(JoinFlight("k", wait=False))).run() == [GaveUp.GAVE_UP]
    woken: list[Any] = []
    waiter = threading.Thread(target=lambda: woken.extend(Driver(engine, asking(JoinFlight("k"))).run()))
    waiter.start()
    driver.leave()
    waiter.join(10)
    # It was told that there is nothing to share, or came when the flight had ended, and leads.
    assert woken in ([FlightResult(began=0)], [None])


def test_only_who_leads_a_flight_ends_it(engine: Engine) -> None:
    driver = Driver(engine, asking(JoinFlight("k")))
    driver.wants_load()
    Driver(engine, asking(EndFlight("k", FlightResult(began=3)))).run()
    assert Driver(engine, asking(JoinFlight("k", wait=False))).run() == [GaveUp.GAVE_UP]
    driver.leave()


def test_who_waits_for_a_lease_looks_again_after_a_while(engine: Engine) -> None:
    (waited,) = Driver(engine, asking(Wait("k", 0, engine.local.mark()))).run()
    assert 0 <= waited < 10_000


def test_the_loader_runs_within_the_plan_and_its_value_is_what_comes_back(engine: Engine, store: UnsteadyStore) -> None:
    def steps() -> Generator[Any, Any, Outcome]:
        request = yield Arrive("p:k", entry_tags("p:k", ()), POLICY, Codec(int))
        outcome: Outcome = yield from read_through(engine.process, request)
        return outcome

    runs: list[int] = []

    def load() -> int:
        runs.append(7)
        return 7

    assert [Driver(engine, steps(), load).run().value for _ in range(3)] == [7, 7, 7]
    assert len(runs) == 1
    assert isinstance(store.asked[-1], Read)


def test_a_load_behind_its_caller_is_waited_for_as_long_as_that_is_patient(engine: Engine) -> None:
    may_end = threading.Event()

    def steps(patience: float) -> Generator[Any, Any, Any]:
        request = yield Arrive("p:k", entry_tags("p:k", ()), POLICY, Codec(int))
        return (yield LoadAnew(request, patience))

    def load() -> int:
        may_end.wait(10)
        return 7

    assert Driver(engine, steps(0.0), load).run() is None
    may_end.set()
    outcome = Driver(engine, steps(10.0), load).run()
    assert isinstance(outcome, Outcome)


def test_a_load_behind_its_caller_that_fails_is_counted_and_handed_over(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> int:
        raise LookupError("no row")

    def steps() -> Generator[Any, Any, Any]:
        request = yield Arrive("p:k", entry_tags("p:k", ()), POLICY, Codec(int))
        return (yield LoadAnew(request, 10.0))

    assert isinstance(Driver(engine, steps(), fail).run(), LookupError)
    assert engine.reporter._counters.take()["errors|p"] == 1
    assert any("a refresh failed" in message for message in caplog.messages)
