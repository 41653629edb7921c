"""The relay: what others left is applied, marked and pruned, whatever becomes of databases and servers."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from frescor import Cache, Policy
from frescor._store.server.redis import RedisStore
from frescor.sqlalchemy import table_tag, track
from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.sqlalchemy._outbox.relay import Relay
from frescor.testing import PrivateServer
from frescor.testing.private_postgres import PrivatePostgres
from waiting import until

POLICY = Policy(name="p", expire=300, tags=("sql:t",))
# Seconds: what is promised, where it is measured; on a machine that is busy with other tests it is not.
SOON = 1.0 if "FRESCOR_CRASHES" in os.environ else 10.0


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with PrivateServer(namespaces=["test"]) as server:
        yield server


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[Cache]:
    with Cache.from_url(server.url, "test") as cache:
        yield cache


class Database:
    """One value in a table, and the outbox beside it."""

    def __init__(self, url: str, *, outbox: bool = True) -> None:
        self.url = url
        self.engine = sa.create_engine(url)
        self.outbox = Outbox()
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (x integer)"))
            connection.execute(sa.text("INSERT INTO t VALUES (0)"))
            if outbox:
                self.outbox.table.metadata.create_all(connection)

    def write(self, value: int, *tags: str) -> int:
        with self.engine.begin() as connection:
            connection.execute(sa.text("UPDATE t SET x = :x"), {"x": value})
            row_id = self.outbox.write(connection.connection, connection.dialect, tags or ("sql:t",))
        assert row_id is not None
        return row_id

    def read(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT x FROM t")) or 0)

    def unmarked(self) -> int:
        with self.engine.connect() as connection:
            return len(self.outbox.unmarked(connection, 1000))

    def rows(self) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(self.outbox.table)) or 0

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def start(cache: Cache, database: Database) -> Iterator[Callable[..., Relay]]:
    """Starts relays of this process, of the database's engine unless another is given."""
    started: list[Relay] = []

    def start(engine: sa.Engine | None = None, **options: float) -> Relay:
        relay = Relay(engine or database.engine, lambda: cache, database.outbox, **options)  # type: ignore[arg-type]
        relay.start()
        started.append(relay)
        return relay

    yield start
    for relay in started:
        relay.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_a_process_left_is_applied_and_marked_within_a_second(
    cache: Cache, database: Database, start: Callable[..., Relay], kind: str
) -> None:
    engine = database.engine
    if kind == "async":
        engine = create_async_engine(database.url.replace("sqlite:", "sqlite+aiosqlite:")).sync_engine
    start(engine)
    assert [cache.get_or_load("k", database.read, POLICY) for _ in range(2)] == [0, 0]
    database.write(1)
    assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 1, within=SOON)
    assert until(lambda: database.unmarked() == 0)


def test_what_its_own_process_applied_is_marked_in_a_batch_and_not_applied_again(
    cache: Cache, database: Database, start: Callable[..., Relay]
) -> None:
    relay = start()
    cache.get_or_load("k", database.read, POLICY)
    for value in range(1, 6):
        row_id = database.write(value, "sql:other")
        assert cache.invalidate("sql:other")
        database.outbox.applied(row_id)
    assert until(lambda: database.unmarked() == 0)
    relay.close()
    assert cache.get("k", as_type=int) == 0


def test_a_row_that_is_committed_late_is_found_though_younger_ones_were_applied(
    cache: Cache, postgres_server: PrivatePostgres
) -> None:
    database = Database(postgres_server.make_database())
    relay = Relay(database.engine, lambda: cache, database.outbox)
    relay.start()
    cache.get_or_load("k", database.read, POLICY)
    with database.engine.begin() as late:
        late.execute(sa.text("UPDATE t SET x = 7"))
        database.outbox.write(late.connection, late.dialect, ["sql:t"])
        with database.engine.begin() as other:
            database.outbox.write(other.connection, other.dialect, ["sql:other"])
        assert until(lambda: database.unmarked() == 0)
        assert cache.get("k", as_type=int) == 0
    assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 7, within=SOON)
    relay.close()
    database.engine.dispose()


