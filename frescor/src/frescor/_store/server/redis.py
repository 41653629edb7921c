"""The store on one Redis or Valkey server: the server at an address, or the primary that sentinels name."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from redis import exceptions as driver

from frescor._clocks import Steady
from frescor._protocol.commands import HOLDS_MS, Announce, Dismiss, Read, StoreCommand, Together, Unheard
from frescor._store import listener_registry
from frescor._store.address import Address
from frescor._store.base import KeyInfo, ListenerFactory, ListenerT, Replayer, ServerInfo, Store
from frescor._store.connection.breaker import Breaker
from frescor._store.connection.connection import (
    DEADLINE,
    Connections,
    ServerLine,
    ask,
    command_bytes,
    command_bytes_with_source,
    connection_to,
    decoded,
    keeps_away,
    mapped,
)
from frescor._store.connection.endpoint import endpoint_of
from frescor._store.connection.link import DriverConnection
from frescor._store.listener_registry import understood
from frescor._store.listing import add_up, counters_in, fields_of, listed
from frescor._store.scripts import Script
from frescor._store.server.abilities import asked
from frescor._store.server.recovery import TELL_LOOK, Recovery, invalidates, register, wait_for_rediscovery
from frescor._store.wire import Arguments, Wire
from frescor.errors import CacheError, StoreRejected


class RedisStore(Store):
    """Carries the protocol of `_store/base.py` out by scripts, one round trip for each command."""

    def __init__(self, address: Address, namespace: str, *, deadline: float = DEADLINE) -> None:
        self.address = address
        self.deadline = deadline
        self.namespace = namespace
        self.wire = Wire(namespace)
        self.endpoint = endpoint_of(address, deadline)
        self.breaker = Breaker(lambda: self.connections.probe())
        # Another server may be the primary by now, so the open connections are not used any more.
        self.breaker.when_tripped = lambda: self.connections.drop()
        self.breaker.restore = self._restore
        self.recovery = Recovery(self.wire, self.breaker, primary=self.endpoint.primary)
        self._connect()

    def _connect(self) -> None:
        self.connections = Connections(self._make_connection, self.recovery.check, self.deadline)

    def _make_connection(self) -> DriverConnection:
        return connection_to(self.endpoint, deadline=self.deadline)

    def open_line(self) -> ServerLine:
        """A separate connection for a listener. Raises Frescor's errors."""
        return self.connections.open_line()

    @property
    def place(self) -> object:
        return self.address.url, self.namespace

    def when_back(self, call: Callable[[], object]) -> None:
        self.breaker.when_back = call

    def listener(self, factory: ListenerFactory[ListenerT], /) -> ListenerT | None:
        return factory.to_server(self)

    def start_again(self) -> None:
        """After a fork: sockets, threads and locks are the parent's."""
        self.breaker.start_again()
        self._connect()

    def perform(self, command: StoreCommand | Together) -> Any:
        operation = type(command).__name__
        if self.breaker.reason is not None:
            self._admit(command, operation)
        if isinstance(command, Together):
            found: Any = self._perform_together(command.commands, operation)
        elif type(command) is not Read and isinstance(command, Announce | Unheard | Dismiss):
            found = self._of_copies(command, operation)
        elif type(command) is not Read and self.recovery.preface((command,)):
            found = self._perform_together((command,), operation)[0]
        else:
            # Nearly all commands take this path.
            script, arguments = self.wire.encode(command)
            found = self._understood_one(command, self._one(script, arguments, operation), operation)
        if self.breaker.reason is not None:
            # It may have become suspect meanwhile.
            self._admit(command, operation)
        return found

    def is_unrecorded(self, database: str) -> bool:
        return bool(self._exchange([self.recovery.is_unrecorded(database)], "is_unrecorded")[0])

    def told(self, database: str) -> None:
        self._exchange([self.recovery.told(database)], "told")

    def set_watermark(self, database: str, at: int) -> bool:
        if self.recovery.is_blind:
            # Its script compares run ids.
            return False
        self._exchange([self.recovery.watermark(database, at)], "set_watermark")
        return True

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        self._exchange([self.wire.register_slices(columns)], "register_slices")
        return True

    def replay_by(self, database: str, replayer: Replayer, *, ended: bool = False) -> None:
        register(self.recovery.replayers, database, replayer, ended=ended)

    def count(self, deltas: Mapping[str, int]) -> None:
        stats = self.wire.stats
        self._exchange([(None, ("HINCRBY", stats, name, delta)) for name, delta in deltas.items()], "count")

    def counters(self) -> dict[str, int]:
        (reply,) = self._exchange([(None, ("HGETALL", self.wire.stats))], "counters")
        return counters_in(reply)

    def list_keys(self, pattern: str, limit: int) -> Iterator[KeyInfo]:
        return listed(self.wire, functools.partial(self._plain, "list_keys"), pattern, limit)

    def info(self) -> ServerInfo:
        self._plain("info", [("PING",)])
        began = Steady.perf_counter()
        self._plain("info", [("PING",)])
        latency = round((Steady.perf_counter() - began) * 1_000_000)
        try:
            (raw,) = self._plain("info", [("INFO",)])
        except StoreRejected:
            # Then there are no figures but the latency.
            raw = b""
        return add_up([(fields_of(raw), latency)])

    def abilities(self) -> tuple[str, ...]:
        # A connection of its own: one on which pushes were asked for is of no other use.
        connection = self._make_connection()
        try:
            connection.connect()
            return asked(functools.partial(ask, connection, None), self.wire.tag(""))
        except Exception as error:
            raise mapped(error, "abilities", primary=self.endpoint.primary) from error
        finally:
            connection.disconnect()

    def close(self) -> None:
        self.breaker.close()
        self.connections.close()

    def _plain(self, operation: str, commands: list[Arguments]) -> list[Any]:
        return self._exchange([(None, command) for command in commands], operation)

    def _perform_together(self, commands: tuple[StoreCommand, ...], operation: str) -> list[Any]:
        preface = self.recovery.preface(commands)
        replies = self._exchange([*preface, *map(self.wire.encode, commands)], operation, admitted=True)
        if preface:
            self._tell(replies[0], operation)
        return self._understood(commands, replies[len(preface) :], operation)

    def _of_copies(self, command: Announce | Unheard | Dismiss, operation: str) -> Any:
        """As `perform`, for the commands that confirm an invalidation."""
        sent = listener_registry.asked(self.wire, command, listener_registry.ONE_PLACE, HOLDS_MS)
        replies = self._exchange([(one.script, one.arguments) for one in sent], operation)
        return understood(
            command, listener_registry.ONE_PLACE, replies, functools.partial(self.failed, operation=operation)
        )

    def _tell(self, untold: list[bytes], operation: str) -> None:
        """Wait until the databases were told of an invalidation that no outbox records."""
        ends = self.recovery.telling() if untold else 0.0
        while untold and Steady.monotonic() < ends and self.breaker.pause(TELL_LOOK):
            (untold,) = self._exchange([self.recovery.note()], operation, admitted=True)
        if untold:
            self._exchange([self.recovery.give_up(untold)], operation, admitted=True)
        self.recovery.noted()

    def _understood(self, commands: Sequence[StoreCommand], replies: Sequence[Any], operation: str) -> list[Any]:
        try:
            return decoded(self.wire, commands, replies)
        except driver.InvalidResponse as error:
            raise self.failed(error, operation) from error

    def _understood_one(self, command: StoreCommand, reply: Any, operation: str) -> Any:
        try:
            return self.wire.decode(command, reply)
        except (ValueError, TypeError, LookupError, AttributeError):
            return self._understood((command,), (reply,), operation)[0]

    def _one(self, script: Script | None, arguments: Arguments, operation: str) -> Any:
        """One command's reply."""
        try:
            reply = self.connections.exchange(command_bytes(script, arguments), 1, self.check)[0]
            if isinstance(reply, driver.RedisError):
                reply = self._again(script, arguments, reply)
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self.failed(error, operation) from error
        return reply

    def _exchange(
        self, sent: list[tuple[Script | None, Arguments]], operation: str, *, admitted: bool = False
    ) -> list[Any]:
        """Several commands' replies, in one round trip."""
        if not admitted:
            self.breaker.check(operation)
        try:
            replies = self.connections.exchange(b"".join([command_bytes(*one) for one in sent]), len(sent), self.check)
            for place, reply in enumerate(replies):
                if isinstance(reply, driver.RedisError):
                    replies[place] = self._again(*sent[place], reply)
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self.failed(error, operation) from error
        return replies

    def _again(self, script: Script | None, arguments: Arguments, refusal: driver.RedisError) -> Any:
        """Send a script with its source if the server does not know it, after a restart or a flush of its scripts."""
        if script is None or not isinstance(refusal, driver.NoScriptError):
            raise refusal
        (reply,) = self.connections.exchange(command_bytes_with_source(script, arguments), 1, self.check)
        if isinstance(reply, driver.RedisError):
            raise reply
        return reply

    def failed(self, error: Exception, operation: str) -> CacheError:
        """The error to raise for an error of the driver; opens the breaker if the server did not answer."""
        failure = mapped(error, operation, primary=self.endpoint.primary)
        if keeps_away(error, failure):
            self.breaker.trip(str(error) or repr(error))
        return failure

    def _admit(self, command: StoreCommand | Together, operation: str) -> None:
        self.breaker.check(operation, invalidates=invalidates(command))

    def check(self) -> None:
        """Raise StoreUnavailable if the server is down. A suspect server lets only its allowed commands come this
        far."""
        self.breaker.check("exchange", invalidates=True)

    def _restore(self) -> bool:
        if not self.recovery.replayers:
            return True
        if not wait_for_rediscovery(self.breaker):
            return False
        try:
            self.recovery.restore(self._make_connection)
        except Exception as error:  # noqa: BLE001  # whatever answers: it is not trusted, and asked again
            self.breaker.trip(str(error) or repr(error))
            return False
        return True
