"""What the load runs against: a private PostgreSQL that writes to disk, a cache server, the application's workers."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from frescor.testing import PrivateServer
from frescor.testing.private_postgres import PrivatePostgres

HERE = Path(__file__).parent
_READY = "ready.json"


@dataclass(frozen=True, slots=True)
class Stack:
    """What a run needs, started: PostgreSQL with its data, a cache server, and where both keep their files."""

    folder: Path
    database: str
    postmaster: int
    cache_url: str

    def environment(self, port: int, *, cached: bool) -> dict[str, str]:
        """Of the application: everything of its own, in this run's folder."""
        return os.environ | {
            "CONTROLES_ENV": "development",
            "CONTROLES_DATA": str(self.folder),
            "LOG_DIR": str(self.folder / "logs"),
            "DATABASE_URL": self.database,
            "REDIS_URL": self.cache_url,
            "RATE_LIMIT_URL": "memory://",
            "LOGIN_RATE": "1000 per minute",
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
            "GUNICORN_THREADS": "8",
            "BENCH_CACHE": "on" if cached else "off",
            "BENCH_LOADS": beside(self.cache_url) if cached else "",
        }

    def flask(self, *command: str) -> None:
        """One of the application's commands."""
        began = time.perf_counter()
        environment = self.environment(5000, cached=True) | {"BENCH_LOADS": ""}
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "controles", *command],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL if command == ("seed-users",) else None,
        )
        print(f"flask --app controles {' '.join(command)}: {time.perf_counter() - began:.1f} s")

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of one's own to its database."""
        return psycopg.connect(self.database.replace("+psycopg", ""))

    def forget(self) -> None:
        """Forget everything that is cached, as an operator does: a server that was emptied would be taken for one that
        has lost its memory, and all be computed once more in the midst of the load."""
        self.flask("cache", "clear", "--yes")


def beside(url: str) -> str:
    """Where the runs of cached functions are noted: on the cache's server, in a database of their own."""
    return url.replace("db=0", "db=1")


@contextlib.contextmanager
def stack(profile: str, data: Path | None) -> Iterator[Stack]:
    """Started; filled with the profile, unless `data` holds it from an earlier run."""
    with (
        tempfile.TemporaryDirectory(prefix="controles-load-") as folder,
        PrivatePostgres(durable=True, folder=data) as postgres,
        PrivateServer() as server,
    ):
        files = Path(folder) if data is None else data / "application"
        files.mkdir(exist_ok=True)
        url = postgres.make_database("controles")
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            postmaster = int(_stat(row[0])[1])
        found = Stack(files, url, postmaster, server.url)
        found.flask("db-upgrade")
        ready = files / _READY
        if not ready.exists():
            found.flask("seed", "--profile", profile)
            found.flask("seed-users")
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
                # As autovacuum leaves a table that has been there for a while.
                connection.execute("VACUUM ANALYZE")
            ready.write_text(json.dumps({"profile": profile}))
        elif (kept := json.loads(ready.read_text())["profile"]) != profile:
            raise SystemExit(f"{data} holds the profile {kept}, not {profile}: give another folder with --data.")
        yield found


@contextlib.contextmanager
def serving(stack: Stack, *, cached: bool) -> Iterator[int]:
    """The application by its own workers; the port that it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = stack.folder / f"server-{'with' if cached else 'without'}.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", f"{HERE / 'load_server.py'}:create_app", "serve"],
            env=stack.environment(port, cached=cached),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"The application did not start:\n{log.read_text()}")
                time.sleep(0.1)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _stat(pid: int | str) -> list[str]:
    # The command, in brackets, may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def database_cpu(postmaster: int) -> float:
    """Seconds of processor time that the server and all its processes have taken, those that ended included."""
    ticks = sum(map(int, _stat(postmaster)[11:15]))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = _stat(entry.name)
                if int(fields[1]) == postmaster:
                    ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def loads(url: str) -> dict[str, dict[str, int]]:
    """By policy: how many loads were of a call seen for the first time, came to the same value, or to another."""
    store = redis.Redis.from_url(beside(url), decode_responses=True)
    return {
        str(key).removeprefix("loads:"): {str(name): int(count) for name, count in store.hgetall(key).items()}
        for key in sorted(store.scan_iter("loads:*"))
    }


def forget_loads(url: str) -> None:
    """Begin to count anew."""
    store = redis.Redis.from_url(beside(url))
    for key in store.scan_iter("loads:*"):
        store.delete(key)
