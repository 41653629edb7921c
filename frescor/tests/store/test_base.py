"""What a store says of itself, so that nobody has to ask of what class it is."""

import math

import pytest

from frescor import Cache
from frescor._copies.listen import Listener
from frescor._copies.listen_cluster import ClusterListener
from frescor._store.base import Store
from frescor._store.memory import MemoryStore
from frescor._store.opening import open_store
from frescor._store.opening_aio import awaited
from frescor._store.server.aio import AsyncRedisStore, AwaitedStore
from frescor._store.server.redis import RedisStore

SERVER, CLUSTER = "redis://localhost:1/0", "redis-cluster://localhost:1"


def opened(url: str, namespace: str = "test") -> Store:
    return open_store(url, namespace, deadline=0.1)


@pytest.mark.parametrize("url", [SERVER, CLUSTER])
def test_stores_of_one_address_and_namespace_are_one_place(url: str) -> None:
    assert opened(url).place == opened(url).place
    assert opened(url).place != opened(url, "other").place
    assert (opened(url).namespace, opened(url).deadline) == ("test", 0.1)


def test_a_store_in_memory_is_a_place_of_its_own_that_nobody_else_sees() -> None:
    one = MemoryStore()
    assert (one.place, one.namespace, one.deadline) == (one, "", math.inf)
    assert one.place != MemoryStore().place


@pytest.mark.parametrize(("url", "kind"), [(SERVER, Listener), (CLUSTER, ClusterListener), ("memory://", type(None))])
def test_copies_are_kept_true_by_the_listener_of_the_kind(url: str, kind: type) -> None:
    with Cache.from_url(url, "test") as cache:
        assert type(cache._engine.listener) is kind
        assert cache._engine.local.enabled == (kind is not type(None))
    with Cache.from_url(url, "test", local=False) as cache:
        assert cache._engine.listener is None


def test_a_store_that_inherits_from_another_is_awaited_as_that_one() -> None:
    class Own(RedisStore):
        pass

    own = opened(SERVER)
    own.__class__ = Own
    assert type(awaited(own)) is AsyncRedisStore
    assert type(awaited(MemoryStore())) is AwaitedStore
