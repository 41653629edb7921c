"""The connection of a relay: its own, used by one thread, of a sync or an async engine alike."""

import asyncio
import contextlib
import select
import selectors
import socket
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.util import greenlet_spawn

from frescor.sqlalchemy._engine.hooks import copy_without_hooks
from frescor.sqlalchemy._private import UnheardEngine

T = TypeVar("T")

# What a trigger notifies PostgreSQL's listeners on.
CHANNEL = "frescor_outbox"


class Wake:
    """Ends a wait from another thread."""

    def __init__(self) -> None:
        self.waiting, self._waking = socket.socketpair()
        self.waiting.setblocking(False)
        self._waking.setblocking(False)

    def set(self) -> None:
        """End the wait that is under way, or the next one."""
        # Full, it is set already.
        with contextlib.suppress(OSError):
            self._waking.send(b".")

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is set; then clear it."""
        select.select([self.waiting], [], [], seconds)
        self.clear()

    def clear(self) -> None:
        """The next wait lasts."""
        with contextlib.suppress(OSError):
            while self.waiting.recv(1024):
                pass

    def close(self) -> None:
        """Give the sockets back."""
        self.waiting.close()
        self._waking.close()


class RelayConnection:
    """One connection, made as the engine makes its own: each statement is committed by itself.

    It comes from a pool of its own, so that the application's is not one short. An async engine's connection lives in
    an event loop of its own, which runs while a function does.
    """

    def __init__(self, engine: sa.Engine, wake: Wake) -> None:
        self._tracked = engine
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
        """What the function returns, given the connection. Raises what it raises."""
        return self._spawned(lambda: function(self._connection))

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a trigger notifies of a row, or somebody wakes this."""
        if not self._notified:
            self._selector.select(seconds)
        self._notified = False
        self._wake.clear()

    def has_changed(self) -> bool:
        """Whether others may have written since this was asked last; on PostgreSQL that costs as much as looking."""
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
        # A dialect learns from its first connection, and this one is copied: what is tracked is known by its dialect.
        self._pool.connect().close()
        dialect = copy_without_hooks(self._tracked.dialect)
        engine = UnheardEngine(self._pool, dialect, self._tracked.url, hide_parameters=True)
        return engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _listen(self) -> None:
        """Hear of triggers' rows at once, where the driver has a socket that can be waited for."""
        if self._tracked.dialect.name != "postgresql":
            return
        driver: Any = self._connection.connection.driver_connection
        if hasattr(driver, "fileno"):
            self.run(lambda connection: connection.exec_driver_sql(f"LISTEN {CHANNEL}"))
            self._selector.register(driver.fileno(), selectors.EVENT_READ)
        if hasattr(driver, "add_notify_handler"):
            # Those that come with a statement's answer; they are kept for ever otherwise.
            driver.add_notify_handler(self._take_notice)

    def _take_notice(self, _: object) -> None:
        self._notified = True

    def _spawned(self, function: Callable[[], T]) -> T:
        if self._loop is None:
            return function()
        return self._loop.run_until_complete(greenlet_spawn(function))
