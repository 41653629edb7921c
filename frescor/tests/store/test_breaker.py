"""The breaker: who is let through while a server is away, and when it is trusted again."""

import threading
from collections.abc import Iterator

import pytest

from frescor._store.connection.breaker import Breaker
from frescor.errors import StoreUnavailable
from waiting import until


class Server:
    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = 0

    def probe(self) -> None:
        self.asked += 1
        if not self.answers.is_set():
            raise StoreUnavailable("no answer")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def breaker(server: Server) -> Iterator[Breaker]:
    breaker = Breaker(server.probe)
    yield breaker
    breaker.close()


def test_closed_it_lets_everybody_through_and_asks_nothing(breaker: Breaker, server: Server) -> None:
    breaker.check("read")
    assert (server.asked, breaker.trips) == (0, 0)


def test_open_it_says_what_was_asked_and_why_at_once(breaker: Breaker) -> None:
    breaker.trip("timed out")
    with pytest.raises(StoreUnavailable, match=r"did not answer.*timed out.*operation read") as error:
        breaker.check("read")
    assert error.value.operation == "read"
    with pytest.raises(StoreUnavailable):
        breaker.check("invalidate", invalidates=True)


def test_many_failures_at_once_open_it_once_with_the_first_reason(breaker: Breaker) -> None:
    told: list[str] = []
    breaker.when_tripped = lambda: told.append("tripped")
    for number in range(5):
        breaker.trip(f"reason {number}")
    assert (breaker.trips, breaker.reason, told) == (1, "reason 0", ["tripped"])


def test_it_closes_once_the_server_answers_and_is_trusted(breaker: Breaker, server: Server) -> None:
    told: list[bool] = []
    breaker.when_back = lambda: told.append(breaker.reason is None)
    breaker.trip("timed out")
    server.answers.set()
    assert until(lambda: told == [False, True])
    breaker.check("read")


def test_a_server_that_answers_and_is_not_trusted_takes_invalidations_alone(breaker: Breaker, server: Server) -> None:
    trusted = threading.Event()
    breaker.restore = trusted.is_set
    server.answers.set()
    breaker.suspect("run-1", "another server")
    breaker.check("invalidate", invalidates=True)
    with pytest.raises(StoreUnavailable, match="answers, and is not trusted yet: another server"):
        breaker.check("read")
    trusted.set()
    assert until(lambda: breaker.reason is None)


def test_a_server_that_fails_again_while_it_is_restored_is_not_trusted(breaker: Breaker, server: Server) -> None:
    restored: list[int] = []

    def restore() -> bool:
        restored.append(breaker.trips)
        if len(restored) == 1:
            breaker.trip("away again")
        return True

    breaker.restore = restore
    server.answers.set()
    breaker.trip("timed out")
    assert until(lambda: breaker.reason is None)
    assert restored == [1, 2]


def test_what_was_restored_on_one_server_does_not_count_for_another(breaker: Breaker) -> None:
    breaker.suspect("run-1", "another server")
    breaker.suspect("run-1", "another server")
    assert breaker.trips == 1
    breaker.suspect("run-2", "yet another")
    assert breaker.trips == 2


def test_in_a_child_it_begins_closed_and_connections_of_before_are_none(breaker: Breaker) -> None:
    breaker.trip("timed out")
    before = breaker.trips
    breaker.start_again()
    breaker.check("read")
    assert breaker.trips == before + 1


def test_closed_for_good_it_neither_opens_nor_waits(breaker: Breaker) -> None:
    breaker.close()
    breaker.trip("timed out")
    breaker.suspect("run-1", "another server")
    breaker.check("read")
    assert not breaker.pause(1000)
