"""The store of a cache, for event loops."""

from frescor._store.base import AsyncStore, Store
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.cluster.cluster_aio import AsyncClusterStore
from frescor._store.server.aio import AsyncRedisStore, AwaitedStore
from frescor._store.server.redis import RedisStore


def awaited(store: Store) -> AsyncStore:
    """The same store, awaited: the same place, breaker and table of slots."""
    if isinstance(store, RedisStore):
        return AsyncRedisStore(store)
    return AsyncClusterStore(store) if isinstance(store, ClusterStore) else AwaitedStore(store)
