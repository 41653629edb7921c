"""A MariaDB server for tests, on a unix socket in a folder of its own; from the PATH, as Debian's mariadb-server."""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

_USUAL = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
# Nothing that a test writes has to outlive its server.
_SETTINGS = (
    "--no-defaults",
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=16M",
    "--innodb-lock-wait-timeout=2",
)
_STARTS_WITHIN = 60.0


def mariadb_is_there() -> bool:
    """Whether this machine has the server."""
    return _program("mariadbd") is not None and _program("mariadb-install-db") is not None


class PrivateMariaDB:
    """The server, from `with` to its end. Raises LookupError if this machine has none."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        server, install = _program("mariadbd"), _program("mariadb-install-db")
        if server is None or install is None:
            raise LookupError("No MariaDB for tests: apt-get install mariadb-server.")
        self._folder = tempfile.TemporaryDirectory(prefix="frescor-my-", ignore_cleanup_errors=True)
        self.socket = Path(self._folder.name) / "server.sock"
        data = f"--datadir={self._folder.name}/data"
        # Run as root it wants to hear that this is meant.
        user = [f"--user={os.environ.get('USER', 'root')}"] if os.geteuid() == 0 else []
        quick = ("--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-buffer-pool-size=16M")
        subprocess.run(
            [install, "--no-defaults", data, *user, *quick], check=True, stdout=subprocess.DEVNULL, timeout=120
        )
        with (Path(self._folder.name) / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [server, *_SETTINGS, data, f"--socket={self.socket}", f"--pid-file={self.socket}.pid", *user],
                stdout=log,
                stderr=log,
            )
        ends = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > ends:
                said = (Path(self._folder.name) / "server.log").read_text(errors="replace")[-2000:]
                self._stop()
                raise LookupError(f"MariaDB did not start; it said:\n{said}")
        return self

    def make_database(self, driver: str = "pymysql") -> str:
        """A new, empty database; its URL for one of SQLAlchemy's drivers."""
        name = f"d{next(self._numbers)}"
        self._client(f"CREATE DATABASE {name}", check=True)
        return f"mariadb+{driver}://root@localhost/{name}?unix_socket={quote(str(self.socket))}"

    def _answers(self) -> bool:
        return self._client("SELECT 1", check=False)

    def _client(self, statement: str, *, check: bool) -> bool:
        command = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--execute", statement]
        done = subprocess.run(command, check=check, capture_output=True, timeout=30)
        return done.returncode == 0

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()


def _program(name: str) -> str | None:
    return shutil.which(name, path=_USUAL)
