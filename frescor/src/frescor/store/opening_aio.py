"""The store of a cache, for event loops."""

from frescor.store.aio import AsyncRedisStore, AwaitedStore
from frescor.store.base import AsyncStore, Store
from frescor.store.cluster import ClusterStore
from frescor.store.cluster_aio import AsyncClusterStore
from frescor.store.redis import RedisStore


def awaited(store: Store) -> AsyncStore:
    """The same store, awaited: the same place, breaker and table of slots."""
    if isinstance(store, RedisStore):
        return AsyncRedisStore(store)
    return AsyncClusterStore(store) if isinstance(store, ClusterStore) else AwaitedStore(store)
