"""The listener that keeps this process's copies up to date, for each kind of store."""

import functools
from typing import Protocol

from frescor._copies.listen import Listener
from frescor._copies.listen_cluster import ClusterListener
from frescor._copies.local import Local
from frescor._store import listener_registry
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.server.redis import RedisStore


class CopyListener(Protocol):
    """Drops copies when other processes change what they are copies of."""

    def start(self) -> None:
        """Start listening in the background, unless it does already."""

    def await_alive(self, timeout: float) -> bool:
        """Whether the server's pushes are known to arrive; waits that many seconds for it."""

    def close(self) -> None:
        """Stop listening. It is not started again."""


class Listeners:
    """Makes the listener for a process's copies; `Store.listener` chooses which one."""

    def __init__(self, local: Local) -> None:
        self._local = local

    def to_server(self, store: RedisStore, /) -> CopyListener:
        """A listener with one connection, for a single server."""
        namespace = store.namespace
        return Listener(
            store.open_line,
            namespace,
            self._local,
            register=functools.partial(listener_registry.register, namespace),
            heard=functools.partial(listener_registry.heard, namespace),
            leave=functools.partial(listener_registry.leave, namespace),
        )

    def to_cluster(self, store: ClusterStore, /) -> CopyListener:
        """A listener with a connection to each node."""
        return ClusterListener(store, store.namespace, self._local)
