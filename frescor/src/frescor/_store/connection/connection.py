"""Connections to one server. redis-py connects, so TLS, authentication and unix sockets are its responsibility; the
pool is Frescor's, and costs little. Errors of the driver are mapped here, in one place."""

import contextlib
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis
from redis import exceptions as driver
from redis.backoff import NoBackoff
from redis.retry import Retry

from frescor._protocol.commands import StoreCommand
from frescor._store.connection.deadline import (
    TimedConnection,
    TimedSocket,
    TimedSSLConnection,
    TimedUnixConnection,
    left,
    within,
)
from frescor._store.connection.endpoint import Endpoint
from frescor._store.connection.link import DriverConnection, Link
from frescor._store.connection.redis_private import PLAIN, put_socket, socket_of
from frescor._store.connection.semaphore import FastSemaphore
from frescor._store.connection.spin_wait import SpinWait
from frescor._store.scripts import Script
from frescor._store.wire import Arguments, Wire, parse_run_id
from frescor.errors import CacheError, StoreRejected, StoreUnavailable

# The most that a caller pays when the server hangs, in seconds, and only once: the breaker then keeps callers away.
DEADLINE = 0.25
# Connections in use at the same time in one process.
_MOST_CONNECTIONS = 64

CONNECTION_OPTIONS: dict[str, Any] = {
    "decode_responses": False,
    "protocol": 3,
    **PLAIN,
    "retry": Retry(NoBackoff(), 0),
    "health_check_interval": 0,
}


NAME = ("CLIENT", "SETNAME", "frescor")
_CLASSES: dict[str, type] = {"tcp": TimedConnection, "tls": TimedSSLConnection, "unix": TimedUnixConnection}


def connection_to(endpoint: Endpoint, *, deadline: float) -> "DriverConnection":
    """A connection, not yet connected. Raises the driver's errors if the sentinels cannot name a server."""
    options = {**endpoint.located(), **CONNECTION_OPTIONS}
    options |= {"socket_timeout": deadline, "socket_connect_timeout": deadline}
    return cast(DriverConnection, _CLASSES[endpoint.transport](**options))


# How servers refuse scripts.
_NO_SCRIPTS = ("'evalsha'", "'eval'")
# How servers refuse SELECT.
_NO_DATABASE = ("DB index is out of range", "SELECT is not allowed", "'select' command", "unknown command 'SELECT'")


