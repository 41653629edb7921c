"""The store for a URL."""

from frescor.errors import PolicyError
from frescor.store.address import read_address
from frescor.store.base import Store
from frescor.store.cluster import ClusterStore
from frescor.store.memory import MemoryStore
from frescor.store.redis import RedisStore
from frescor.store.wire import Wire


def open_store(url: str, namespace: str, *, deadline: float) -> Store:
    """The store at a URL; connects to nothing. Raises PolicyError for a URL or namespace that cannot be right."""
    given: object = url
    if not isinstance(given, str) or not given:
        raise PolicyError(
            f"the address of the store is {given!r}: is the environment variable that holds it set, such as REDIS_URL? "
            "Write redis://host:6379/0, or memory:// to try it out."
        )
    if url == "memory://":
        # Refuses the names that a server's store refuses: what was tried out here is to work there.
        Wire(namespace)
        return MemoryStore()
    address = read_address(url)
    kind = ClusterStore if address.kind == "cluster" else RedisStore
    return kind(address, namespace, deadline=deadline)
