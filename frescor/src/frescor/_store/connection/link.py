"""A connection that is ready for use, read by hiredis's parser directly from the socket."""

import socket
import ssl
import struct
import sys
from typing import Any, Protocol

import hiredis
from redis import exceptions as driver

from frescor._clocks import Steady
from frescor._store.connection.deadline import has_deadline, left
from frescor._store.connection.redis_private import socket_of
from frescor._store.connection.spin_wait import SIZE, SpinWait


class DriverConnection(Protocol):
    """What is used of redis-py's connection."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def send_packed_command(self, command: list[bytes], check_health: bool = True) -> None: ...
    def read_response(self) -> Any: ...


class Link:
    """A connection that is ready for use, read without redis-py's layers, which took half of each round trip's time."""

    __slots__ = ("_connection", "_deadline", "_limit", "_reader", "_socket", "_spin_wait")

    def __init__(self, connection: DriverConnection, spin_wait: SpinWait, deadline: float) -> None:
        self._connection = connection
        self._socket = socket_of(connection)
        self._deadline = self._limit = deadline
        # If Python times the socket, it sleeps before it looks: then there is no point in spinning.
        self._spin_wait = spin_wait if _let_kernel_time(self._socket) else None
        self._reader = hiredis.Reader(protocolError=driver.InvalidResponse, replyError=refusal)

    def send(self, packed: bytes) -> None:
        """Send commands."""
        try:
            self._socket.sendall(packed)
        except (TimeoutError, BlockingIOError) as error:
            raise driver.TimeoutError("no answer in time") from error
        except OSError as error:
            raise driver.ConnectionError(str(error)) from error

    def receive(self, replies: int) -> list[Any]:
        """Read as many replies; a refused command has a ResponseError in its place."""
        found: list[Any] = []
        ends: float | None = None
        try:
            while len(found) < replies:
                reply = self._reader.gets()
                if reply is False:
                    if ends is None:
                        if has_deadline() is not None or self._limit != self._deadline:
                            self._hurry()
                        ends = Steady.monotonic() + self._limit
                        spin_wait = self._spin_wait
                        data = self._socket.recv(SIZE) if spin_wait is None else spin_wait.receive(self._socket)
                    elif Steady.monotonic() > ends:
                        # The deadline holds even for a server that sends byte by byte.
                        raise TimeoutError
                    else:
                        data = self._socket.recv(SIZE)
                    if not data:
                        raise driver.ConnectionError("the server closed the connection")
                    self._reader.feed(data)
                elif not isinstance(reply, hiredis.PushNotification):
                    found.append(reply)
        except (TimeoutError, BlockingIOError) as error:
            raise driver.TimeoutError("no answer in time") from error
        except OSError as error:
            raise driver.ConnectionError(str(error)) from error
        return found

    def _hurry(self) -> None:
        """Shorten the socket's timeout to what is left of the call's deadline, if that is less."""
        limit = left(self._deadline)
        # In a call's first round trip nearly the whole deadline is left, and setting the timeout costs a system call.
        if limit != self._limit and (limit < 0.9 * self._deadline or self._limit < limit):
            self._limit = limit
            if self._spin_wait is None:
                self._socket.settimeout(limit)
            else:
                _set_kernel_timeout(self._socket, limit)

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()


def _let_kernel_time(connected: socket.socket) -> bool:
    """Let the kernel enforce the socket's timeout; returns False where it cannot. Python's own way polls before every
    send and receive, which is half of the processor time that a round trip costs the caller."""
    timeout = connected.gettimeout()
    if timeout is None or sys.platform == "win32" or isinstance(connected, ssl.SSLSocket):
        return False
    _set_kernel_timeout(connected, timeout)
    connected.settimeout(None)
    return True


def _set_kernel_timeout(connected: socket.socket, seconds: float) -> None:
    # Zero would mean no timeout.
    whole, part = divmod(max(1, round(seconds * 1_000_000)), 1_000_000)
    timeval = struct.pack("@ll", whole, part)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


_REFUSALS: dict[str, type[driver.ResponseError | driver.ConnectionError]] = {
    "NOSCRIPT": driver.NoScriptError,
    "READONLY": driver.ReadOnlyError,
    "LOADING": driver.BusyLoadingError,
    "NOAUTH": driver.AuthenticationError,
    "WRONGPASS": driver.AuthenticationError,
    "TRYAGAIN": driver.TryAgainError,
    "CLUSTERDOWN": driver.ClusterDownError,
}
_REDIRECTIONS = {"MOVED": driver.MovedError, "ASK": driver.AskError}


def refusal(text: str) -> driver.RedisError:
    """The driver's error for a server's refusal, as precisely as it has one."""
    code, _, rest = text.partition(" ")
    if code in _REDIRECTIONS:
        return _REDIRECTIONS[code](rest)
    return _REFUSALS.get(code, driver.ResponseError)(text)
