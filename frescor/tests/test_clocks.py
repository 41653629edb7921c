"""A test that moves the time: what expires then, and that nothing waits for a clock that stands still."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import freezegun
import pytest
import time_machine

from frescor import Cache
from frescor._clocks import machine_clock, wall_clock
from frescor._protocol.commands import TakeLease
from frescor.testing import PrivateServer

NOON = dt.datetime(2031, 5, 1, 12, tzinfo=dt.UTC)
PAST = dt.datetime(1999, 12, 31, tzinfo=dt.UTC)
At = Callable[[dt.datetime], AbstractContextManager[object]]


def frozen(moment: dt.datetime) -> AbstractContextManager[object]:
    return freezegun.freeze_time(moment)


def travelled(moment: dt.datetime) -> AbstractContextManager[object]:
    return time_machine.travel(moment, tick=False)


@pytest.fixture(params=[frozen, travelled], ids=["freezegun", "time-machine"])
def at(request: pytest.FixtureRequest) -> At:
    moved: At = request.param
    return moved


@pytest.fixture(params=["memory", "server"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    if request.param == "memory":
        with Cache.from_url("memory://", "moved") as cache:
            yield cache
        return
    with PrivateServer() as server, Cache.from_url(server.url, "moved", local=False) as cache:
        yield cache


def counted(cache: Cache) -> Callable[[], int]:
    runs: list[int] = []

    @cache.cached(expire=300, key_prefix="p", jitter=0, early=False)
    def value() -> int:
        runs.append(1)
        return len(runs)

    return value


@pytest.mark.parametrize("start", [NOON, PAST], ids=["later", "earlier"])
def test_a_value_lives_for_its_time_by_the_moved_clock(cache: Cache, at: At, start: dt.datetime) -> None:
    value = counted(cache)
    seen = []
    for seconds in (0, 299, 301, 600, 602):
        with at(start + dt.timedelta(seconds=seconds)):
            seen.append(value())
    assert seen == [1, 1, 2, 2, 3]


def test_a_clock_that_goes_back_and_forth_costs_loads_and_nothing_else(cache: Cache, at: At) -> None:
    value = counted(cache)
    assert value() == 1
    with at(PAST):
        assert (value(), value()) == (2, 2)
        cache.invalidate_pattern("p:*")
        assert (value(), value()) == (3, 3)
    assert value() == 4
    assert value() == 4
    cache.invalidate_pattern("p:*")
    with at(NOON):
        assert value() == 5


def test_what_is_set_ends_by_the_moved_clock_too(cache: Cache, at: At) -> None:
    with at(NOON):
        cache.set("k", 1, expire=60)
        assert cache.get("k") == 1
    with at(NOON + dt.timedelta(seconds=61)):
        assert cache.get("k") is None


def test_a_server_that_hangs_is_given_up_while_the_clock_stands_still(at: At) -> None:
    with PrivateServer() as server, Cache.from_url(server.url, "moved", timeout=0.05) as cache:
        value = counted(cache)
        with at(NOON):
            assert value() == 1
            server.pause()
            assert value() == 2
            server.resume()


def test_a_lease_of_a_process_that_is_gone_is_waited_for_in_real_time(at: At) -> None:
    with PrivateServer() as server, Cache.from_url(server.url, "moved") as cache:

        @cache.cached(expire=300, key_prefix="p")
        def value() -> int:
            return 1

        with at(NOON):
            assert cache.store.perform(TakeLease(value.key(), "another", (), None)) is not None
            found: list[int] = []
            thread = threading.Thread(target=lambda: found.append(value()), daemon=True)
            thread.start()
            thread.join(20)
            assert found == [1]


def test_the_machines_clock_goes_on_wherever_the_programs_stands() -> None:
    before = machine_clock()
    with travelled(PAST):
        assert wall_clock() == PAST.timestamp()
        assert before <= machine_clock() < before + 60
    with frozen(PAST):
        assert wall_clock() == PAST.timestamp()
        assert before <= machine_clock() < before + 60
