"""The store for a URL."""

from frescor.store.address import read_address
from frescor.store.base import Store
from frescor.store.cluster import ClusterStore
from frescor.store.memory import MemoryStore
from frescor.store.redis import RedisStore


def open_store(url: str, namespace: str, *, deadline: float) -> Store:
    """The store at a URL; connects to nothing. Raises PolicyError for a URL or namespace that cannot be right."""
    if url == "memory://":
        return MemoryStore()
    address = read_address(url)
    kind = ClusterStore if address.kind == "cluster" else RedisStore
    return kind(address, namespace, deadline=deadline)