def test_two_relays_apply_the_same_rows_and_each_is_marked(
    server: PrivateServer, cache: Cache, database: Database, start: Callable[..., Relay]
) -> None:
    start()
    with Cache.from_url(server.url, "test") as other:
        second = Relay(database.engine, lambda: other, Outbox())
        second.start()
        for value in range(1, 4):
            cache.get_or_load("k", database.read, POLICY)
            database.write(value)
            assert until(lambda now=value: other.get_or_load("k", database.read, POLICY) == now, within=SOON)  # type: ignore[misc]
        assert until(lambda: database.unmarked() == 0)
        second.close()


def test_rows_are_removed_after_the_retention(database: Database, start: Callable[..., Relay]) -> None:
    row_id = database.write(1)
    with database.engine.begin() as connection:
        database.outbox.mark(connection, [row_id])
        connection.execute(sa.text("UPDATE frescor_outbox SET applied_at = applied_at - 2000000"))
    start(retention=1.0)
    assert until(lambda: database.rows() == 0)


def test_a_relay_that_is_closed_has_marked_what_was_applied_and_ends_at_once(
    cache: Cache, database: Database, start: Callable[..., Relay]
) -> None:
    relay = start(poll=60.0)
    assert until(lambda: relay._watermark_at > 0)
    database.outbox.applied(database.write(1))
    began = time.monotonic()
    relay.close()
    assert time.monotonic() - began < SOON
    assert database.unmarked() == 0
    thread = relay._thread
    assert thread is not None
    assert not thread.is_alive()
    relay.start()
    assert relay._thread is thread


def test_the_watermark_is_the_databases_clock(
    server: PrivateServer, database: Database, start: Callable[..., Relay]
) -> None:
    with database.engine.connect() as connection:
        before = database.outbox.now(connection)
    relay = start()
    with redis.Redis.from_url(server.admin_url) as client:
        assert until(lambda: client.hexists("test:watermarks", relay.database))
        found = int(client.hget("test:watermarks", relay.database) or 0)
        with database.engine.connect() as connection:
            assert before <= found <= database.outbox.now(connection)
        # Where something happens it follows.
        database.write(1)
        assert until(lambda: int(client.hget("test:watermarks", relay.database) or 0) > found)
    relay.close()


def test_a_missing_table_is_said_once_and_waited_for(
    database_url: str, cache: Cache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frescor.sqlalchemy._outbox.relay._FIRST_RETRY", 0.01)
    monkeypatch.setattr("frescor.sqlalchemy._outbox.relay._LAST_RETRY", 0.05)
    caplog.set_level(logging.WARNING, "frescor")
    database = Database(database_url, outbox=False)
    relay = Relay(database.engine, lambda: cache, database.outbox)
    relay.start()
    assert until(lambda: bool(caplog.records))
    threading.Event().wait(0.2)
    database.outbox.table.metadata.create_all(database.engine)
    cache.get_or_load("k", database.read, POLICY)
    database.write(1)
    assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 1)
    relay.close()
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert "frescor outbox create" in said[0]
    assert said[1] == "the outbox is read again"
    database.engine.dispose()


def test_a_locked_sqlite_file_is_survived(tmp_path: Path, cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    path = tmp_path / "test.db"
    database = Database(f"sqlite:///{path}")
    relay = Relay(sa.create_engine(f"sqlite:///{path}?timeout=0.01"), lambda: cache, database.outbox)
    relay.start()
    cache.get_or_load("k", database.read, POLICY)
    database.write(1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert until(lambda: "locked" in caplog.text)
        other.execute("COMMIT")
    assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 1)
    assert until(lambda: database.unmarked() == 0)
    relay.close()
    database.engine.dispose()


def test_a_database_that_goes_away_and_comes_back_is_survived(
    postgres_server: PrivatePostgres, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    database = Database(postgres_server.make_database())
    relay = Relay(database.engine, lambda: cache, database.outbox)
    relay.start()
    assert until(lambda: relay._watermark_at > 0)
    cache.get_or_load("k", database.read, POLICY)
    with database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    database.engine.dispose()
    database.write(1)
    assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 1)
    relay.close()
    assert [record.message[:30] for record in caplog.records] == [
        "the outbox cannot be read: (ps",
        "the outbox is read again",
    ]
    database.engine.dispose()


def test_a_store_that_does_not_take_what_was_left_is_not_trusted_until_it_has(
    server: PrivateServer, cache: Cache, database: Database, start: Callable[..., Relay]
) -> None:
    start()
    assert cache.get_or_load("k", database.read, POLICY) == 0
    with redis.Redis.from_url(server.admin_url) as client:
        client.execute_command("ACL", "SETUSER", "frescor", "-set")
        database.write(1)
        assert until(lambda: cache.pending > 0)
        assert cache.get_or_load("k", database.read, POLICY) == 1
        assert database.unmarked() == 1
        client.execute_command("ACL", "SETUSER", "frescor", "+set")
    assert until(lambda: database.unmarked() == 0)
    assert [cache.get_or_load("k", database.read, POLICY) for _ in range(2)] == [1, 1]
    assert cache.pending == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_of_a_fork_has_a_relay_of_its_own(
    cache: Cache, database: Database, start: Callable[..., Relay]
) -> None:
    relay = start(poll=60.0)
    assert until(lambda: relay._watermark_at > 0)
    database.outbox.applied(database.write(0))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            alone = relay._thread is None and database.outbox.take_applied() == []
            relay.start()
            seen = until(lambda: relay._watermark_at > 0)
            status = 0 if alone and seen else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    relay.close()
    assert database.unmarked() == 0


def test_a_row_that_nobody_can_read_invalidates_everything(
    cache: Cache, database: Database, start: Callable[..., Relay]
) -> None:
    cache.get_or_load("k", database.read, POLICY)
    database.execute("UPDATE t SET x = 1")
    database.execute("INSERT INTO frescor_outbox (id, tags, origin, created_at) VALUES (1, 'no json', 'trigger', 0)")
    start()
    assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 1)


