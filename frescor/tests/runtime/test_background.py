"""What a process asks of its store with no caller waiting."""

import pytest
from unsteady import UnsteadyStore, engine_on

from frescor._protocol.commands import Delete, Grant, Invalidate, ReleaseLease, TakeLease, Together
from frescor._runtime.background import deliver, extend
from frescor.errors import StoreRejected, StoreUnavailable


def test_all_that_waits_is_delivered_at_once_and_waits_no_more() -> None:
    store = UnsteadyStore()
    engine = engine_on(store)
    engine.pending.add(tags=("=a",), keys=("k",), leases=[("l", "token")])
    engine.pending.add(tags=("=b",), durable=True)
    deliver(store, engine.process)
    assert store.asked == [
        Together(
            (
                ReleaseLease("l", "token"),
                Invalidate(("=a",), durable=False),
                Invalidate(("=b",), durable=True),
                Delete(("k",)),
            )
        )
    ]
    assert not engine.pending
    deliver(store, engine.process)
    assert len(store.asked) == 1


@pytest.mark.parametrize("error", [StoreUnavailable, StoreRejected])
def test_what_the_store_does_not_take_goes_on_waiting(error: type[StoreUnavailable | StoreRejected]) -> None:
    store = UnsteadyStore()
    engine = engine_on(store)
    engine.pending.add(tags=("=a",))
    store.fails = error("no", operation="Together")
    deliver(store, engine.process)
    assert (len(store.asked), engine.pending.invalidations) == (1, 1)


def test_a_store_that_is_back_gets_it_without_a_call() -> None:
    class Away(UnsteadyStore):
        def when_back(self, call: object) -> None:
            self.call = call

    store = Away()
    engine = engine_on(store)
    engine.pending.add(tags=("=a",))
    assert callable(store.call)
    store.call()
    assert not engine.pending


def test_a_lease_is_extended_for_its_holder_alone() -> None:
    store = UnsteadyStore()
    assert isinstance(store.perform(TakeLease("k", "mine", (), None)), Grant)
    assert extend(store, "k", "mine") is True
    assert extend(store, "k", "another") is False
    store.perform(ReleaseLease("k", "mine"))
    assert extend(store, "k", "mine") is False
