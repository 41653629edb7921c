"""The application survives its cache: right values, no exception, and no trust in the store before it is due."""

import logging
import threading

import pytest
import redis

from frescor import MISS, Cache, CacheError
from frescor._store.server.redis import RedisStore
from frescor.testing import PrivateServer


def await_back(cache: Cache) -> None:
    """Until the breaker's probe has found the server."""
    store = cache.store
    assert isinstance(store, RedisStore)
    turn = threading.Event()
    for _ in range(5000):
        if store.breaker.reason is None:
            return
        turn.wait(0.002)
    raise AssertionError("the probe did not find the server")


def test_nothing_raises_with_the_store_down() -> None:
    cache = Cache.from_url("unix:///nowhere/there.sock", "test")

    @cache.cached(expire=60, key_prefix="p", name="load")
    def load() -> int:
        return 7

    assert [load(), load(), load.refresh()] == [7, 7, 7]
    assert cache.get("k", MISS) is MISS
    assert cache.get_many("a", "b") == {}
    assert cache.set("k", 1) is False
    assert cache.delete("k") is False
    assert cache.invalidate("t") is False
    assert cache.clear_all() is False
    assert cache.pending == 5  # what was refreshed, in this version and in others; the key, the tag, everything
    with pytest.raises(CacheError, match=r"does not answer.*nowhere|not asked again.*nowhere"):
        cache.stats()
    cache.close()


def test_a_change_of_state_is_one_line_in_the_log(server: PrivateServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with Cache.from_url(server.url, "test") as cache:
        cache.get("k")
        server.kill()
        for _ in range(5):
            cache.get("k")
        server.start()
        await_back(cache)
        for _ in range(5):
            cache.get("k")
    assert [record.message[:17] for record in caplog.records] == ["the cache is off:", "the cache is back"]


def test_an_invalidation_made_while_the_store_hangs_is_delivered_before_it_is_trusted_again(
    server: PrivateServer,
) -> None:
    with Cache.from_url(server.url, "test") as cache:
        database = {"value": "old"}

        @cache.cached(expire=60, key_prefix="p", tags=("t",), name="load")
        def load() -> str:
            return database["value"]

        assert load() == "old"
        server.pause()
        database["value"] = "new"
        assert cache.invalidate("t") is False
        assert load() == "new"
        server.resume()
        await_back(cache)
        assert [load(), load()] == ["new", "new"]
        assert cache.pending == 0


def test_a_value_that_could_not_be_set_leaves_no_older_one_behind(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test") as cache:
        cache.set("k", "old")
        server.pause()
        assert cache.set("k", "new") is False
        server.resume()
        await_back(cache)
        assert cache.get("k", MISS) is MISS


def test_with_the_store_down_one_loader_a_key_runs_at_a_time() -> None:
    cache = Cache.from_url("unix:///nowhere/there.sock", "test")
    running, most, runs = 0, 0, 0
    arrived = threading.Barrier(9)
    go = threading.Event()

    @cache.cached(expire=60, key_prefix="p", name="load")
    def load() -> int:
        nonlocal running, most, runs
        running += 1
        runs += 1
        most = max(most, running)
        go.wait(10)
        running -= 1
        return 1

    def call() -> None:
        arrived.wait(10)
        load()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    arrived.wait(10)
    go.set()
    for thread in threads:
        thread.join()
    assert most == 1
    assert runs <= 8
    cache.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda client, key: client.set(key, b"garbage"),
        lambda client, key: client.set(key, b""),
        lambda client, key: client.delete(key),
    ],
    ids=["garbage", "empty", "gone"],
)
def test_what_stands_under_a_key_but_is_no_entry_is_loaded_again(server: PrivateServer, spoil: object) -> None:
    with Cache.from_url(server.url, "test", local=False) as cache, redis.Redis.from_url(server.admin_url) as client:
        runs = []

        @cache.cached(expire=60, key_prefix="p", name="load")
        def load() -> int:
            runs.append(1)
            return 5

        load()
        (name,) = client.keys("test:e:*")
        spoil(client, name)  # type: ignore[operator]
        assert [load(), load()] == [5, 5]
        assert len(runs) == 2


def test_a_full_server_costs_the_cache_and_nothing_else() -> None:
    with PrivateServer(options={"maxmemory": "1mb", "maxmemory-policy": "noeviction"}, namespaces=["test"]) as server:
        with redis.Redis.from_url(server.admin_url) as client:
            client.config_set("maxmemory", "1")
        with Cache.from_url(server.url, "test") as cache:

            @cache.cached(expire=60, key_prefix="p", name="load")
            def load() -> str:
                return "x" * 1000

            assert load() == load()
            assert cache.set("k", 1) is False


def test_a_server_that_starts_empty_again_is_used_again(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test", local=False) as cache:
        runs = []

        @cache.cached(expire=60, key_prefix="p", tags=("t",), name="load")
        def load() -> int:
            runs.append(1)
            return len(runs)

        assert [load(), load()] == [1, 1]
        server.kill()
        assert load() == 2
        server.start()
        await_back(cache)
        assert [load(), load()] == [3, 3]
        cache.invalidate("t")
        assert load() == 4
