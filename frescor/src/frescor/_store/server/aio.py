"""The store on one Redis or Valkey server, for event loops."""

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

from redis import exceptions as driver
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection

from frescor._clocks import Steady
from frescor._protocol.commands import HOLDS_MS, Announce, Dismiss, StoreCommand, Together, Unheard
from frescor._store import listener_registry
from frescor._store.base import Store
from frescor._store.connection.breaker import Breaker
from frescor._store.connection.connection import (
    CONNECTION_OPTIONS,
    NAME,
    command_bytes,
    command_bytes_with_source,
    decoded,
)
from frescor._store.connection.endpoint import Endpoint
from frescor._store.connection.link import refusal
from frescor._store.connection.redis_private import close_stream
from frescor._store.scripts import Script
from frescor._store.server.recovery import TELL_LOOK, invalidates
from frescor._store.server.redis import RedisStore
from frescor._store.wire import Arguments, parse_run_id
from frescor.errors import CacheError

# Connections in use at the same time in one event loop.
_MOST_CONNECTIONS = 8
# Rounds of the event loop before a deadline counts: a few thousandths of a second if the loop is idle.
_ROUNDS = 256
_CLASSES: dict[str, type] = {"tcp": Connection, "tls": SSLConnection, "unix": UnixDomainSocketConnection}
# Deadlines are enforced here: the driver's own would take a delay of the loop for one of the server.
_OPTIONS: dict[str, Any] = {name: value for name, value in CONNECTION_OPTIONS.items() if name != "retry"}
_OPTIONS |= {"socket_timeout": None, "socket_connect_timeout": None}


class AsyncConnection(Protocol):
    """What is used of redis-py's connection."""

    async def connect(self) -> None: ...
    async def disconnect(self, nowait: bool = False) -> None: ...
    async def send_packed_command(self, command: bytes, check_health: bool = True) -> None: ...
    async def read_response(self) -> Any: ...


class _Pool:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self.trips = 0
        self.idle: deque[AsyncConnection] = deque()
        self.places = asyncio.Semaphore(_MOST_CONNECTIONS)


class AsyncConnections:
    """As `Connections`, awaited: a pool for one server in each event loop."""

    def __init__(
        self, endpoint: Endpoint, check: Callable[[AsyncConnection], Awaitable[None]], breaker: Breaker, deadline: float
    ) -> None:
        self._endpoint = endpoint
        self._check = check
        self._breaker = breaker
        self._deadline = deadline
        # A connection belongs to the loop that opened it.
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()

    async def exchange(self, packed: bytes, replies: int) -> list[Any]:
        """Send commands and read as many replies; a refused command has a ResponseError in its place.

        Raises the driver's errors. A connection that the server closed while it was idle is replaced once.
        """
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = _Pool()
        async with pool.places:
            # Checked after waiting for a place, since the server may have gone down meanwhile.
            self._breaker.check("exchange", invalidates=True)
            if pool.trips != self._breaker.trips:
                # The breaker has opened since: the server that answers now has to be examined anew.
                pool.trips = self._breaker.trips
                self.drop()
            idle = pool.idle
            # One deadline for everything: connecting, checking the server, and the answer.
            async with within(self._deadline):
                if idle:
                    try:
                        return await self._ask_on(idle.pop(), packed, replies, idle)
                    except driver.TimeoutError:
                        raise
                    except driver.ConnectionError:
                        pass  # the server closed it while it was idle
                return await self._ask_on(await self._open(), packed, replies, idle)

    def drop(self) -> None:
        """Stop using the connections of this loop that are open now."""
        pool = self._pools.get(asyncio.get_running_loop())
        if pool is not None:
            dropped, pool.idle = pool.idle, deque()
            for connection in dropped:
                close_stream(connection)

    async def close(self) -> None:
        """Close this loop's idle connections."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        while pool is not None and pool.idle:
            await pool.idle.pop().disconnect()

    async def _ask_on(
        self, connection: AsyncConnection, packed: bytes, replies: int, idle: deque[AsyncConnection]
    ) -> list[Any]:
        try:
            await connection.send_packed_command(packed, check_health=False)
            found: list[Any] = []
            for _ in range(replies):
                try:
                    found.append(await connection.read_response())
                except driver.ResponseError as error:
                    # redis-py 5 to 7 know redirections only on connections of their own cluster.
                    found.append(refusal(str(error)) if type(error) is driver.ResponseError else error)
        except BaseException:
            # When cancelled, too: a reply that is still to come must not be taken for that of another command.
            await connection.disconnect(nowait=True)
            raise
        idle.append(connection)
        return found

    async def _open(self) -> AsyncConnection:
        endpoint = self._endpoint
        # Asking sentinels blocks, so it is done in a thread.
        located = endpoint.options if endpoint.locate is None else await asyncio.to_thread(endpoint.located)
        connection = cast(AsyncConnection, _CLASSES[endpoint.transport](**{**located, **_OPTIONS}))
        try:
            await connection.connect()
            with contextlib.suppress(driver.ResponseError):
                await ask(connection, None, NAME)
            await self._check(connection)
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, driver.ResponseError) and not isinstance(error, driver.ReadOnlyError):
                raise driver.AuthorizationError(str(error)) from error
            raise
        return connection


async def ask(connection: AsyncConnection, script: Script | None, arguments: Arguments) -> Any:
    """One command and its reply. Raises the driver's errors."""
    await connection.send_packed_command(command_bytes(script, arguments))
    try:
        return await connection.read_response()
    except driver.NoScriptError:
        await connection.send_packed_command(command_bytes_with_source(cast(Script, script), arguments))
        return await connection.read_response()


