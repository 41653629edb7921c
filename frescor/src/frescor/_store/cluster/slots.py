"""Which node of a cluster has which slot, read by redis-py."""

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
from frescor._store.connection.redis_private import NodesManager, move_slots, read_again

SLOTS = 16384
# Its stub gives no types.
_node = cast(Callable[[str, int], ClusterNode], ClusterNode)


class Slots:
    """The table of slots. Looking a name up takes no I/O; reading the table, first or again, takes blocking round
    trips.

    When the set of nodes changes, `changed` is called with the new set before any name is looked up in the new table.
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
        """Whether the table was read."""
        return bool(self._table)

    @property
    def nodes(self) -> frozenset[Host]:
        """The nodes that have slots; empty until the table was read."""
        return self._nodes

    def node_of(self, name: str) -> Host:
        """The node that has the slot of a name. Raises the driver's errors if the table cannot be read."""
        return (self._table or self.table())[key_slot(name.encode())]

    def table(self) -> list[Host]:
        """The node of each slot. Raises the driver's errors if the table cannot be read."""
        with self._lock:
            return self._table or self.refresh()

    def refresh(self) -> list[Host]:
        """Read the table from the cluster. Raises the driver's ConnectionError if no node knows all slots."""
        with self._lock:
            try:
                if self._manager is None:
                    # redis-py drops nodes that left the cluster from the list it asks; the configured ones stay here.
                    start = [_node(host, port) for host, port in self._hosts]
                    self._manager = NodesManager(start, from_url=True, require_full_coverage=True, **self._options)
                else:
                    read_again(self._manager, self._hosts)
            except driver.RedisClusterException as error:
                raise driver.ConnectionError(str(error)) from error
            return self._publish()

    def moved(self, errors: Sequence[driver.MovedError]) -> None:
        """Take in redirections: the slots that nodes reported as moved."""
        with self._lock:
            if self._manager is None or not all(map(self._knows, errors)):
                self.refresh()
            manager = self._manager
            assert manager is not None
            # The node that gave the table may not have heard of the move yet.
            move_slots(manager, filter(self._knows, errors))
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
        # After `changed`: whoever keeps copies must listen to a node before anything is read from it.
        self._nodes = nodes
        if others:
            self.changed(nodes)
        self._table = table
        return table

    def one_slot_of(self, node: Host) -> int:
        """The first slot of a node. Raises the driver's ConnectionError if it has none any more."""
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
