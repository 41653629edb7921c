"""The store for an address, and its awaited form; neither connects."""

import pytest

from frescor import PolicyError
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.cluster.cluster_aio import AsyncClusterStore
from frescor._store.memory import MemoryStore
from frescor._store.opening import open_store
from frescor._store.opening_aio import awaited
from frescor._store.server.aio import AsyncRedisStore, AwaitedStore
from frescor._store.server.redis import RedisStore

KINDS: dict[str, tuple[type, type]] = {
    "memory://": (MemoryStore, AwaitedStore),
    "redis://127.0.0.1:1/0": (RedisStore, AsyncRedisStore),
    "redis-sentinel://127.0.0.1:1/service/0": (RedisStore, AsyncRedisStore),
    "redis-cluster://127.0.0.1:1": (ClusterStore, AsyncClusterStore),
}


@pytest.mark.parametrize("url", KINDS)
def test_each_address_has_a_store_and_that_an_awaited_form(url: str) -> None:
    kind, awaited_kind = KINDS[url]
    store = open_store(url, "shop", deadline=1)
    assert type(store) is kind
    assert type(awaited(store)) is awaited_kind
    store.close()


def test_a_store_of_another_class_answers_event_loops_at_once() -> None:
    class Own(MemoryStore):
        """Somebody's own."""

    assert type(awaited(Own())) is AwaitedStore


@pytest.mark.parametrize("url", [None, "", 7])
def test_without_an_address_the_environment_is_suspected(url: str) -> None:
    with pytest.raises(PolicyError, match="environment variable that holds it set, such as REDIS_URL"):
        open_store(url, "shop", deadline=1)


def test_a_namespace_that_a_server_would_refuse_is_refused_in_memory_too() -> None:
    with pytest.raises(PolicyError, match="namespace"):
        open_store("memory://", "a shop", deadline=1)
