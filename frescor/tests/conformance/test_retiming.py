"""Another time to live for what is stored, on every store and by each driver; and what may come in between."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import time_machine
from unsteady import UnsteadyStore, engine_on

from frescor import Cache, PolicyError
from frescor._protocol.commands import Delete, Invalidate, Put, Together, Write
from frescor._store.memory import MemoryStore
from frescor.errors import StoreUnavailable
from frescor.testing import PrivateServer

NOW = dt.datetime.now(dt.UTC)


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(NOW + dt.timedelta(seconds=seconds), tick=False)


def counted(cache: Cache, **options: object) -> Callable[[], list[int]]:
    runs: list[int] = []
    given = {"expire": 100, "key_prefix": "p", "tags": ("t",), "jitter": 0, "early": False} | options

    def value() -> list[int]:
        runs.append(1)
        return [len(runs)]

    return cache.cached(**given)(value)  # type: ignore[call-overload, no-any-return]


def test_a_touched_value_lives_on_and_ends_by_its_tags_as_before(cache: Cache) -> None:
    value = counted(cache)
    with later(0):
        assert value() == [1]
        assert cache.touch(value.key(), 1000)  # type: ignore[attr-defined]
        cache.set("k", 1, expire=50, tags=("t",))
        assert cache.touch("k", dt.timedelta(seconds=1000))
        assert cache.touch("nothing", 1000) is False
    with later(900):
        assert value() == [1]
        assert cache.get("k") == 1
        cache.invalidate("t")
        assert cache.touch("k", 1000) is False
        assert cache.get("k") is None
        assert value() == [2]
        assert cache.touch(value.key(), 10)  # type: ignore[attr-defined]
    with later(920):
        assert value() == [3]


def test_an_expired_value_is_served_for_its_grace_while_it_is_loaded_anew(cache: Cache) -> None:
    value = counted(cache, grace=500, soft_timeout=30)
    with later(0):
        assert value() == [1]
        assert cache.expire(value.key())  # type: ignore[attr-defined]
        # It is past its time, so somebody loads it anew; this caller waits for that.
        assert value() == [2]
        assert value() == [2]
        cache.set("k", 1, tags=("t",))
        assert cache.expire("k")
        assert cache.get("k") is None
        assert cache.expire("nothing")


def test_a_sealed_value_stays_sealed(cache: Cache) -> None:
    value = counted(cache, sealed=True)
    with later(0):
        assert value() == [1]
        assert cache.touch(value.key(), 1000)  # type: ignore[attr-defined]
    with later(900):
        assert value() == [1]


def test_an_expired_value_is_there_while_the_new_one_is_loaded() -> None:
    with Cache.from_url("memory://", "p") as cache:
        begin, go = threading.Event(), threading.Event()
        runs: list[int] = []

        @cache.cached(expire=100, key_prefix="p", grace=500, early=False)
        def value() -> int:
            runs.append(1)
            if len(runs) > 1:
                begin.set()
                assert go.wait(10)
            return len(runs)

        assert value() == 1
        assert cache.expire(value)
        assert value() == 1
        assert begin.wait(10)
        assert value() == 1
        go.set()


class Between(MemoryStore):
    """Something happens just before an entry with its new time is written."""

    def __init__(self, *commands: Invalidate | Delete | Put) -> None:
        super().__init__()
        self.commands = list(commands)

    def perform(self, command: object) -> object:
        if isinstance(command, Write) and self.commands:
            # The load of the entry itself is not meant.
            if self._stamp("=t") is None:
                return super().perform(command)
            super().perform(self.commands.pop())
        return super().perform(command)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [lambda cache, key: cache.touch(key, 1000), lambda cache, key: cache.expire(key)])
def test_an_invalidation_that_comes_in_between_ends_the_entry_all_the_same(
    call: Callable[[Cache, str], bool],
) -> None:
    cache = Cache(engine_on(Between(Invalidate(("=t",))), chance={"now": time.time}))
    value = counted(cache, grace=500, soft_timeout=30)
    assert value() == [1]
    call(cache, value.key())  # type: ignore[attr-defined]
    assert value() == [2]


def test_a_value_that_was_deleted_in_between_does_not_come_back() -> None:
    store = Between()
    cache = Cache(engine_on(store, chance={"now": time.time}))
    value = counted(cache)
    value()
    store.commands.append(Delete((value.key(),)))  # type: ignore[attr-defined]
    assert cache.touch(value.key(), 1000) is False  # type: ignore[attr-defined]
    assert value() == [2]


def test_with_the_store_down_nothing_is_touched_and_what_was_to_expire_is_deleted_later() -> None:
    store = UnsteadyStore()
    cache = Cache(engine_on(store))
    value = counted(cache, grace=500)
    value()
    store.fails = StoreUnavailable("gone")
    assert cache.touch(value.key(), 1000) is False  # type: ignore[attr-defined]
    assert cache.expire(value.key()) is False  # type: ignore[attr-defined]
    store.fails = None
    store.asked.clear()
    assert value() == [2]
    (together,) = [asked for asked in store.asked if isinstance(asked, Together)][:1]
    assert Delete((value.key(),)) in together.commands  # type: ignore[attr-defined]


@pytest.fixture
def two_processes() -> Iterator[tuple[Cache, Cache]]:
    with (
        PrivateServer() as server,
        Cache.from_url(server.url, "p", timeout=5) as one,
        Cache.from_url(server.url, "p", timeout=5) as other,
    ):
        yield one, other


def test_other_processes_drop_their_copies_of_what_is_past_its_time(two_processes: tuple[Cache, Cache]) -> None:
    one, other = two_processes
    value = counted(other, expire=1000)
    value()
    listener = other._engine.listener
    assert listener is not None
    assert listener.await_alive(10)
    value(), value()
    key = value.key()  # type: ignore[attr-defined]
    assert other._engine.local.get(key) is not None
    assert one.expire(key, confirm=True)
    assert other._engine.local.get(key) is None
    assert value() == [2]


def test_a_loader_that_gives_its_own_entry_another_time_is_told_what_to_write() -> None:
    with Cache.from_url("memory://", "p") as cache:

        @cache.cached(expire=60, key_prefix="p")
        def value() -> int:
            cache.touch(value.key(), 600)
            return 1

        with pytest.raises(PolicyError, match=r"current_load\(\)\.expire"):
            value()
