"""The store on a cluster, for event loops."""

import asyncio
import functools
from typing import Any

from redis import exceptions as driver

from frescor._protocol.commands import HOLDS_MS, Announce, Dismiss, StoreCommand, Together, Unheard
from frescor._store import listener_registry
from frescor._store.address import Host
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.cluster.routing import NodeBatch, RoutedBatch
from frescor._store.server.aio import AsyncConnection, AsyncConnections, run_id_of, within
from frescor._store.slot_wire import Asked, decoded_steps, encode_step
from frescor.errors import CacheError


class AsyncClusterStore:
    """As `ClusterStore`, awaited. They share the table of slots and the breaker, which ask the cluster in threads."""

    def __init__(self, store: ClusterStore) -> None:
        self._store = store
        self._connections: dict[Host, AsyncConnections] = {}

    async def perform(self, command: StoreCommand | Together) -> Any:
        """As `Store.perform`."""
        operation, wire = type(command).__name__, self._store.wire
        self._store.admit(command, operation)
        if isinstance(command, Announce | Unheard | Dismiss):
            places = self._store.places()
            found = await self._exchange(listener_registry.asked(wire, command, places, HOLDS_MS), operation)
            failed = functools.partial(self._store.failed, operation=operation)
            return listener_registry.understood(command, places, found, failed)
        steps = self._store.protocol.carry_out(command)
        replies: list[Any] | None = None
        while True:
            try:
                batch = next(steps) if replies is None else steps.send(replies)
            except StopIteration as done:
                # The cluster may have become suspect meanwhile.
                self._store.admit(command, operation)
                return done.value
            found = await self._exchange([encode_step(wire, step) for step in batch], operation)
            try:
                replies = decoded_steps(batch, found)
            except driver.InvalidResponse as error:
                raise self._store.failed(error, operation) from error

    async def close(self) -> None:
        """Close this loop's idle connections."""
        for connections in self._connections.values():
            await connections.close()

    async def _exchange(self, asked: list[Asked], operation: str) -> list[Any]:
        store = self._store
        store.breaker.check(operation, invalidates=True)
        batch = RoutedBatch(asked)
        try:
            if not store.has_met:
                async with within(store.deadline):
                    await asyncio.to_thread(store.meet)
            while node_batches := batch.node_batches(store.slots.node_of):
                # Wait for all nodes before raising the first failure: a reply left unread would answer another command.
                for failure in await asyncio.gather(
                    *(self._deliver(batch, node, node_batch) for node, node_batch in node_batches),
                    return_exceptions=True,
                ):
                    if failure is not None:
                        raise failure
                if batch.moved:
                    await asyncio.to_thread(store.slots.moved, batch.moved)
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            for connections in self._connections.values():
                connections.drop()
            raise store.failed(error, operation) from error
        return batch.replies

    async def _deliver(self, batch: RoutedBatch, node: Host, node_batch: NodeBatch) -> None:
        batch.take(node_batch, await self._to(node).exchange(node_batch.data, len(node_batch.places)))

    def _to(self, node: Host) -> AsyncConnections:
        connections = self._connections.get(node)
        if connections is None:
            store = self._store
            check = functools.partial(self._check, node)
            connections = AsyncConnections(store.endpoint(node), check, store.breaker, store.deadline)
            self._connections[node] = connections
        return connections

    async def _check(self, node: Host, connection: AsyncConnection) -> None:
        """Raise unless the node is the server that was verified."""
        if await asyncio.to_thread(self._store.verify, node) != await run_id_of(connection):
            raise driver.ConnectionError("the server was replaced while it was being checked")
