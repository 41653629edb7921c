"""The listener: pushes of the real server reach the copies of every process."""

import threading
from collections.abc import Callable, Iterator

import pytest
import redis

from frescor import Cache
from frescor.testing import PrivateServer
from waiting import until


def open_cache(server: PrivateServer) -> Cache:
    cache = Cache.from_url(server.url, "test")
    cache.get("first")
    listener = cache._engine.listener
    assert listener is not None
    assert listener.await_alive(10)
    return cache


@pytest.fixture
def two(server: PrivateServer) -> Iterator[tuple[Cache, Cache]]:
    one, other = open_cache(server), open_cache(server)
    yield one, other
    one.close()
    other.close()


class Database:
    def __init__(self) -> None:
        self.value = 0
        self.loads = 0


def reader(cache: Cache, database: Database) -> Callable[[], int]:
    @cache.cached(expire=60, key_prefix="p", tags=("t",))
    def load() -> int:
        database.loads += 1
        return database.value

    return load


def local_hits(cache: Cache) -> int:
    return sum(stats.local for stats in cache.stats().values())


def test_a_repeated_read_is_answered_by_the_process_itself(two: tuple[Cache, Cache]) -> None:
    read = reader(two[0], Database())

    def answers_itself() -> bool:
        # Not before the pushes of this process's own load have come.
        before = local_hits(two[0])
        assert [read(), read()] == [0, 0]
        return local_hits(two[0]) == before + 2

    assert until(answers_itself)


@pytest.mark.parametrize(
    "write",
    [
        lambda cache, key: cache.invalidate("t"),
        lambda cache, key: cache.invalidate_pattern("p:*"),
        lambda cache, key: cache.clear_all(),
        lambda cache, key: cache.delete(key),
    ],
    ids=["tag", "prefix", "all", "key"],
)
def test_an_invalidation_elsewhere_ends_the_copy_here(
    two: tuple[Cache, Cache], write: Callable[[Cache, str], object]
) -> None:
    database = Database()
    here, there = reader(two[0], database), reader(two[1], database)
    for _ in range(3):
        here()
        there()
    key = here.key()  # type: ignore[attr-defined]
    assert two[1]._engine.local.get(key) is not None
    database.value = 1
    write(two[0], key)
    assert here() == 1  # the writer's own process waits for nothing
    assert until(lambda: there() == 1)


def test_a_flush_ends_all_copies(two: tuple[Cache, Cache], server: PrivateServer) -> None:
    database = Database()
    read = reader(two[0], database)
    for _ in range(3):
        read()
    database.value = 1
    with redis.Redis.from_url(server.admin_url) as client:
        client.flushall()
    assert until(lambda: read() == 1)


def test_a_killed_line_ends_all_copies_and_is_opened_again(two: tuple[Cache, Cache], server: PrivateServer) -> None:
    cache = two[0]
    read = reader(cache, Database())
    for _ in range(3):
        read()
    key = read.key()  # type: ignore[attr-defined]
    assert cache._engine.local.get(key) is not None
    with redis.Redis.from_url(server.admin_url) as client:
        client.client_kill_filter(skipme=True)
    assert until(lambda: cache._engine.local.get(key) is None)

    def copied() -> bool:
        read()
        return cache._engine.local.get(key) is not None

    assert until(copied)


def test_a_server_that_hangs_silences_the_copies_within_two_seconds(
    two: tuple[Cache, Cache], server: PrivateServer
) -> None:
    cache = two[0]
    read = reader(cache, Database())
    for _ in range(3):
        read()
    key = read.key()  # type: ignore[attr-defined]
    server.pause()
    try:
        assert until(lambda: cache._engine.local.get(key) is None, within=3.0)
    finally:
        server.resume()


def test_a_strict_policy_asks_the_server_every_time(two: tuple[Cache, Cache]) -> None:
    @two[0].cached(expire=60, key_prefix="p", strict=True)
    def load() -> int:
        return 1

    for _ in range(5):
        load()
    assert local_hits(two[0]) == 0


def test_waiters_elsewhere_are_woken_by_the_push(two: tuple[Cache, Cache], monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a push the waiter would look again only after this.
    monkeypatch.setattr("frescor._runtime.driver.PUSHED_LOOK", 30.0)
    running, may_end = threading.Event(), threading.Event()

    def slow() -> int:
        running.set()
        may_end.wait(10)
        return 7

    results: list[int] = []

    def reading(cache: Cache, loader: Callable[[], int]) -> threading.Thread:
        decorated = cache.cached(expire=60, key_prefix="slow")(loader)
        thread = threading.Thread(target=lambda: results.append(decorated()))
        thread.start()
        return thread

    first = reading(two[0], slow)
    assert running.wait(10)
    second = reading(two[1], slow)
    assert until(lambda: bool(two[1]._engine.local._waiters))
    may_end.set()
    first.join(10)
    second.join(10)
    assert results == [7, 7]


def test_closing_ends_the_thread(server: PrivateServer) -> None:
    cache = open_cache(server)
    thread = cache._engine.listener._thread  # type: ignore[union-attr]
    assert thread is not None
    cache.close()
    assert not thread.is_alive()
