"""The store on a Redis or Valkey cluster: the protocol of `_store/slot_steps.py`, one round trip for each batch.

There is one breaker for the whole cluster, because nearly every command needs several nodes: each entry depends on the
namespace's tag, and each store on the clock. While a node is down and no replica has taken over, callers would
otherwise wait for it one after the other.
"""

import functools
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from redis import exceptions as driver

from frescor._clocks import Steady
from frescor._protocol.commands import HOLDS_MS, Announce, Dismiss, Invalidate, StoreCommand, Together, Unheard
from frescor._store import listener_registry
from frescor._store.address import Address, Host
from frescor._store.base import KeyInfo, ListenerFactory, ListenerT, PossibleLoss, Replayer, ServerInfo, Store
from frescor._store.cluster.routing import NodeBatch, RoutedBatch
from frescor._store.cluster.slots import Slots, text_in_slot
from frescor._store.connection.breaker import Breaker
from frescor._store.connection.connection import (
    DEADLINE,
    Connections,
    Sent,
    ServerLine,
    ask,
    connection_to,
    keeps_away,
    mapped,
    run_id_of,
)
from frescor._store.connection.deadline import within
from frescor._store.connection.endpoint import Endpoint, node_endpoint
from frescor._store.connection.link import DriverConnection
from frescor._store.listener_registry import understood
from frescor._store.listing import add_up, counters_in, fields_of, listed
from frescor._store.server.abilities import asked
from frescor._store.server.recovery import invalidates, missing_tags, register, start, wait_for_rediscovery
from frescor._store.slot_steps import R, RaiseTag, SlotProtocol, Step, Steps, Tick
from frescor._store.slot_wire import Asked, decoded_steps, encode_step
from frescor._store.wire import Wire
from frescor._values.tags import NAMESPACE_TAG
from frescor.errors import CacheError


