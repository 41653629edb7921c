"""Opening the awaited form of a cache's store, for event loops."""

from collections.abc import Callable
from typing import Any

from frescor._store.base import AsyncStore, Store
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.cluster.cluster_aio import AsyncClusterStore
from frescor._store.memory import MemoryStore
from frescor._store.server.aio import AsyncRedisStore, AwaitedStore
from frescor._store.server.redis import RedisStore

# By the class of a store, or by the nearest of its base classes. Other stores answer at once.
ASYNC_STORES: dict[type, Callable[[Any], AsyncStore]] = {
    RedisStore: AsyncRedisStore,
    ClusterStore: AsyncClusterStore,
    MemoryStore: AwaitedStore,
}


def awaited(store: Store) -> AsyncStore:
    """The same store, awaited; both share the address, the breaker and the table of slots."""
    for kind in type(store).__mro__:
        if kind in ASYNC_STORES:
            return ASYNC_STORES[kind](store)
    return AwaitedStore(store)
