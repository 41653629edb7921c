"""A lock that one caller in the fleet holds."""

from frescor import Cache
from frescor._doors.fleet_lock import FleetLock
from frescor.testing import PrivateServer


def test_a_lock_is_held_by_one_cache_of_the_fleet(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test") as one, Cache.from_url(server.url, "ns") as other:
        first, beside = FleetLock(one, "key"), FleetLock(other, "key")
        assert first.acquire()
        assert FleetLock(one, "key").locked()
        assert not beside.locked()
        first.release()
        assert not FleetLock(one, "key").locked()


def test_another_cache_of_the_namespace_waits_for_it(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test") as one, Cache.from_url(server.url, "test") as other:
        first, second = FleetLock(one, "key"), FleetLock(other, "key")
        assert first.acquire()
        assert second.acquire(wait=False) is False
        first.release()
        assert second.acquire(wait=False)
        second.release()


def test_with_the_store_down_it_is_a_lock_of_this_process() -> None:
    with Cache.from_url("redis://127.0.0.1:1", "test") as cache:
        lock = FleetLock(cache, "key")
        assert lock.acquire()
        assert FleetLock(cache, "key").acquire(wait=False) is False
        lock.release()
