"""How a process learns that another one has changed the schema, and what a statement names on its own connection."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy import Tracking, outbox_table
from frescor.sqlalchemy._catalog.catalog import Catalog
from frescor.sqlalchemy._tracking.statements import Statements
from frescor.testing.private_postgres import PrivatePostgres

Tracker = Callable[..., Tracking]
SCHEMA = (
    "CREATE TABLE parent(id INTEGER PRIMARY KEY)",
    "CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id))",
    "CREATE TABLE log(n INTEGER)",
    "CREATE VIEW shown AS SELECT count(*) AS n FROM child",
    "INSERT INTO parent VALUES (1), (2)",
)


class Process:
    """One of the processes that track a database: its engine, and what it caches under names that all share."""

    def __init__(self, url: str, cache: Cache, tracker: Tracker, **options: Any) -> None:
        self.engine = sa.create_engine(url)
        self.tracking = tracker(self.engine, **options)

        @cache.cached(expire=600, key_prefix="query", early=False)
        def query(sql: str) -> list[list[int]]:
            with self.engine.connect() as connection:
                return [list(row) for row in connection.exec_driver_sql(sql)]

        self.query = query

    def write(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def check(self, *queries: str) -> None:
        for sql in queries:
            assert self.query(sql) == self.query.uncached(sql), sql


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tracked.db'}"


def untracked(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


TRIGGER = "CREATE TRIGGER t AFTER INSERT ON parent BEGIN INSERT INTO log VALUES (1); END"


@pytest.mark.unwatched
def test_on_sqlite_a_trigger_that_a_stranger_makes_is_known_to_the_next_write(
    sqlite_url: str, tracked_cache: Cache, tracker: Tracker
) -> None:
    untracked(sqlite_url, *SCHEMA)
    process = Process(sqlite_url, tracked_cache, tracker)
    process.write("INSERT INTO parent VALUES (3)")
    assert process.query("SELECT count(*) FROM log") == [[0]]
    untracked(sqlite_url, TRIGGER)
    process.write("INSERT INTO parent VALUES (4)")
    assert process.query("SELECT count(*) FROM log") == [[1]]
    # By now it is known: what it does not touch stays.
    assert process.query("SELECT count(*) FROM child") == [[0]]
    process.write("INSERT INTO parent VALUES (5)")
    assert process.query("SELECT count(*) FROM log") == [[2]]


def test_on_sqlite_a_view_that_a_stranger_replaces_is_known_to_the_next_load(
    sqlite_url: str, tracked_cache: Cache, tracker: Tracker
) -> None:
    untracked(sqlite_url, *SCHEMA)
    process = Process(sqlite_url, tracked_cache, tracker)
    shown, again = "SELECT n FROM shown", "SELECT n + 0 FROM shown"
    assert process.query(shown) == [[0]]
    untracked(sqlite_url, "DROP VIEW shown", "CREATE VIEW shown AS SELECT count(*) AS n FROM log")
    assert process.query(again) == [[0]]
    process.write("INSERT INTO log VALUES (1)")
    process.check(shown, again)


def test_a_schema_that_says_the_same_ends_nothing(sqlite_url: str, tracked_cache: Cache, tracker: Tracker) -> None:
    untracked(sqlite_url, *SCHEMA)
    process = Process(sqlite_url, tracked_cache, tracker)
    process.query("SELECT count(*) FROM child")
    loads = tracked_cache.stats()["query"].loads
    untracked(sqlite_url, "CREATE INDEX i ON log(n)")
    process.query("SELECT count(*) FROM parent")
    process.query("SELECT count(*) FROM child")
    assert tracked_cache.stats()["query"].loads == loads + 1


@pytest.mark.unwatched
def test_a_write_that_was_noted_before_the_schema_changed_raises_everything(
    sqlite_url: str, tracked_cache: Cache, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    untracked(sqlite_url, *SCHEMA)
    process = Process(sqlite_url, tracked_cache, tracker)
    process.write("INSERT INTO parent VALUES (3)")
    assert process.query("SELECT count(*) FROM log") == [[0]]
    look = Statements._note

    def note_late(self: Statements, *arguments: Any, **options: Any) -> bool:
        noted = look(self, *arguments, **options)
        # Between what is noted and the statement, which sees it.
        monkeypatch.setattr(Statements, "_note", look)
        untracked(sqlite_url, TRIGGER)
        return noted

    monkeypatch.setattr(Statements, "_note", note_late)
    process.write("INSERT INTO parent VALUES (4)")
    assert process.query("SELECT count(*) FROM log") == [[1]]


@pytest.mark.unwatched
def test_without_that_look_the_same_is_stale(
    sqlite_url: str, tracked_cache: Cache, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalog, "has_changed", lambda *_: False)
    untracked(sqlite_url, *SCHEMA)
    process = Process(sqlite_url, tracked_cache, tracker)
    process.write("INSERT INTO parent VALUES (3)")
    assert process.query("SELECT count(*) FROM log") == [[0]]
    untracked(sqlite_url, TRIGGER)
    process.write("INSERT INTO parent VALUES (4)")
    assert process.query("SELECT count(*) FROM log") == [[0]]


def test_on_postgresql_a_change_by_a_stranger_is_found_by_the_relay(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.make_database()
    untracked(url, *SCHEMA)
    setup = sa.create_engine(url)
    outbox_table(metadata := sa.MetaData())
    metadata.create_all(setup)
    setup.dispose()
    read = Catalog._read
    found = threading.Event()

    def reading(self: Catalog, *arguments: Any) -> bool:
        changed = read(self, *arguments)
        if changed:
            found.set()
        return changed

    monkeypatch.setattr(Catalog, "_read", reading)
    process = Process(url, tracked_cache, tracker, outbox=True)
    process.write("INSERT INTO child VALUES (1, 1)")
    assert process.query("SELECT count(*) FROM child") == [[1]]
    untracked(
        url,
        "ALTER TABLE child DROP CONSTRAINT child_parent_fkey",
        "ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent ON DELETE CASCADE",
    )
    assert found.wait(10), "nobody has looked"
    process.write("DELETE FROM parent WHERE id = 1")
    assert process.query("SELECT count(*) FROM child") == [[0]]


def test_when_a_look_is_due_a_transaction_with_an_error_can_go_back_to_its_savepoint(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_server.make_database()
    untracked(url, *SCHEMA)
    process = Process(url, tracked_cache, tracker)
    process.query("SELECT count(*) FROM parent")
    monkeypatch.setattr("frescor.sqlalchemy._catalog.catalog.LOOK_AGAIN", float("-inf"))
    with process.engine.begin() as connection:
        savepoint = connection.begin_nested()
        with pytest.raises(sa.exc.IntegrityError):
            connection.exec_driver_sql("INSERT INTO parent VALUES (1)")
        savepoint.rollback()
        connection.exec_driver_sql("INSERT INTO parent VALUES (3)")
    process.check("SELECT count(*) FROM parent")


SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "/* of a request */ set transaction read only",
    "-- of a request\nSET TRANSACTION READ ONLY",
)


@pytest.mark.parametrize("setting", SETTINGS)
def test_when_a_look_is_due_a_transaction_can_still_be_set(
    postgres_server: PrivatePostgres,
    tracked_cache: Cache,
    tracker: Tracker,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
) -> None:
    url = postgres_server.make_database()
    untracked(url, *SCHEMA)
    process = Process(url, tracked_cache, tracker)
    process.query("SELECT count(*) FROM parent")
    monkeypatch.setattr("frescor.sqlalchemy._catalog.catalog.LOOK_AGAIN", float("-inf"))
    with process.engine.begin() as connection:
        connection.exec_driver_sql(setting)
        connection.exec_driver_sql("SELECT count(*) FROM parent")


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_load_whose_first_statement_sets_the_transaction_is_the_first_that_reads(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker, setting: str
) -> None:
    url = postgres_server.make_database()
    untracked(url, *SCHEMA)
    process = Process(url, tracked_cache, tracker)

    @tracked_cache.cached(expire=300, key_prefix="set")
    def count() -> int:
        with process.engine.begin() as connection:
            connection.exec_driver_sql(setting)
            return int(connection.exec_driver_sql("SELECT count(*) FROM parent").scalar_one())

    assert count() == 2
    with process.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO parent (id) VALUES (3)")
    assert count() == 3


def test_on_postgresql_without_a_relay_the_next_statement_looks(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frescor.sqlalchemy._catalog.catalog.LOOK_AGAIN", 0.0)
    url = postgres_server.make_database()
    untracked(url, *SCHEMA)
    process = Process(url, tracked_cache, tracker)
    shown = "SELECT n FROM shown"
    assert process.query(shown) == [[0]]
    untracked(url, "CREATE OR REPLACE VIEW shown AS SELECT count(*) AS n FROM log")
    process.write("INSERT INTO parent VALUES (9)")
    assert process.query(shown) == [[0]]
    process.write("INSERT INTO log VALUES (1)")
    process.check(shown)


def test_a_change_of_the_schema_is_no_others_until_it_is_committed(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker
) -> None:
    url = postgres_server.make_database()
    untracked(url, *SCHEMA)
    process = Process(url, tracked_cache, tracker)
    count = "SELECT count(*) FROM log"
    assert process.query(count) == [[0]]
    with process.engine.connect() as connection:
        connection.exec_driver_sql("CREATE OR REPLACE VIEW shown AS SELECT count(*) AS n FROM log")
        # Told by what this transaction sees.
        connection.exec_driver_sql("SELECT n FROM shown")
        others = process.tracking.catalog.known(connection, process.tracking._begin(connection))
        assert [*others.behind([(None, "shown")], ()).tables] == [(None, "shown"), (None, "child")]
        connection.rollback()
    process.write("INSERT INTO child VALUES (1, 1)")
    process.check("SELECT n FROM shown", count)


def test_a_name_means_the_table_that_its_connection_finds_first(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker
) -> None:
    url = postgres_server.make_database()
    untracked(url, "CREATE SCHEMA one", "CREATE SCHEMA two", "CREATE TABLE two.t(v int)", "CREATE TABLE one.u(v int)")
    path = "?options=-csearch_path%3Done,two"
    process = Process(f"{url}{path if '?' not in url else path.replace('?', '&')}", tracked_cache, tracker)
    names = (
        "SELECT count(*) FROM t",
        "SELECT count(*) FROM two.t",
        "SELECT count(*) FROM u",
        "SELECT count(*) FROM one.u",
    )
    for statement in ("INSERT INTO t VALUES (1)", "INSERT INTO two.t VALUES (1)", "INSERT INTO one.u VALUES (1)"):
        [process.query(sql) for sql in names]
        process.write(statement)
        process.check(*names)
    process.write("INSERT INTO u VALUES (1)")
    process.check(*names)
    # What comes to stand before it is another table.
    process.write("CREATE TABLE one.t(v int)")
    process.check(*names)
    process.write("INSERT INTO t VALUES (1)")
    process.check(*names)


def test_a_path_that_a_statement_sets_counts_until_it_is_set_again(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker
) -> None:
    url = postgres_server.make_database()
    untracked(url, "CREATE SCHEMA one", "CREATE TABLE one.t(v int)", "CREATE TABLE t(v int)")
    process = Process(url, tracked_cache, tracker)
    names = ("SELECT count(*) FROM one.t", "SELECT count(*) FROM t")
    for ways in (
        ("SET LOCAL search_path = one",),
        ("SET search_path TO one",),
        ("SELECT set_config('search_path', 'one', true)",),
    ):
        [process.query(sql) for sql in names]
        with process.engine.connect() as connection:
            for way in ways:
                connection.exec_driver_sql(way)
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            connection.commit()
            connection.exec_driver_sql("RESET search_path")
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            connection.commit()
        process.check(*names)
    with process.engine.connect() as connection:
        connection.exec_driver_sql("SET search_path = one")
        connection.rollback()
        [process.query(sql) for sql in names]
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        connection.commit()
    process.check(*names)