async def run_id_of(connection: AsyncConnection) -> str | None:
    """The run id of the server; None if it does not tell."""
    try:
        return parse_run_id(await ask(connection, None, ("INFO", "server")))
    except driver.ResponseError:
        return None


class AsyncRedisStore:
    """As `RedisStore`, awaited. They share the breaker, whose probe runs in a thread."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._primary = store.endpoint.primary
        self._connections = AsyncConnections(store.endpoint, self._check, store.breaker, store.deadline)

    async def perform(self, command: StoreCommand | Together) -> Any:
        """As `Store.perform`."""
        operation = type(command).__name__
        self._admit(command, operation)
        if isinstance(command, Together):
            found: Any = await self._exchange(command.commands, operation)
        elif isinstance(command, Announce | Unheard | Dismiss):
            found = await self._of_copies(command, operation)
        else:
            found = (await self._exchange((command,), operation))[0]
        # The server may have become suspect meanwhile.
        self._admit(command, operation)
        return found

    async def close(self) -> None:
        """Close this loop's idle connections."""
        await self._connections.close()

    def _admit(self, command: StoreCommand | Together, operation: str) -> None:
        breaker = self._store.breaker
        if breaker.reason is not None:
            breaker.check(operation, invalidates=invalidates(command))

    async def _exchange(self, commands: tuple[StoreCommand, ...], operation: str) -> list[Any]:
        wire, recovery = self._store.wire, self._store.recovery
        preface = recovery.preface(commands)
        try:
            replies = await self._replies([*preface, *map(wire.encode, commands)])
            if preface:
                await self._tell(replies[0])
            return decoded(wire, commands, replies[len(preface) :])
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self._store.failed(error, operation) from error

    async def _replies(self, sent: list[tuple[Script | None, Arguments]]) -> list[Any]:
        packed = b"".join([command_bytes(*one) for one in sent])
        replies = await self._connections.exchange(packed, len(sent))
        for place, reply in enumerate(replies):
            if isinstance(reply, driver.NoScriptError):
                script, arguments = sent[place]
                source = command_bytes_with_source(cast(Script, script), arguments)
                (reply,) = await self._connections.exchange(source, 1)
                replies[place] = reply
            if isinstance(reply, driver.ResponseError):
                raise reply
        return replies

    async def _of_copies(self, command: Announce | Unheard | Dismiss, operation: str) -> Any:
        """As `RedisStore._of_copies`."""
        asked = listener_registry.asked(self._store.wire, command, listener_registry.ONE_PLACE, HOLDS_MS)
        try:
            replies = await self._replies([(one.script, one.arguments) for one in asked])
            return listener_registry.answered(command, listener_registry.ONE_PLACE, replies)
        except CacheError:
            raise
        except Exception as error:  # an answer may be anything, and callers get only Frescor's errors
            raise self._store.failed(error, operation) from error

    async def _tell(self, untold: list[bytes]) -> None:
        """As `RedisStore._tell`."""
        recovery = self._store.recovery
        ends = recovery.telling() if untold else 0.0
        while untold and Steady.monotonic() < ends:
            await asyncio.sleep(TELL_LOOK)
            (untold,) = await self._replies([recovery.note()])
        if untold:
            await self._replies([recovery.give_up(untold)])
        recovery.noted()

    async def _check(self, connection: AsyncConnection) -> None:
        """As `Recovery.check`."""
        recovery = self._store.recovery
        if self._primary:
            recovery.check_role(await ask(connection, None, ("ROLE",)))
        run_id = recovery.known(await run_id_of(connection))
        recovery.take_answer(run_id, await ask(connection, *recovery.question(run_id)))


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError after this many seconds, but not before the loop has gone round a few times.

    A loop that was busy all that time has not looked whether the server answered: the delay is its own.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        timers: list[asyncio.Handle] = []

        def end(rounds: int) -> None:
            if rounds:
                timers[0] = loop.call_soon(end, rounds - 1)
            else:
                limit.reschedule(loop.time())

        timers.append(loop.call_later(seconds, end, _ROUNDS))
        try:
            yield
        finally:
            timers[0].cancel()


class AwaitedStore:
    """A store that answers at once, such as the memory store, for an event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def perform(self, command: StoreCommand | Together) -> Any:
        """As `Store.perform`."""
        return self._store.perform(command)

    async def close(self) -> None:
        """Does nothing: the store is closed by its owner."""
