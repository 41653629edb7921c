"""A relay's own connection, used by its thread alone, for sync and async engines."""

import asyncio
import contextlib
import select
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.util import greenlet_spawn

from frescor.sqlalchemy._engine.hooks import copy_without_hooks
from frescor.sqlalchemy._private import UnheardEngine

T = TypeVar("T")

# The channel on which a trigger notifies PostgreSQL's listeners.
CHANNEL = "frescor_outbox"
# Seconds that another thread's first connection may take.
LEARN_WITHIN = 10.0


class Wake:
    """Ends a wait from another thread."""

    def __init__(self) -> None:
        self.waiting, self._waking = socket.socketpair()
        self.waiting.setblocking(False)
        self._waking.setblocking(False)

    def set(self) -> None:
        """End the wait that is under way, or else the next one."""
        # Full means that it is set already.
        with contextlib.suppress(OSError):
            self._waking.send(b".")

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is set; then clear it."""
        select.select([self.waiting], [], [], seconds)
        self.clear()

    def clear(self) -> None:
        """Forget a `set`, so that the next wait takes its time."""
        with contextlib.suppress(OSError):
            while self.waiting.recv(1024):
                pass

    def close(self) -> None:
        """Give the sockets back."""
        self.waiting.close()
        self._waking.close()


class RelayConnection:
    """One connection, made as the engine makes its own, on which every statement commits by itself.

    It comes from a pool of its own, so that the application's pool is not one connection short. An async engine's
    connection has an event loop of its own, which runs only while `run` does.

    A dialect learns about its server during the first connection of all pools that were made from one. Others do not
    wait for that: `server_known` tells the relay and the application when it is done. A dialect that does not know the
    default schema yet would give tables other names, and their tags with them.
    """

    def __init__(self, engine: sa.Engine, wake: Wake, server_known: threading.Event) -> None:
        self._tracked = engine
        self._server_known = server_known
        self._pool = engine.pool.recreate()
        self._loop = asyncio.new_event_loop() if engine.dialect.is_async else None
        self._wake = wake
        self._selector = selectors.DefaultSelector()
        self._notified = False
        self._seen: int | None = None
        try:
            self._connection = self._spawned(self._open)
            self._selector.register(wake.waiting, selectors.EVENT_READ)
            self._listen()
        except BaseException:
            self._release()
            raise

    def run(self, function: Callable[[sa.Connection], T]) -> T:
        """Call the function with the connection; returns what it returns and raises what it raises."""
        return self._spawned(lambda: function(self._connection))

    def wait(self, seconds: float) -> None:
        """Wait that long, or until a trigger notifies of a row, or until somebody wakes this."""
        if not self._notified:
            self._selector.select(seconds)
        self._notified = False
        self._wake.clear()

    def has_changed(self) -> bool:
        """Whether others may have written since the last call. On PostgreSQL asking would cost as much as reading."""
        if self._tracked.dialect.name != "sqlite":
            return True
        version = self.run(lambda connection: connection.exec_driver_sql("PRAGMA data_version").scalar())
        before, self._seen = self._seen, version
        return version != before

    def close(self) -> None:
        """Close the connection."""
        try:
            self._spawned(self._connection.close)
            self._spawned(self._pool.dispose)
        finally:
            self._release()

    def _release(self) -> None:
        self._selector.close()
        if self._loop is not None:
            self._loop.close()

    def _open(self) -> sa.Connection:
        self._pool.connect().close()
        if not self._server_known.wait(LEARN_WITHIN):
            raise TimeoutError("the first connection to the database has not been made in time")
        # A copy, since a tracked engine is recognised by its dialect.
        dialect = copy_without_hooks(self._tracked.dialect)
        engine = UnheardEngine(self._pool, dialect, self._tracked.url, hide_parameters=True)
        return engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _listen(self) -> None:
        """Be notified of triggers' rows at once, if the driver has a socket to wait on."""
        if self._tracked.dialect.name != "postgresql":
            return
        driver: Any = self._connection.connection.driver_connection
        if hasattr(driver, "fileno"):
            self.run(lambda connection: connection.exec_driver_sql(f"LISTEN {CHANNEL}"))
            self._selector.register(driver.fileno(), selectors.EVENT_READ)
        if hasattr(driver, "add_notify_handler"):
            # Takes the notifications that arrive with a statement's answer; the driver would keep them for ever.
            driver.add_notify_handler(self._take_notice)

    def _take_notice(self, _: object) -> None:
        self._notified = True

    def _spawned(self, function: Callable[[], T]) -> T:
        if self._loop is None:
            return function()
        return self._loop.run_until_complete(greenlet_spawn(function))
