"""Flights and the keeper of leases."""

import threading

from frescor._protocol.commands import FlightResult, GaveUp
from frescor._runtime.lease import Flights, Keeper
from frescor.errors import StoreUnavailable


def test_the_first_leads_and_the_others_get_what_it_landed_with() -> None:
    flights = Flights()
    assert flights.join("k", 1) is None
    got: list[object] = []
    waiters = [threading.Thread(target=lambda: got.append(flights.join("k", 10))) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    shared = FlightResult(began=1, payload=b"x")
    flights.finish("k", shared)
    for waiter in waiters:
        waiter.join()
    # One that came after the end leads the next flight.
    assert all(result is shared or result is None for result in got)
    assert got.count(None) <= 1


def test_waiting_ends_with_its_time() -> None:
    flights = Flights()
    flights.join("k", 0)
    assert flights.join("k", 0) is GaveUp.GAVE_UP


def test_events_are_numbered_in_order_from_one() -> None:
    flights = Flights()
    assert [flights.tick() for _ in range(3)] == [1, 2, 3]


def test_held_leases_are_extended_until_they_are_dropped_or_lost() -> None:
    extended: list[str] = []
    turns = threading.Semaphore(0)

    def extend(key: str, token: str) -> bool:
        extended.append(token)
        turns.release()
        if token == "down":
            raise StoreUnavailable("away")
        return token != "lost"

    keeper = Keeper(extend, every=0.001)
    for token in ("kept", "lost", "down"):
        keeper.hold("k", token)
    for _ in range(12):
        assert turns.acquire(timeout=10)
    keeper.drop("kept")
    keeper.drop("down")
    assert extended.count("lost") == 1
    assert extended.count("kept") > 1
    assert extended.count("down") > 1
