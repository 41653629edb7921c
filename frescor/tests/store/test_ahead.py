from collections.abc import Iterator

import pytest
import redis

from frescor import Cache
from frescor._protocol.commands import Invalidate
from frescor._store.server.ahead import Ahead
from frescor._store.server.redis import RedisStore
from frescor.errors import StoreUnavailable
from frescor.testing import PrivateServer
from frescor.testing.waiting import until

COMMAND = Invalidate(("=sql:a", "=sql:a#1"))


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[Cache]:
    with Cache.from_url(server.url, "test", local=False) as cache:
        cache.set("k", 1, tags=("sql:a",))
        cache.invalidate("sql:b")
        yield cache


def store_of(cache: Cache) -> RedisStore:
    assert isinstance(cache.store, RedisStore)
    return cache.store


def free_places(store: RedisStore) -> int:
    return len(store.connections._places._free)


def sent(store: RedisStore) -> Ahead:
    ahead = store.ahead(COMMAND)
    ahead.prepare()
    ahead.send()
    return ahead


def test_what_was_sent_counts_before_its_answer_is_received(cache: Cache, server: PrivateServer) -> None:
    store = store_of(cache)
    free = free_places(store)
    ahead = sent(store)
    with Cache.from_url(server.url, "test", local=False) as other:
        assert until(lambda: other.get("k") is None)
    first = ahead.answer()
    assert store.perform(COMMAND) > first
    assert free_places(store) == free


def test_what_was_neither_made_ready_nor_sent_is_carried_out_by_the_answer(cache: Cache) -> None:
    store = store_of(cache)
    assert isinstance(store.ahead(COMMAND).answer(), int)
    assert cache.get("k") is None
    ahead = store.ahead(COMMAND)
    ahead.send()
    ahead.send()
    assert isinstance(ahead.answer(), int)


def test_what_is_given_up_holds_no_connection(cache: Cache) -> None:
    store = store_of(cache)
    free = free_places(store)
    ahead = sent(store)
    assert free_places(store) == free - 1
    ahead.give_up()
    ahead.give_up()
    assert free_places(store) == free
    # Nobody is given the answer that was not waited for.
    assert cache.set("k", 2)
    assert cache.get("k") == 2


def test_a_server_that_forgot_the_script_is_given_its_source(cache: Cache, server: PrivateServer) -> None:
    with redis.Redis.from_url(server.admin_url) as admin:
        admin.script_flush()
    assert isinstance(sent(store_of(cache)).answer(), int)
    assert cache.get("k") is None


def test_a_connection_that_was_closed_while_it_was_idle_is_replaced(cache: Cache, server: PrivateServer) -> None:
    with redis.Redis.from_url(server.admin_url) as admin:
        admin.client_kill_filter(_type="normal", skipme=True)
    assert isinstance(sent(store_of(cache)).answer(), int)
    assert cache.get("k") is None


def test_a_server_that_hangs_is_waited_for_once(cache: Cache, server: PrivateServer) -> None:
    store = store_of(cache)
    free = free_places(store)
    server.pause()
    try:
        ahead = sent(store)
        with pytest.raises(StoreUnavailable):
            ahead.answer()
        assert store.breaker.is_open
        # Nothing is sent to it now; the answer says at once why.
        later = sent(store)
        assert free_places(store) == free
        with pytest.raises(StoreUnavailable, match="left alone"):
            later.answer()
    finally:
        server.resume()


def test_a_server_that_is_gone_is_told_of_by_the_answer(cache: Cache, server: PrivateServer) -> None:
    store = store_of(cache)
    free = free_places(store)
    server.stop()
    ahead = sent(store)
    with pytest.raises(StoreUnavailable):
        ahead.answer()
    assert free_places(store) == free