def mapped(error: Exception, operation: str, *, primary: bool = False) -> CacheError:
    """The Frescor error for an error of the driver. primary: meeting a replica means the wrong server."""
    text = str(error)
    if text.startswith(("BUSY", "LOADING", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN")):
        return StoreUnavailable(f"the store is busy: {text}", operation=operation)
    if isinstance(error, driver.ReadOnlyError):
        return StoreUnavailable(
            f"the primary has become a replica: {text}. The sentinels are asked for the new one."
            if primary
            else f"the store is a read-only replica, which may be behind: {text}. Give the primary's address.",
            operation=operation,
        )
    if any(sign in text for sign in _NO_DATABASE):
        return StoreRejected(
            f"the store has no database of this number: {text}. A cluster and many managed servers have only 0: end "
            "the URL with /0, and give this application a namespace of its own.",
            operation=operation,
        )
    if any(sign in text.lower() for sign in _NO_SCRIPTS):
        return StoreRejected(
            f"the store refuses scripts, without which nothing can be cached and never be stale: {text}. Until this "
            "user may run EVAL and EVALSHA (`frescor acl` prints all that it needs), every call loads.",
            operation=operation,
        )
    if isinstance(error, driver.AuthenticationError | driver.AuthorizationError):
        return StoreRejected(
            f"the store refuses the login: {text}. Check user and password in the URL, and what this user may do "
            "(`frescor acl` prints it).",
            operation=operation,
        )
    if isinstance(error, driver.BusyLoadingError | driver.ConnectionError | driver.TimeoutError | OSError):
        return StoreUnavailable(
            f"the store does not answer: {text}. Check that it is running and that its address is right; until it "
            "answers, values are loaded without it.",
            operation=operation,
        )
    if isinstance(error, driver.InvalidResponse) or not isinstance(error, driver.RedisError):
        return StoreUnavailable(
            f"the server at this address is not Redis or Valkey: {text}. Check the address.", operation=operation
        )
    return StoreRejected(
        f"the store refused: {text}. Check its memory (maxmemory-policy allkeys-lru) and this user's permissions.",
        operation=operation,
    )


def keeps_away(error: Exception, failure: CacheError) -> bool:
    """Whether callers are to be kept away after this error: the server does not answer, or refuses to let them in."""
    return isinstance(failure, StoreUnavailable) or isinstance(
        error, driver.AuthenticationError | driver.AuthorizationError
    )


def decoded(wire: Wire, commands: Sequence[StoreCommand], replies: Sequence[Any]) -> list[Any]:
    """The results of commands, from the server's replies. Raises InvalidResponse for replies that make no sense."""
    try:
        return [wire.decode(command, reply) for command, reply in zip(commands, replies, strict=True)]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise driver.InvalidResponse(f"an answer that makes no sense ({error!r})") from error


class Connections:
    """A pool for one server: a connection for each thread that needs one at the same time, the newest idle one
    first."""

    def __init__(
        self, make: Callable[[], DriverConnection], check: Callable[[DriverConnection], None], deadline: float
    ) -> None:
        """`make` returns a connection that is not connected yet; `check` examines the server once it is. deadline: the
        seconds that an exchange may take, including all that has to be done before it."""
        self._make = make
        self._deadline = deadline
        self._check = check
        self._idle: deque[Link] = deque()
        self._pid = os.getpid()
        self._semaphore = FastSemaphore(_MOST_CONNECTIONS)
        self._spin_wait = SpinWait(self._semaphore)

    def exchange(self, packed: bytes, replies: int, before: Callable[[], None]) -> list[Any]:
        """Send commands and read as many replies; a refused command has a ResponseError in its place. If this had to
        wait for a connection, it calls `before` first, because the server may have gone down meanwhile.

        Raises the driver's errors. A connection that the server closed while it was idle is replaced once.
        """
        waited = self._semaphore.acquire()
        try:
            if waited:
                before()
            # A local reference: if `drop` replaces the deque meanwhile, this connection must not get into the new one.
            idle = self._idle
            link = self._take_idle()
            if link is not None:
                try:
                    return self._exchange_on(link, packed, replies, idle)
                except driver.TimeoutError:
                    raise
                except driver.ConnectionError:
                    pass
            with within(self._deadline):
                return self._exchange_on(self._open(), packed, replies, idle)
        finally:
            self._semaphore.release()

    def send(self, packed: bytes, replies: int, before: Callable[[], None]) -> "Sent":
        """As `exchange`, but the replies are received later, so that several servers can work at the same time.

        All threads must ask servers in the same order: each exchange holds a connection until its replies were
        received.
        """
        waited = self._semaphore.acquire()
        try:
            if waited:
                before()
            idle = self._idle
            link = self._take_idle()
            reused = link is not None
            with within(self._deadline):
                sent = Sent(self, link or self._open(), packed, replies, idle, reused=reused)
                sent.send()
        except BaseException:
            self._semaphore.release()
            raise
        return sent

    def open_line(self) -> "ServerLine":
        """A separate connection for a listener. Raises Frescor's errors."""
        try:
            return ServerLine(self._open_connection())
        except Exception as error:
            raise mapped(error, "listen") from error

    def probe(self) -> None:
        """Open a connection and wait for an answer of the server. Raises Frescor's errors."""
        try:
            (pong,) = self._exchange_on(self._open(), packed(("PING",)), 1, self._idle)
            if isinstance(pong, driver.RedisError):
                raise pong
            if pong != b"PONG":
                raise driver.InvalidResponse("its answer to PING is not PONG")
        except Exception as error:
            raise mapped(error, "probe") from error

    def drop(self) -> None:
        """Stop using the connections that are open now: the server that they lead to may be the wrong one."""
        idle, self._idle = self._idle, deque()
        for link in tuple(idle):
            link.close()

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are given back."""
        self._pid = -1
        while (link := self._take_idle(any_process=True)) is not None:
            link.close()

    def _take_idle(self, *, any_process: bool = False) -> "Link | None":
        if self._pid != os.getpid() and not any_process:
            # After a fork the sockets belong to the parent: only forgotten here, not shut down.
            self._idle = deque()
            self._pid = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _open(self) -> "Link":
        return Link(self._open_connection(), self._spin_wait, self._deadline)

    def _open_connection(self) -> DriverConnection:
        connection = self._make()
        try:
            connection.connect()
            # Asked apart from the login: some servers refuse it, and it is worth nothing but a line of CLIENT LIST.
            with contextlib.suppress(driver.ResponseError):
                ask(connection, None, NAME)
            self._check(connection)
        except BaseException as error:
            connection.disconnect()
            if isinstance(error, driver.ResponseError) and not isinstance(error, driver.ReadOnlyError):
                raise driver.AuthorizationError(str(error)) from error
            raise
        # From here on whoever uses the socket sets its timeout.
        timed: object = socket_of(connection)
        if isinstance(timed, TimedSocket):
            put_socket(connection, timed.plain)
        socket_of(connection).settimeout(self._deadline)
        return connection

    def _exchange_on(self, link: "Link", packed: bytes, replies: int, idle: "deque[Link]") -> list[Any]:
        try:
            link.send(packed)
            found = link.receive(replies)
        except BaseException:
            link.close()
            raise
        self._give_back(link, idle)
        return found

    def _give_back(self, link: "Link", idle: "deque[Link]") -> None:
        if self._pid != -1:
            idle.append(link)
        else:
            link.close()


class Sent:
    """Commands that were sent and whose replies are still to be received, or given up."""

    def __init__(
        self,
        connections: Connections,
        link: Link,
        packed: bytes,
        replies: int,
        idle: deque[Link],
        *,
        reused: bool,
    ) -> None:
        self._connections = connections
        self._link = link
        self._packed = packed
        self._replies = replies
        self._idle = idle
        self._reused = reused

    def send(self) -> None:
        """Send the commands. A connection that the server closed while it was idle is replaced once."""
        try:
            try:
                self._link.send(self._packed)
            except driver.TimeoutError:
                raise
            except driver.ConnectionError:
                self._replace()
        except BaseException:
            self._link.close()
            raise

    def receive(self) -> list[Any]:
        """The replies; a refused command has a ResponseError in its place. Raises the driver's errors."""
        try:
            try:
                found = self._link.receive(self._replies)
            except driver.TimeoutError:
                raise
            except driver.ConnectionError:
                with within(left(self._connections._deadline)):
                    self._replace()
                    found = self._link.receive(self._replies)
        except BaseException:
            self.give_up()
            raise
        self._connections._give_back(self._link, self._idle)
        self._connections._semaphore.release()
        return found

    def give_up(self) -> None:
        """Close the connection: its replies must not be taken for those of a later command."""
        self._link.close()
        self._connections._semaphore.release()

    def _replace(self) -> None:
        if not self._reused:
            raise driver.ConnectionError("the server closed the connection")
        self._reused = False
        self._link.close()
        self._link = self._connections._open()
        self._link.send(self._packed)


def ask(connection: DriverConnection, script: Script | None, arguments: Arguments) -> Any:
    """One command and its reply, on a connection that nobody else uses. Raises the driver's errors."""
    connection.send_packed_command([command_bytes(script, arguments)])
    try:
        return connection.read_response()
    except driver.NoScriptError:
        connection.send_packed_command([command_bytes_with_source(cast(Script, script), arguments)])
        return connection.read_response()


def run_id_of(connection: DriverConnection) -> str | None:
    """The run id of the server; None if it does not tell."""
    try:
        return parse_run_id(ask(connection, None, ("INFO", "server")))
    except driver.ResponseError:
        return None


class ServerLine:
    """A connection from which pushes and replies are read as they arrive."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection
        self._socket = socket_of(connection)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, timeout: float) -> bytes | None:
        self._socket.settimeout(max(timeout, 0.001))
        try:
            return self._socket.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            # Wakes a thread that waits in `receive`; closing the socket alone would not.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._connection.disconnect()


def command_bytes(script: Script | None, arguments: Arguments) -> bytes:
    """The bytes of a command; a script is named by its digest."""
    if script is None:
        return packed(arguments)
    return packed(("EVALSHA", script.sha, *arguments))


def command_bytes_with_source(script: Script, arguments: Arguments) -> bytes:
    """The bytes of a command that carries the script's source, for a server that does not know the script."""
    return packed(("EVAL", script.source, *arguments))


# The stub of this function accepts tuples of one item only.
packed = cast(Callable[[Arguments], bytes], hiredis.pack_command)
