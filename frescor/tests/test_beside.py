"""Calls within a transaction that has changed something: `Engine.dirty_check` says so, here as a test sets it."""

import threading

from frescor import Cache, current_load
from frescor.testing import PrivateServer


def test_a_dirty_transaction_reads_beside_the_cache_what_it_has_changed(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        state = {"a": 1, "b": 1}

        @cache.cached(expire=60, key_prefix="of", name="load")
        def load(name: str) -> int:
            current_load().depends_on(name)
            return state[name]

        assert [load("a"), load("b")] == [1, 1]
        state.update(a=2, b=2)
        cache._engine.dirty_check = lambda tags: not tags or "a" in tags
        assert [load("a"), load("b")] == [2, 1]
        assert cache.get_or_load_many(["k:a"], lambda keys: dict.fromkeys(keys, 7), load.policy) == {"k:a": 7}
        cache._engine.dirty_check = None
        # Neither stored nor shared: it may be rolled back.
        assert [load("a"), load("b")] == [1, 1]
        assert cache.get("k:a") is None
        stats = cache.stats()["of"]
        assert (stats.bypassed, stats.loads) == (2, 2)


def test_a_dirty_transaction_waits_for_nobody(server: PrivateServer) -> None:
    """Who holds the lease may wait for a row that the transaction has locked."""
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        dirty = threading.local()
        cache._engine.dirty_check = lambda tags: getattr(dirty, "yes", False)
        locked, loading = threading.Event(), threading.Event()

        @cache.cached(expire=60, key_prefix="of", name="load")
        def load() -> int:
            if getattr(dirty, "yes", False):
                return 2
            loading.set()
            assert locked.wait(10)
            return 1

        other = threading.Thread(target=load)
        other.start()
        assert loading.wait(10)
        dirty.yes = True
        assert load() == 2
        locked.set()
        other.join()
        dirty.yes = False
        assert load() == 1


def test_the_highest_clock_that_was_seen_is_kept(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        engine = cache._engine
        assert engine.clock_seen == 0
        cache.get_or_load("k", lambda: 1, cache.cached(expire=60, key_prefix="p")(lambda: 1).policy)
        first = engine.clock_seen
        assert first > 0
        cache.invalidate("t")
        assert engine.clock_seen > first
