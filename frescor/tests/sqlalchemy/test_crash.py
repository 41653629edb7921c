"""Processes and servers are killed, and no old value is served after that.

FRESCOR_CRASHES: how often each happens; a few without it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from frescor import Cache, Policy
from frescor._store.server.redis import RedisStore
from frescor.sqlalchemy import outbox_table, track
from frescor.testing import PrivateServer
from waiting import until

CRASHES = int(os.environ.get("FRESCOR_CRASHES", "2"))
POLICY = Policy(name="p", expire=3600, jitter=0.0, early=False)
WRITER = Path(__file__).with_name("crashing.py")
# Seconds: what is promised, where it is measured; on a machine that is busy with other tests it is not.
SOON = 1.0 if "FRESCOR_CRASHES" in os.environ else 10.0


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (x integer)"))
        connection.execute(sa.text("INSERT INTO t VALUES (0)"))
        metadata = sa.MetaData()
        outbox_table(metadata)
        metadata.create_all(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    """A server that has after a crash what it had before."""
    options = {"appendonly": "yes", "appendfsync": "always"}
    with PrivateServer(options=options, namespaces=["test"]) as server:
        yield server


class Reader:
    """A process's cached query."""

    def __init__(self, engine: sa.Engine, server: PrivateServer, *, tracked: bool = True, local: bool = False) -> None:
        """Without local copies, which may be behind by a push, or by two seconds where the server is cut off."""
        self._engine = sa.create_engine(engine.url)
        self.cache = Cache.from_url(server.url, "test", local=local)
        self._tracking = track(self._engine, self.cache) if tracked else None
        self.loads = 0

    def __call__(self) -> int:
        return self.cache.get_or_load("k", self._load, POLICY)

    def hits(self) -> bool:
        """Whether a read loads nothing."""
        before = self.loads
        self()
        return self.loads == before

    @property
    def is_off(self) -> bool:
        store = self.cache.store
        assert isinstance(store, RedisStore)
        return store.breaker.reason is not None

    def can_tell(self, watermarks: Sequence[bytes]) -> bool:
        """Whether this process would know what is missing since these watermarks: it began to look before them."""
        assert self._tracking is not None
        assert self._tracking.relay is not None
        since = self._tracking.relay._looks_since
        return since is not None and bool(watermarks) and all(int(at) >= since for at in watermarks)

    def _load(self) -> int:
        self.loads += 1
        with self._engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT x FROM t")) or 0)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        if self._tracking is not None:
            self._tracking.close()
        self._engine.dispose()
        self.cache.close()


class Writer:
    """A process of its own."""

    def __init__(self, engine: sa.Engine, server: PrivateServer) -> None:
        url = engine.url.render_as_string(hide_password=False)
        command = [sys.executable, str(WRITER), url, server.url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def await_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def tell(self, line: str) -> None:
        """Let it do this, and return once it is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def test_a_process_killed_between_commit_and_invalidation_leaves_no_old_value_for_a_second(
    engine: sa.Engine, server: PrivateServer
) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(engine, server, local=True))
        writer = stack.enter_context(Writer(engine, server))
        for value in range(1, CRASHES + 1):
            # The next one starts while this one is looked at.
            following = stack.enter_context(Writer(engine, server))
            writer.await_ready()
            assert until(reader.hits)
            writer.tell(f"commit {value}")
            writer.kill()
            assert until(lambda now=value: reader() == now, within=SOON)  # type: ignore[misc]
            writer = following


def test_a_process_that_has_only_found_what_others_stored_hears_of_what_others_left(
    engine: sa.Engine, server: PrivateServer
) -> None:
    with Reader(engine, server) as reader, Writer(engine, server) as writer:
        writer.await_ready()
        assert until(reader.hits)
    with Writer(engine, server) as writer, Reader(engine, server) as fresh:
        writer.await_ready()
        assert fresh.hits()
        writer.tell("commit 1")
        writer.kill()
        assert until(lambda: fresh() == 1, within=SOON)


def test_a_commit_with_the_server_down_leaves_no_old_value_though_its_process_is_killed(
    engine: sa.Engine, server: PrivateServer
) -> None:
    with ExitStack() as stack:
        reader, idle = (stack.enter_context(Reader(engine, server)) for _ in range(2))
        writer = stack.enter_context(Writer(engine, server))
        for value in range(1, CRASHES + 1):
            writer.await_ready()
            assert until(lambda: reader.hits() and idle.hits())
            server.kill()
            writer.tell(f"write {value}")
            assert reader() == value
            writer.kill()
            server.start()
            # The idle one asks for the first time since, and both until they trust the server again.
            assert idle() == value

            def trusted(now: int = value) -> bool:
                assert [reader(), idle()] == [now, now]
                return not reader.is_off and not idle.is_off and reader.hits() and idle.hits()

            assert until(trusted)
            writer = stack.enter_context(Writer(engine, server))


def test_a_commit_while_the_server_hangs_leaves_no_old_value_for_those_who_asked_meanwhile(
    engine: sa.Engine, server: PrivateServer
) -> None:
    with Reader(engine, server) as reader, Writer(engine, server) as writer:
        writer.await_ready()
        for value in range(1, CRASHES + 1):
            assert until(reader.hits)
            server.pause()
            try:
                assert not reader.hits()
                writer.tell(f"write {value}")
                assert reader() == value
            finally:
                server.resume()

            def trusted(now: int = value) -> bool:
                assert reader() == now
                return not reader.is_off and reader.hits()

            assert until(trusted)


def test_what_a_restarted_server_lost_is_done_again_and_nothing_else_is(engine: sa.Engine) -> None:
    with (
        PrivateServer(namespaces=["test"]) as server,
        redis.Redis.from_url(server.admin_url) as admin,
        Reader(engine, server) as reader,
        Writer(engine, server) as writer,
    ):
        writer.await_ready()
        other = Policy(name="other", expire=3600, tags=("sql:other",), jitter=0.0, early=False)
        others: list[int] = []

        def load_other() -> int:
            others.append(1)
            return len(others)

        for value in range(1, CRASHES + 1):
            assert until(reader.hits)
            before = reader.cache.get_or_load("other", load_other, other)
            # What the server will have after the crash: both entries, and a watermark.
            assert until(lambda: reader.can_tell(admin.hvals("test:watermarks")))
            admin.execute_command("SAVE")
            writer.tell(f"write {value}")
            assert reader() == value
            server.kill()
            server.start()

            def trusted(now: int = value) -> bool:
                assert reader() == now
                return not reader.is_off and reader.hits()

            assert until(trusted)
            # Loaded while the server was away, perhaps; what was stored before is valid again.
            assert until(lambda expected=before: reader.cache.get("other", as_type=int) == expected)  # type: ignore[misc]


def test_a_process_that_tracks_no_database_invalidates_everything_when_it_meets_another_server(
    engine: sa.Engine,
) -> None:
    with PrivateServer(namespaces=["test"]) as server, Writer(engine, server) as writer:
        writer.await_ready()
        with Reader(engine, server) as reader, redis.Redis.from_url(server.admin_url) as admin:
            assert until(reader.hits)
            admin.execute_command("SAVE")
            writer.tell("write 1")
            assert reader() == 1
            server.kill()
            server.start()
            with Reader(engine, server, tracked=False) as stranger:
                assert stranger() == 1
            assert reader() == 1
