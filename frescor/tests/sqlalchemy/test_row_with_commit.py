"""The outbox's row in one message with the COMMIT, on PostgreSQL."""

import asyncio
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import psycopg.errors
import psycopg.generators
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from frescor.sqlalchemy._outbox import row_with_commit
from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.testing.private_postgres import PrivatePostgres

TAGS = ("sql:a", "with \"quotes\", 'others' and \\ in it", "maçã 🍎")


@pytest.fixture
def url(postgres_server: PrivatePostgres) -> str:
    return postgres_server.make_database()


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (x integer UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    yield engine
    engine.dispose()


@pytest.fixture
def outbox(engine: sa.Engine) -> Outbox:
    """One that has seen its table."""
    outbox = Outbox()
    outbox.table.metadata.create_all(engine)
    with engine.connect() as connection:
        outbox.write(connection.connection, connection.dialect, ["seen"])
        connection.rollback()
    return outbox


def commit(outbox: Outbox, connection: sa.Connection) -> int | None:
    return outbox.commit(connection.connection, connection.dialect, TAGS, connection.dialect.do_commit)


def rows(engine: sa.Engine, outbox: Outbox) -> list[Any]:
    with engine.connect() as connection:
        return [(row.id, row.tags) for row in outbox.unmarked(connection, 10)]


def numbers(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.text("SELECT x FROM t ORDER BY x")))


def messages(connection: sa.Connection, what: Callable[[], object], to: Path) -> int:
    """How many queries were sent meanwhile, as the driver's library traces them."""
    driver: Any = connection.connection.driver_connection
    with to.open("w") as file:
        driver.pgconn.trace(file.fileno())
        what()
        driver.pgconn.untrace()
    return sum(line.split("\t")[1:2] == ["F"] for line in to.read_text().splitlines())


def test_the_row_and_the_commit_are_one_message(engine: sa.Engine, outbox: Outbox, tmp_path: Path) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        assert messages(connection, lambda: commit(outbox, connection), tmp_path / "trace") == 1
    assert numbers(engine) == [1]


@pytest.mark.parametrize("option", ["", "-c standard_conforming_strings=off", "-c client_encoding=latin1"])
def test_tags_are_kept_as_they_are_however_the_server_reads_text(url: str, outbox: Outbox, option: str) -> None:
    engine = sa.create_engine(url, connect_args={"options": option})
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        row_id = commit(outbox, connection)
    assert rows(engine, outbox) == [(row_id, TAGS)]
    engine.dispose()


def test_an_async_connection_sends_both_too(url: str, engine: sa.Engine, outbox: Outbox) -> None:
    async def write() -> int | None:
        asynchronous = create_async_engine(url)
        async with asynchronous.connect() as connection:
            await connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            found = await connection.run_sync(lambda own: commit(outbox, own))
        await asynchronous.dispose()
        return found

    row_id = asyncio.run(write())
    assert (rows(engine, outbox), numbers(engine)) == ([(row_id, TAGS)], [1])


def test_without_the_row_nothing_is_committed(engine: sa.Engine, outbox: Outbox) -> None:
    outbox.table.drop(engine)
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        with pytest.raises(psycopg.errors.UndefinedTable, match="frescor_outbox"):
            commit(outbox, connection)
        connection.rollback()
        # The connection is as good as before.
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 0


def test_without_the_commit_no_row_is_kept(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1), (1)"))
        with pytest.raises(psycopg.errors.UniqueViolation):
            commit(outbox, connection)
        connection.rollback()
    assert (rows(engine, outbox), numbers(engine)) == ([], [])


def test_a_transaction_that_failed_already_is_not_committed(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.text("SELECT 1 / 0"))
        # A COMMIT by itself would be answered as if nothing were wrong.
        with pytest.raises(sa.exc.DBAPIError, match="aborted"):
            commit(outbox, connection)
        connection.rollback()
    assert (rows(engine, outbox), numbers(engine)) == ([], [])


def test_a_connection_that_is_gone_is_said_in_the_drivers_words(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.connect() as connection, engine.connect() as other:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        server: Any = connection.connection.driver_connection
        other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": server.info.backend_pid})
        with pytest.raises(psycopg.OperationalError):
            commit(outbox, connection)
        connection.invalidate()
    assert rows(engine, outbox) == []


def test_a_commit_that_somebody_has_wrapped_is_called(engine: sa.Engine, outbox: Outbox) -> None:
    """On the dialect's instance, its class, the driver's connection or a class of the driver's."""
    called: list[str] = []
    dialect = engine.dialect
    plain = dialect.do_commit

    def by_instance(connection: Any) -> None:
        called.append("instance")
        plain(connection)

    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
        first = outbox.commit(connection.connection, dialect, TAGS, by_instance)
    with pytest.MonkeyPatch.context() as patch:
        of_class: Any = sa.engine.default.DefaultDialect.do_commit

        @functools.wraps(of_class)
        def by_class(self: Any, connection: Any) -> None:
            called.append("class")
            of_class(self, connection)

        patch.setattr(sa.engine.default.DefaultDialect, "do_commit", by_class)
        with engine.connect() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (2)"))
            second = commit(outbox, connection)
    with engine.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (3)"))
        driver: Any = connection.connection.driver_connection

        def by_connection() -> None:
            called.append("connection")
            type(driver).commit(driver)

        driver.commit = by_connection
        third = commit(outbox, connection)
        del driver.commit

    class Counted(psycopg.Connection[Any]):
        def commit(self) -> None:
            called.append("driver's class")
            super().commit()

    other = sa.create_engine(engine.url, creator=lambda: Counted.connect(_conninfo(engine)))
    with other.connect() as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (4)"))
        fourth = commit(outbox, connection)
    other.dispose()
    assert called == ["instance", "class", "connection", "driver's class"]
    assert {row_id for row_id, _ in rows(engine, outbox)} == {first, second, third, fourth}
    assert numbers(engine) == [1, 2, 3, 4]


def _conninfo(engine: sa.Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.mark.parametrize(("module", "name"), [(psycopg.generators, "execute"), (psycopg.errors, "error_from_result")])
def test_without_a_part_that_psycopg_lost_the_row_goes_by_itself_and_a_sentence_says_so(
    module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row_with_commit.has_private_parts.cache_clear()
    monkeypatch.delattr(module, name)
    assert not row_with_commit.has_private_parts()
    assert not row_with_commit.has_private_parts()
    assert [record.message for record in caplog.records] == [
        f"Frescor knows psycopg>=3.2,<3.4; this one has no {name}: the outbox's row takes a round trip of its own at "
        "each commit. Nothing is lost by it."
    ]
    row_with_commit.has_private_parts.cache_clear()
