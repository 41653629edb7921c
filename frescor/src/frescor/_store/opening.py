"""Opening the store for a URL."""

from dataclasses import replace

from frescor._store.address import read_address
from frescor._store.base import Store
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.connection.credentials import Credentials, provider_of
from frescor._store.memory import MemoryStore
from frescor._store.server.redis import RedisStore
from frescor._store.wire import Wire
from frescor.errors import PolicyError


def open_store(url: str, namespace: str, *, deadline: float, credentials: Credentials | None = None) -> Store:
    """The store at a URL, not yet connected. Raises PolicyError for a URL, namespace or provider of credentials that
    cannot be right."""
    given: object = url
    if not isinstance(given, str) or not given:
        raise PolicyError(
            f"the address of the store is {given!r}: is the environment variable that holds it set, such as REDIS_URL? "
            "Write redis://host:6379/0, or memory:// to try it out."
        )
    if url == "memory://":
        # Refuse the namespaces that a server's store refuses, so that a program tried out here works there, too.
        Wire(namespace)
        if credentials is not None:
            raise PolicyError("memory:// has no server that asks for credentials=: leave it out.")
        return MemoryStore()
    address = read_address(url)
    if credentials is not None:
        if not {"username", "password"}.isdisjoint(address.options):
            raise PolicyError("the user and the password come from the URL or from credentials=, not from both.")
        address = replace(address, options={**address.options, "credential_provider": provider_of(credentials)})
    kind = ClusterStore if address.kind == "cluster" else RedisStore
    return kind(address, namespace, deadline=deadline)
