"""The private parts of redis-py that Frescor uses, and what differs between its releases, in one place; checked when
the store is imported.

No other module names any, except the one that overrides `_connect` (`_store/connection/deadline.py`).
"""

import inspect
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import redis
from redis import cluster, connection
from redis.asyncio import connection as awaited

from frescor.errors import CacheError

SUPPORTED = "redis>=5.0.1,<9"


def require(owner: object, *names: str) -> None:
    """Raise CacheError unless this redis-py still has these attributes."""
    missing = ", ".join(name for name in names if not hasattr(owner, name))
    if missing:
        where = getattr(owner, "__qualname__", None) or getattr(owner, "__name__", repr(owner))
        raise CacheError(
            f"Frescor works with {SUPPORTED}; in redis-py {redis.__version__} {where} has no {missing}: "
            f"pip install '{SUPPORTED}', or a newer Frescor."
        )


for transport in (connection.Connection, connection.SSLConnection, connection.UnixDomainSocketConnection):
    require(transport, "_connect")
require(awaited.AbstractConnection, "_writer")
require(cluster, "NodesManager")
require(cluster.NodesManager, "initialize", "get_node", "populate_startup_nodes")

NodesManager = cluster.NodesManager
_OPTIONS = inspect.signature(connection.AbstractConnection.__init__).parameters
# CLIENT SETINFO would take two more round trips, and an ACL before Redis 7.2 cannot allow a command that it does not
# know. Before redis-py 7.2 the names of the library decide whether it is sent.
_UNNAMED: dict[str, Any] = (
    {"driver_info": None} if "driver_info" in _OPTIONS else {"lib_name": None, "lib_version": None}
)
# Replies in RESP3's own types, which redis-py 8 changes unless told not to.
PLAIN: dict[str, Any] = {**_UNNAMED, **({"legacy_responses": False} if "legacy_responses" in _OPTIONS else {})}
_MOVES_SLOTS = hasattr(cluster.NodesManager, "move_slot")
if not _MOVES_SLOTS:
    require(cluster.NodesManager, "update_moved_exception", "_update_moved_slots")


def read_again(manager: NodesManager, nodes: Sequence[tuple[str, int]]) -> None:
    """Read the table of slots again, also from these nodes: redis-py forgets those that left the cluster."""
    if "additional_startup_nodes_info" in inspect.signature(manager.initialize).parameters:
        manager.initialize(additional_startup_nodes_info=list(nodes))
        return
    node: Any = cluster.ClusterNode
    manager.populate_startup_nodes([node(host, port) for host, port in nodes])
    manager.initialize()


def move_slots(manager: Any, errors: Iterable[Any]) -> None:
    """Take the slots that these redirections name over into the table."""
    for error in errors:
        if _MOVES_SLOTS:
            manager.move_slot(error)
        else:
            manager.update_moved_exception(error)
            manager._update_moved_slots()


def socket_of(connected: Any) -> socket.socket:
    """The socket of an established connection."""
    require(connected, "_sock")
    found: socket.socket = connected._sock
    return found


def put_socket(connected: Any, plain: socket.socket) -> None:
    """Replace the socket of a connection by this one."""
    connected._sock = plain


def close_stream(connected: Any) -> None:
    """Close an async connection without waiting; the garbage collector takes the rest."""
    if connected._writer is not None:
        connected._writer.close()
