"""One deadline for everything that a call does on servers: connecting, authenticating, checking the server, and the
answer, however many round trips that takes.

A call sets its deadline once (`within`); each wait for a socket asks how much time is left. Outside of calls, as in a
probe, each step may take its full timeout.
"""

import contextlib
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from redis import exceptions as driver
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from frescor._clocks import Steady

_ENDS: ContextVar[float | None] = ContextVar("frescor_ends", default=None)
# None if there is no deadline. Asked at every hit, so it is a C function and not one of Python's.
has_deadline = _ENDS.get


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set the deadline for what is asked of servers in this block; a deadline that encloses it still holds."""
    ends, enclosing = Steady.monotonic() + seconds, _ENDS.get()
    token = _ENDS.set(ends if enclosing is None else min(ends, enclosing))
    try:
        yield
    finally:
        _ENDS.reset(token)


def left(most: float) -> float:
    """The seconds left until the deadline, `most` at the most. Raises the driver's TimeoutError once it has passed."""
    ends = _ENDS.get()
    if ends is None:
        return most
    seconds = ends - Steady.monotonic()
    if seconds <= 0:
        raise driver.TimeoutError("no answer in time")
    return min(seconds, most)


class TimedSocket:
    """A socket whose every receive and send ends by the deadline, even if the bytes arrive one at a time."""

    def __init__(self, plain: socket.socket, most: float) -> None:
        self.plain = plain
        self._most = most
        self._waits = True

    def recv(self, *arguments: Any) -> bytes:
        self.plain.settimeout(left(self._most) if self._waits else 0)
        return self.plain.recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self.plain.settimeout(left(self._most) if self._waits else 0)
        return self.plain.recv_into(*arguments)

    def sendall(self, data: Any) -> None:
        self.plain.settimeout(left(self._most))
        self.plain.sendall(data)

    def settimeout(self, seconds: float | None) -> None:
        """Ignored, since the timeout is set before each operation; except that 0 means to look and not to wait, as
        the pools of redis-py 5 to 7 do before they give a connection out."""
        self._waits = seconds != 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class _Timed(_Base):
    """redis-py's connection, which keeps to the deadline while it connects."""

    def __init__(self, *, socket_timeout: float, **options: Any) -> None:
        # Kept separately: the driver stores its own value in an attribute that a property hides here.
        self._most = socket_timeout
        super().__init__(socket_timeout=socket_timeout, **options)  # type: ignore[no-untyped-call]

    @property
    def socket_timeout(self) -> float:
        return left(self._most)

    @socket_timeout.setter
    def socket_timeout(self, value: Any) -> None:
        self._most = value

    @property
    def socket_connect_timeout(self) -> float:
        # A host may have several addresses: each has the time that the ones before it left.
        return left(self._most)

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, value: Any) -> None:
        self._most = value

    def _connect(self) -> Any:
        return TimedSocket(super()._connect(), self._most)  # type: ignore[no-untyped-call]


class TimedConnection(_Timed, Connection):
    pass


class TimedSSLConnection(_Timed, SSLConnection):
    pass


class TimedUnixConnection(_Timed, UnixDomainSocketConnection):
    pass