class ClusterStore(Store):
    """Carries the protocol out in steps, each of which is atomic in one slot."""

    def __init__(self, address: Address, namespace: str, *, deadline: float = DEADLINE) -> None:
        self.address = address
        self.deadline = deadline
        self.namespace = namespace
        self.wire = Wire(namespace)
        self.protocol = SlotProtocol(lambda: secrets.token_hex(8))
        self._replayers: dict[str, Replayer] = {}
        self._start()

    def _start(self) -> None:
        self.slots = Slots(self.address, deadline=self.deadline)
        self.breaker = Breaker(self._probe)
        self.breaker.restore = self._restore
        self._connections: dict[Host, Connections] = {}
        self._lock = threading.Lock()
        # Nodes verified before the first command. While there are any, no other thread of this process verifies.
        self._met: frozenset[Host] = frozenset()
        self._verifying = threading.RLock()

    @property
    def place(self) -> object:
        return self.address.url, self.namespace

    def when_back(self, call: Callable[[], object]) -> None:
        self.breaker.when_back = call

    def listener(self, factory: ListenerFactory[ListenerT], /) -> ListenerT | None:
        return factory.to_cluster(self)

    def start_again(self) -> None:
        """After a fork: the sockets and the probe's thread belong to the parent."""
        self._start()

    def endpoint(self, node: Host) -> Endpoint:
        """How to connect to a node."""
        return node_endpoint(self.address, node)

    def open_line(self, node: Host) -> ServerLine:
        """A separate connection to a node, for a listener. Raises Frescor's errors."""
        return self._to(node).open_line()

    def perform(self, command: StoreCommand | Together) -> Any:
        with within(self.deadline):
            return self._perform(command, type(command).__name__)

    def _perform(self, command: StoreCommand | Together, operation: str) -> Any:
        self.admit(command, operation)
        if isinstance(command, Announce | Unheard | Dismiss):
            places = self.places()
            found = self._exchange(listener_registry.asked(self.wire, command, places, HOLDS_MS), operation)
            return understood(command, places, found, functools.partial(self.failed, operation=operation))
        found = self._take(self.protocol.carry_out(command), operation)
        # The cluster may have become suspect meanwhile.
        self.admit(command, operation)
        return found

    def _take(self, steps: Steps[R], operation: str) -> R:
        """What steps come to, which are taken batch by batch."""
        replies: list[Any] | None = None
        while True:
            try:
                batch = next(steps) if replies is None else steps.send(replies)
            except StopIteration as done:
                return cast(R, done.value)
            replies = self._carry_out(batch, operation)

    def places(self) -> tuple[str, ...]:
        """One text for each node, which names in that node's slots carry in braces."""
        return tuple(f"{{{text_in_slot(self.slots.one_slot_of(node))}}}" for node in sorted(self.slots.nodes))

    def admit(self, command: StoreCommand | Together, operation: str) -> None:
        """Raise StoreUnavailable if the cluster is down, or is not trusted with this command."""
        if self.breaker.reason is not None:
            self.breaker.check(operation, invalidates=invalidates(command))

    def set_watermark(self, database: str, at: int) -> bool:  # noqa: ARG002  # what one node has lost, no other can tell
        return False

    def is_unrecorded(self, database: str) -> bool:  # noqa: ARG002  # without watermarks all is invalid after a loss
        return False

    def told(self, database: str) -> None:
        """Does nothing: a cluster keeps no watermarks."""

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        with within(self.deadline):
            return self._take(self.protocol.register(columns), "register_slices")

    def replay_by(self, database: str, replayer: Replayer, *, ended: bool = False) -> None:
        register(self._replayers, database, replayer, ended=ended)

    def count(self, deltas: Mapping[str, int]) -> None:
        stats = self.wire.stats
        asked = [Asked(stats, None, ("HINCRBY", stats, name, delta)) for name, delta in deltas.items()]
        self._exchange(asked, "count")

    def counters(self) -> dict[str, int]:
        stats = self.wire.stats
        (reply,) = self._exchange([Asked(stats, None, ("HGETALL", stats))], "counters")
        return counters_in(reply)

    def list_keys(self, pattern: str, limit: int) -> Iterator[KeyInfo]:
        left = limit
        for node in sorted(self._nodes("list_keys")):
            for info in listed(self.wire, functools.partial(self._on_node, node, "list_keys"), pattern, left):
                left -= 1
                yield info

    def info(self) -> ServerInfo:
        found = []
        for node in sorted(self._nodes("info")):
            began = Steady.perf_counter()
            self._on_node(node, "info", [("PING",)])
            latency = round((Steady.perf_counter() - began) * 1_000_000)
            (raw,) = self._on_node(node, "info", [("INFO",)])
            found.append((fields_of(raw), latency))
        return add_up(found)

    def abilities(self) -> tuple[str, ...]:
        node = min(self._nodes("abilities"))
        connection = connection_to(self.endpoint(node), deadline=self.deadline)
        try:
            connection.connect()
            return asked(functools.partial(ask, connection, None), self.wire.tag(""))
        except Exception as error:
            raise mapped(error, "abilities") from error
        finally:
            connection.disconnect()

    def close(self) -> None:
        self.breaker.close()
        for connections in self._connections.values():
            connections.close()

    def failed(self, error: Exception, operation: str) -> Exception:
        """The error to raise for an error of the driver; opens the breaker if the cluster did not answer."""
        failure = mapped(error, operation)
        # A slot that is being moved must not keep callers away from all others.
        if keeps_away(error, failure) and not isinstance(error, driver.TryAgainError):
            for connections in tuple(self._connections.values()):
                connections.drop()
            self.breaker.trip(str(error))
        return failure

    def refresh_slots(self) -> None:
        """Ask the cluster which node has which slot. Raises Frescor's errors."""
        try:
            self.slots.refresh()
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise mapped(error, "slots") from error

    def verify(self, node: Host) -> str:
        """The run id of a node, which can be trusted afterwards. If the namespace remembers another server in this
        place, this one may have lost the last stamps, and everything is invalidated first. Raises the driver's errors.

        The run id is kept in one of the node's own slots, so that a replica that takes over has it, too.
        """
        connection = connection_to(self.endpoint(node), deadline=self.deadline)
        try:
            connection.connect()
            return self._verify_on(connection, node)
        finally:
            connection.disconnect()

    def meet(self) -> None:
        """Verify the nodes that have slots, unless that was done: doing it later would invalidate what was stored in
        between. Raises the driver's errors."""
        nodes = frozenset(self.slots.table())
        with self._verifying:
            for node in sorted(nodes - self._met):
                self.verify(node)
            self._met = nodes

    @property
    def has_met(self) -> bool:
        """Whether all nodes that have slots were verified once."""
        return bool(self._met) and self._met == self.slots.nodes

    def _verify_on(self, connection: DriverConnection, node: Host) -> str:
        run_id = run_id_of(connection)
        if run_id is None:
            raise driver.AuthorizationError(
                f"the node {node[0]}:{node[1]} does not tell its run id (INFO server), without which it would not be "
                "noticed that it lost invalidations"
            )
        name = self.wire.server_in(text_in_slot(self.slots.one_slot_of(node)))
        with self._verifying:
            if ask(connection, None, ("GET", name)) != run_id.encode():
                stamp = self._once(Tick())
                self._once(RaiseTag(NAMESPACE_TAG, stamp))
                # This comes last, because a process that finds it trusts the node.
                ask(connection, None, ("SET", name, run_id))
                # Registrations of listeners may be missing, too.
                self._forget_listeners()
        start(self._replayers)
        return run_id

    def _forget_listeners(self) -> None:
        connection = connection_to(self.endpoint(self.slots.node_of(self.wire.listeners)), deadline=self.deadline)
        try:
            connection.connect()
            ask(connection, None, ("UNLINK", self.wire.listeners))
        finally:
            connection.disconnect()

    def _once(self, step: Step) -> Any:
        """Carry a step out on a separate connection, to a node that need not be verified."""
        asked = encode_step(self.wire, step)
        connection = connection_to(self.endpoint(self.slots.node_of(asked.name)), deadline=self.deadline)
        try:
            connection.connect()
            return decoded_steps((step,), (ask(connection, asked.script, asked.arguments),))[0]
        finally:
            connection.disconnect()

    def _to(self, node: Host) -> Connections:
        connections = self._connections.get(node)
        if connections is None:
            with self._lock:
                connections = self._connections.get(node)
                if connections is None:
                    make = functools.partial(connection_to, self.endpoint(node), deadline=self.deadline)
                    check = functools.partial(self._check, node)
                    connections = self._connections[node] = Connections(make, check, self.deadline)
        return connections

    def _check(self, node: Host, connection: DriverConnection) -> None:
        self._verify_on(connection, node)

    def _probe(self) -> None:
        self.refresh_slots()
        try:
            # Before any caller asks: with a distant cluster this takes longer than a call may.
            self.meet()
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and the cluster is asked again
            raise mapped(error, "probe") from error
        for node in self.slots.nodes:
            self._to(node).probe()

    def _restore(self) -> bool:
        """After an outage, replay what may be missing. For a replaced node, `verify` has invalidated everything."""
        if not self._replayers:
            return True
        if not wait_for_rediscovery(self.breaker):
            return False
        nothing_lost = PossibleLoss(lost=False, watermark=None)
        tags = missing_tags(self._replayers, dict.fromkeys(self._replayers, nothing_lost))
        try:
            if tags != ():
                self.perform(Invalidate((NAMESPACE_TAG,) if tags is None else tags))
        except CacheError as error:
            self.breaker.trip(str(error))
            return False
        return True

    def _nodes(self, operation: str) -> frozenset[Host]:
        self.breaker.check(operation)
        try:
            return frozenset(self.slots.table())
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self.failed(error, operation) from error

    def _carry_out(self, batch: tuple[Step, ...], operation: str) -> list[Any]:
        replies = self._exchange([encode_step(self.wire, step) for step in batch], operation)
        try:
            return decoded_steps(batch, replies)
        except driver.InvalidResponse as error:
            raise self.failed(error, operation) from error

    def _exchange(self, asked: list[Asked], operation: str) -> list[Any]:
        self.breaker.check(operation, invalidates=True)
        batch = RoutedBatch(asked)
        try:
            if not self.has_met:
                self.meet()
            while node_batches := batch.node_batches(self.slots.node_of):
                self._deliver(batch, node_batches, functools.partial(self.breaker.check, operation, invalidates=True))
                if batch.moved:
                    self.slots.moved(batch.moved)
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self.failed(error, operation) from error
        return batch.replies

    def _deliver(
        self, batch: RoutedBatch, node_batches: list[tuple[Host, NodeBatch]], before: Callable[[], None]
    ) -> None:
        """Send to every node first and receive afterwards, so that all nodes work at the same time."""
        sent: list[tuple[NodeBatch, Sent]] = []
        try:
            for node, node_batch in node_batches:
                sent.append((node_batch, self._to(node).send(node_batch.data, len(node_batch.places), before)))
            while sent:
                node_batch, exchange = sent.pop(0)
                batch.take(node_batch, exchange.receive())
        finally:
            for _, exchange in sent:
                exchange.give_up()

    def _on_node(self, node: Host, operation: str, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands without keys to one node."""
        batch = RoutedBatch([Asked("", None, command) for command in commands])
        try:
            self._deliver(batch, batch.node_batches(lambda _: node), functools.partial(self.breaker.check, operation))
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self.failed(error, operation) from error
        return batch.replies
