"""The private parts of redis-py that Frescor uses, in one place; checked when the store is imported.

No other module names any, except the one that overrides `_connect` (`_store/connection/deadline.py`).
"""

import socket
from typing import Any

import redis
from redis import cluster, connection
from redis.asyncio import connection as awaited

from frescor.errors import CacheError

SUPPORTED = "redis>=8.1,<9"


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
require(cluster.NodesManager, "initialize", "get_node", "move_slot")

NodesManager = cluster.NodesManager


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