def test_a_fork_makes_ids_of_its_own(database: Database, cache: Cache) -> None:
    relay = Relay(database.engine, lambda: cache, database.outbox)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"%d" % database.outbox._new_row([])["id"])
        os._exit(0)
    os.waitpid(child, 0)
    theirs = int(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    assert theirs != database.outbox._new_row([])["id"]
    relay.close()


UNREADABLE = [
    """'["*"]'""",
    """'[""]'""",
    """''""",
    """'not JSON'""",
    """'[1, 2]'""",
    """'{"sql:t": 1}'""",
    """'null'""",
    """'["sql:t"'""",
    """'["sql:t" , "\\u0007"]'""",
    """'["\\ud800"]'""",
    "'[\"' || substr({long}, 1, 300) || '\"]'",
    "'[\"sql:t\",\"' || {long} || '\"]'",
]
# What only SQLite keeps in such a table.
UNREADABLE_BYTES = ["x'ff00fe'", "x'5b22ff225d'", "17", "1.5"]


@pytest.mark.parametrize("tags", [*UNREADABLE, *UNREADABLE_BYTES])
def test_a_row_that_cannot_be_read_invalidates_everything_is_reported_once_and_is_passed(
    cache: Cache,
    database: Database,
    start: Callable[..., Relay],
    caplog: pytest.LogCaptureFixture,
    tags: str,
) -> None:
    dialect = database.engine.dialect.name
    if dialect == "postgresql" and tags in UNREADABLE_BYTES:
        pytest.skip("PostgreSQL's text is text")
    long = "repeat('x', 1100000)" if dialect == "postgresql" else "hex(zeroblob(550000))"
    assert cache.get_or_load("k", database.read, POLICY) == 0
    database.execute("UPDATE t SET x = 1")
    database.execute(
        "INSERT INTO frescor_outbox (id, tags, origin, created_at) "  # fixed texts
        f"VALUES (7, {tags.replace('{long}', long)}, 'trigger', 1)"
    )
    with caplog.at_level(logging.WARNING, "frescor"):
        start()
        assert until(lambda: database.unmarked() == 0)
        assert cache.get_or_load("k", database.read, POLICY) == 1
        # The next row is read as ever.
        cache.get_or_load("other", database.read, POLICY)
        database.write(2)
        assert until(lambda: cache.get_or_load("k", database.read, POLICY) == 2)
        assert until(lambda: database.unmarked() == 0)
    assert [record.getMessage() for record in caplog.records if "cannot be read" in record.getMessage()] == [
        "1 rows of the outbox cannot be read, or name everything: everything is invalidated, and they are passed: "
        "id 7. Where no statement was logged as the reason, something else writes to that table."
    ]


@pytest.mark.parametrize("id_", ["NULL", "'seven'", "1.5"])
@pytest.mark.parametrize("created_at", ["NULL", "'never'", "99999999999999999999", "-5"])
def test_a_row_whose_id_or_time_is_none_is_passed_too(
    cache: Cache, start: Callable[..., Relay], tmp_path: Path, id_: str, created_at: str
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'loose.db'}")
    with engine.begin() as connection:
        # As a migration may have made it: without the constraints.
        connection.exec_driver_sql(
            "CREATE TABLE frescor_outbox (id bigint, tags text, origin varchar, created_at bigint, applied_at bigint)"
        )
        connection.exec_driver_sql(
            f"INSERT INTO frescor_outbox VALUES ({id_}, NULL, x'ff', {created_at}, NULL)"  # fixed texts
        )
    cache.set("k", 1)
    outbox = Outbox()
    relay = Relay(engine, lambda: cache, outbox)
    relay.start()
    with engine.connect() as connection:
        assert until(lambda: not outbox.unmarked(connection, 10))
    assert cache.get("k") is None
    relay.close()
    engine.dispose()


class Lossy:
    """A server that is restarted with what it had at `save`, and a tracked database with the outbox beside it."""

    def __init__(self, server: PrivateServer, database: Database, cache: Cache) -> None:
        self.server, self.database, self.cache = server, database, cache
        self.tracking = track(database.engine, cache)
        assert self.tracking.relay is not None
        self.tracking.relay.start()
        self.load = cache.cached(Policy(name="value", expire=300))(database.read)

    def save(self) -> None:
        """What was loaded; no commit came before it."""
        with redis.Redis.from_url(self.server.admin_url) as client:
            assert until(lambda: client.exists("test:watermarks") == 1)
            client.execute_command("SAVE")

    def lose(self) -> None:
        self.server.kill()
        self.server.start()
        self.cache.get("k")
        store = self.cache.store
        assert isinstance(store, RedisStore)
        assert until(lambda: store.breaker.reason is None)


@pytest.fixture
def lossy(server: PrivateServer, cache: Cache, database: Database) -> Iterator[Lossy]:
    lossy = Lossy(server, database, cache)
    yield lossy
    lossy.tracking.close()


def outside(database: Database, statement: str) -> None:
    """A write that nothing sees."""
    other = sa.create_engine(database.url)
    with other.begin() as connection:
        connection.exec_driver_sql(statement)
    other.dispose()


@pytest.mark.parametrize("by", ["the process", "another that is gone"])
def test_a_tables_tag_that_was_raised_by_hand_stays_raised_when_the_server_loses_it(lossy: Lossy, by: str) -> None:
    assert lossy.load() == 0
    lossy.save()
    outside(lossy.database, "UPDATE t SET x = 1")
    if by == "the process":
        lossy.cache.invalidate(table_tag(sa.Table("t", sa.MetaData())))
    else:
        with Cache.from_url(lossy.server.url, "test", local=False) as other:
            other.invalidate(table_tag(sa.Table("t", sa.MetaData())))
    assert lossy.load() == 1
    lossy.lose()
    assert lossy.load() == 1


def test_what_a_second_database_without_outbox_committed_stays_invalid_when_the_server_loses_it(
    lossy: Lossy, tmp_path: Path
) -> None:
    second = sa.create_engine(f"sqlite:///{tmp_path / 'second.db'}")
    with second.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE s (x integer)")
        connection.exec_driver_sql("INSERT INTO s VALUES (0)")
    tracking = track(second, lossy.cache, name="second", outbox=False)

    @lossy.cache.cached(Policy(name="second", expire=300))
    def load() -> int:
        with second.connect() as connection:
            return int(connection.scalar(sa.text("SELECT x FROM s")) or 0)

    assert load() == 0
    lossy.save()
    with second.begin() as connection:
        connection.execute(sa.text("UPDATE s SET x = 1"))
    assert load() == 1
    lossy.lose()
    assert load() == 1
    tracking.close()
    second.dispose()


def test_where_all_is_in_outboxes_a_loss_ends_what_was_lost_and_nothing_else(lossy: Lossy) -> None:
    outside(lossy.database, "CREATE TABLE u (x integer)")
    loads = []

    @lossy.cache.cached(Policy(name="other", expire=300))
    def other() -> int:
        with lossy.database.engine.connect() as connection:
            loads.append(connection.scalar(sa.text("SELECT count(*) FROM u")))
        return len(loads)

    assert (lossy.load(), other()) == (0, 1)
    lossy.save()
    lossy.database.execute("UPDATE t SET x = 1")
    lossy.lose()
    assert (lossy.load(), other()) == (1, 1)
