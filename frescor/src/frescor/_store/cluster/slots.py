"""Which node of a cluster has which slot, by redis-py's own view of the cluster."""

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from redis import exceptions as driver
from redis.cluster import ClusterNode
from redis.crc import key_slot

from frescor._store.address import Address, Host
from frescor._store.connection.connection import CONNECTION_OPTIONS
from frescor._store.connection.deadline import TimedConnection, TimedSSLConnection
from frescor._store.connection.redis_private import NodesManager

SLOTS = 16384
# Its stub gives no types.
_node = cast(Callable[[str, int], ClusterNode], ClusterNode)


class Slots:
    """The table of slots. Looked up without I/O; made, and made anew, in blocking round trips.

    `changed` is called with the nodes that have slots before any name is looked up in a table where they are others.
    """

    def __init__(self, address: Address, *, deadline: float) -> None:
        self._hosts = address.hosts
        self._options: dict[str, Any] = {
            **address.options,
            **CONNECTION_OPTIONS,
            "connection_class": TimedSSLConnection if address.tls else TimedConnection,
            "socket_timeout": deadline,
            "socket_connect_timeout": deadline,
        }
        self._manager: NodesManager | None = None
        self._table: list[Host] = []
        self._nodes: frozenset[Host] = frozenset()
        self._lock = threading.RLock()
        self.changed: Callable[[frozenset[Host]], None] = lambda _: None

    @property
    def known(self) -> bool:
        """Whether there is a table."""
        return bool(self._table)

    @property
    def nodes(self) -> frozenset[Host]:
        """The nodes that have slots; none as long as there is no table."""
        return self._nodes

    def node_of(self, name: str) -> Host:
        """The node that has the slot of a name. Raises the driver's errors when no table can be had."""
        return (self._table or self.table())[key_slot(name.encode())]

    def table(self) -> list[Host]:
        """The node of each slot. Raises the driver's errors when no table can be had."""
        with self._lock:
            return self._table or self.refresh()

    def refresh(self) -> list[Host]:
        """Ask the cluster for the table. Raises the driver's ConnectionError when no node answers for every slot."""
        with self._lock:
            try:
                if self._manager is None:
                    # A node leaves the list of those to ask when it leaves the cluster; the first ones stay.
                    start = [_node(host, port) for host, port in self._hosts]
                    self._manager = NodesManager(start, from_url=True, require_full_coverage=True, **self._options)
                else:
                    self._manager.initialize(additional_startup_nodes_info=list(self._hosts))
            except driver.RedisClusterException as error:
                raise driver.ConnectionError(str(error)) from error
            return self._publish()

    def moved(self, errors: Sequence[driver.MovedError]) -> None:
        """Take in where slots were said to be now."""
        with self._lock:
            if self._manager is None or not all(map(self._knows, errors)):
                self.refresh()
            manager = self._manager
            assert manager is not None
            # Whom the table was asked from may not have heard of it yet.
            for error in filter(self._knows, errors):
                manager.move_slot(error)
            self._publish()

    def _knows(self, error: driver.MovedError) -> bool:
        manager = self._manager
        return manager is not None and manager.get_node(error.host, error.port) is not None

    def _publish(self) -> list[Host]:
        manager = self._manager
        assert manager is not None
        table = [
            (str(manager.slots_cache[slot][0].host), int(manager.slots_cache[slot][0].port)) for slot in range(SLOTS)
        ]
        nodes = frozenset(table)
        others = nodes != self._nodes
        # In this order: whoever keeps copies must listen to a node before anything is read from it.
        self._nodes = nodes
        if others:
            self.changed(nodes)
        self._table = table
        return table

    def one_slot_of(self, node: Host) -> int:
        """The first slot that a node has. Raises the driver's ConnectionError if it has none any more."""
        try:
            return self._table.index(node)
        except ValueError:
            raise driver.ConnectionError(f"the node {node[0]}:{node[1]} has no slots any more") from None


@lru_cache(maxsize=1024)
def text_in_slot(slot: int) -> str:
    """A short text that is hashed to this slot."""
    number = 0
    while key_slot(str(number).encode()) != slot:
        number += 1
    return str(number)
