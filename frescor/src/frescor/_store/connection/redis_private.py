"""What Frescor needs of redis-py's private parts, in one place: looked for when the store is imported.

Other modules name none of them, but that which overrides `_connect` (`_store.connection.deadline`).
"""

import socket
from typing import Any

import redis
from redis import cluster, connection
from redis.asyncio import connection as awaited

from frescor.errors import CacheError

SUPPORTED = "redis>=8.1,<9"


def require(owner: object, *names: str) -> None:
    """Raise CacheError unless redis-py still has these."""
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
    """The socket of a connection that is made."""
    require(connected, "_sock")
    found: socket.socket = connected._sock
    return found


def put_socket(connected: Any, plain: socket.socket) -> None:
    """Let a connection go on with this socket."""
    connected._sock = plain


def close_stream(connected: Any) -> None:
    """Close an awaited connection without a round trip; what is left of it is collected."""
    if connected._writer is not None:
        connected._writer.close()
