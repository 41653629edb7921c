"""Routing commands to a cluster's nodes until each has its reply, through redirections and unknown scripts. No I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis import exceptions as driver

from frescor._store.address import Host
from frescor._store.connection.connection import command_bytes, command_bytes_with_source, packed
from frescor._store.slot_wire import Asked

# A command redirected more often than this goes round in a circle, or the cluster is changing too fast.
_MOST_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class NodeBatch:
    """What goes to one node in one round trip. places: each command's index; None for an ASKING before a command."""

    data: bytes
    places: tuple[int | None, ...]


class RoutedBatch:
    """One batch of commands. Repeat: send what `node_batches` returns, and `take` each node's replies."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._asked = asked
        self.replies: list[Any] = [None] * len(asked)
        self._open = list(range(len(asked)))
        # Commands to send again: to a node that must be told so by ASKING; and with the source of their script.
        self._asking: dict[int, Host] = {}
        self._unknown: set[int] = set()
        self._rounds = 0
        self.moved: list[driver.MovedError] = []

    def node_batches(self, node_of: Callable[[str], Host]) -> list[tuple[Host, NodeBatch]]:
        """What is still to be sent, by node, in the same order in all threads; empty when all is done."""
        if not self._open:
            return []
        self._rounds += 1
        if self._rounds > _MOST_ROUNDS:
            raise driver.ConnectionError("the cluster sends a command from node to node: its slots are being moved")
        chunks: dict[Host, tuple[list[bytes], list[int | None]]] = {}
        for place in self._open:
            asked = self._asked[place]
            node = self._asking.get(place) or node_of(asked.name)
            data, places = chunks.setdefault(node, ([], []))
            if place in self._asking:
                data.append(packed(("ASKING",)))
                places.append(None)
            if place in self._unknown and asked.script is not None:
                data.append(command_bytes_with_source(asked.script, asked.arguments))
            else:
                data.append(command_bytes(asked.script, asked.arguments))
            places.append(place)
        self._open = []
        self.moved = []
        return [(node, NodeBatch(b"".join(data), tuple(places))) for node, (data, places) in sorted(chunks.items())]

    def take(self, node_batch: NodeBatch, replies: Sequence[Any]) -> None:
        """Take in a node's replies. Raises a refusal that neither another node nor a second attempt can mend."""
        for place, reply in zip(node_batch.places, replies, strict=True):
            if place is None:
                continue
            self._asking.pop(place, None)
            if isinstance(reply, driver.MovedError):
                self.moved.append(reply)
            elif isinstance(reply, driver.AskError):
                self._asking[place] = (reply.host, reply.port)
            elif isinstance(reply, driver.NoScriptError):
                self._unknown.add(place)
            elif isinstance(reply, driver.RedisError):
                raise reply
            else:
                self.replies[place] = reply
                continue
            self._open.append(place)
