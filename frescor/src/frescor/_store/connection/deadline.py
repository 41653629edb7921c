"""One deadline for all that a call asks of servers: to be connected, let in, looked at and answered, whatever that
takes in round trips.

Whoever calls says it once (`within`), and what waits for a socket on its way asks what is left. Beside the calls, such
as for a probe, each step has the whole of its own.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from redis import exceptions as driver
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

_ENDS: ContextVar[float | None] = ContextVar("frescor_ends", default=None)
# None where there is none: asked at every hit, so without a call of Python's.
has_deadline = _ENDS.get


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what is asked of servers here end by then; not later than one that encloses this."""
    ends, enclosing = time.monotonic() + seconds, _ENDS.get()
    token = _ENDS.set(ends if enclosing is None else min(ends, enclosing))
    try:
        yield
    finally:
        _ENDS.reset(token)


def left(most: float) -> float:
    """The seconds that are left of the deadline, at most so many. Raises the driver's TimeoutError after its end."""
    ends = _ENDS.get()
    if ends is None:
        return most
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise driver.TimeoutError("no answer in time")
    return min(seconds, most)


class TimedSocket:
    """A socket whose every receive and send ends by the deadline, however little comes at a time."""

    def __init__(self, plain: socket.socket, most: float) -> None:
        self.plain = plain
        self._most = most

    def recv(self, *arguments: Any) -> bytes:
        self.plain.settimeout(left(self._most))
        return self.plain.recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self.plain.settimeout(left(self._most))
        return self.plain.recv_into(*arguments)

    def sendall(self, data: Any) -> None:
        self.plain.settimeout(left(self._most))
        self.plain.sendall(data)

    def settimeout(self, _seconds: float | None) -> None:
        """Nothing: what is left is looked up each time."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class _Timed(_Base):
    """redis-py's connection, by the deadline while it is made."""

    def __init__(self, *, socket_timeout: float, **options: Any) -> None:
        # By itself: the driver keeps its own in attributes that these properties hide.
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
        # Each of a host's addresses has what the ones before have left.
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
