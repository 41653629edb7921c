"""The outbox: what is kept with a transaction, and what becomes of it."""

import asyncio
import logging
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from frescor import PolicyError
from frescor.sqlalchemy._outbox.database_clock import DatabaseClock
from frescor.sqlalchemy._outbox.outbox import TRIGGER, Outbox, has_outbox, outbox_table

SECOND = 1_000_000


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def outbox(engine: sa.Engine) -> Outbox:
    outbox = Outbox()
    outbox.table.metadata.create_all(engine)
    return outbox


def rows(engine: sa.Engine, outbox: Outbox) -> list[sa.Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(outbox.table).order_by(outbox.table.c.created_at)))


def age(engine: sa.Engine, outbox: Outbox, seconds: float) -> None:
    """Let all rows have been marked so long ago."""
    with engine.begin() as connection:
        connection.execute(sa.update(outbox.table).values(applied_at=outbox.now(connection) - seconds * SECOND))


def test_a_row_is_there_when_its_transaction_is_committed_and_only_then(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.connect() as connection:
        assert outbox.write(connection.connection, connection.dialect, ["a"]) is not None
        connection.rollback()
    assert rows(engine, outbox) == []
    with engine.begin() as connection:
        row_id = outbox.write(connection.connection, connection.dialect, ("sql:a", 'with "quotes"'))
    (row,) = rows(engine, outbox)
    assert (row.id, row.tags, row.origin, row.applied_at) == (row_id, '["sql:a","with \\"quotes\\""]', "process", None)


def test_an_application_that_seeds_its_random_numbers_alike_gets_other_ids(engine: sa.Engine, outbox: Outbox) -> None:
    for _ in range(2):
        random.seed(1)
        with engine.begin() as connection:
            outbox.write(connection.connection, connection.dialect, ["a"])
    assert len(rows(engine, outbox)) == 2


def test_no_event_of_sqlalchemy_sees_the_insert(engine: sa.Engine, outbox: Outbox) -> None:
    seen: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    with engine.begin() as connection:
        outbox.write(connection.connection, connection.dialect, ["a"])
    assert seen == []


def test_an_async_connection_writes_too(database_url: str, engine: sa.Engine, outbox: Outbox) -> None:
    async def write() -> None:
        asynchronous = create_async_engine(database_url.replace("sqlite:", "sqlite+aiosqlite:"))
        async with asynchronous.begin() as connection:
            await connection.run_sync(lambda own: outbox.write(own.connection, own.dialect, ["a"]))
        await asynchronous.dispose()

    asyncio.run(write())
    assert [row.tags for row in rows(engine, outbox)] == ['["a"]']


def test_without_the_table_a_transaction_goes_on_and_the_log_says_once_what_makes_it(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox()
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (x integer)"))
    for _ in range(2):
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
            assert outbox.write(connection.connection, connection.dialect, ["a"]) is None
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "frescor outbox create" in caplog.text


def test_a_refused_insert_is_an_error_of_sqlalchemy(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        outbox.write(connection.connection, connection.dialect, ["a"])
    outbox.table.metadata.drop_all(engine)
    with pytest.raises(sa.exc.DBAPIError), engine.begin() as connection:
        outbox.write(connection.connection, connection.dialect, ["a"])


def test_what_waits_comes_with_its_age_by_the_databases_clock(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        first = outbox.write(connection.connection, connection.dialect, ["a"])
    with engine.begin() as connection:
        connection.execute(sa.update(outbox.table).values(created_at=outbox.table.c.created_at - 60 * SECOND))
        second = outbox.write(connection.connection, connection.dialect, ["b"])
    with engine.begin() as connection:
        found = outbox.unmarked(connection, 10)
        assert [(row.id, row.tags) for row in found] == [(first, ("a",)), (second, ("b",))]
        assert 60 * SECOND <= found[0].age < 90 * SECOND
        assert 0 <= found[1].age < 30 * SECOND
        assert [row.id for row in outbox.unmarked(connection, 1)] == [first]


def test_marked_rows_wait_no_longer_and_are_removed_after_their_time(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        ids = [outbox.write(connection.connection, connection.dialect, [f"t{n}"]) or 0 for n in range(1200)]
    with engine.begin() as connection:
        before = outbox.now(connection)
        outbox.mark(connection, ids[1:])
        assert [row.id for row in outbox.unmarked(connection, 10)] == ids[:1]
        assert outbox.prune(connection, 60 * SECOND) == 0
    assert all(row.applied_at >= before for row in rows(engine, outbox) if row.id != ids[0])
    age(engine, outbox, 61)
    with engine.begin() as connection:
        connection.execute(sa.update(outbox.table).where(outbox.table.c.id == ids[0]).values(applied_at=None))
        assert outbox.prune(connection, 60 * SECOND) == 1199
    assert [row.id for row in rows(engine, outbox)] == ids[:1]


def test_a_row_is_marked_by_the_first_who_does(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        row_id = outbox.write(connection.connection, connection.dialect, ["a"]) or 0
    age(engine, outbox, 30)
    (before,) = rows(engine, outbox)
    with engine.begin() as connection:
        outbox.mark(connection, [row_id])
    assert rows(engine, outbox) == [before]


def test_what_may_be_missing_is_what_waits_and_what_was_marked_since(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        old = outbox.write(connection.connection, connection.dialect, ["old"]) or 0
        outbox.mark(connection, [old])
    age(engine, outbox, 60)
    with engine.begin() as connection:
        since = outbox.now(connection)
        marked = [outbox.write(connection.connection, connection.dialect, ["marked"]) or 0 for _ in range(2)]
        outbox.mark(connection, marked)
        outbox.write(connection.connection, connection.dialect, ["waits"])
        assert sorted(outbox.not_before(connection, since, 10)) == [("marked",), ("waits",)]  # type: ignore[type-var]
        assert outbox.not_before(connection, None, 10) == [("waits",)]


def test_a_row_that_cannot_be_read_is_told_from_one_without_tags(engine: sa.Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        for number, tags in enumerate(("no json", "[1]", "[]")):
            connection.execute(sa.insert(outbox.table).values(id=number, tags=tags, origin="?", created_at=number))
        assert [row.tags for row in outbox.unmarked(connection, 10)] == [None, None, ()]


def test_what_was_applied_is_handed_over_once() -> None:
    outbox = Outbox()
    outbox.applied(None)
    outbox.applied(1)
    outbox.applied(2)
    assert outbox.take_applied() == [1, 2]
    outbox.give_back([1])
    assert outbox.take_applied() == [1]
    assert outbox.take_applied() == []


def test_on_sqlite_a_triggers_row_is_taken_before_it_is_applied(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'test.db'}")
    outbox = Outbox()
    outbox.table.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(outbox.table).values(id=1, tags='["a"]', origin=TRIGGER, created_at=0))
    with engine.begin() as connection:
        assert [row.origin for row in outbox.unmarked(connection, 10)] == [TRIGGER]
    assert [row.origin for row in rows(engine, outbox)] == ["taken"]
    engine.dispose()


def test_a_migration_can_make_the_table_under_another_name() -> None:
    metadata = sa.MetaData()
    table = outbox_table(metadata, "changes", "audit")
    assert metadata.tables["audit.changes"] is table
    assert [column.name for column in table.columns] == ["id", "tags", "origin", "created_at", "applied_at"]


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:name?mode=memory&uri=true", "sqlite+aiosqlite://"]
)
def test_a_database_in_memory_has_no_outbox(url: str) -> None:
    engine = create_async_engine(url).sync_engine if "aio" in url else sa.create_engine(url)
    assert has_outbox(engine) is False


def test_a_database_that_the_outbox_does_not_know_is_refused_with_a_way_out(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'test.db'}")
    assert has_outbox(engine) is True
    engine.dialect.name = "oracle"
    with pytest.raises(PolicyError, match="outbox=False"):
        has_outbox(engine)


def test_a_clock_that_goes_back_is_noticed_and_one_that_runs_is_not() -> None:
    here = 0.0
    clock = DatabaseClock(monotonic=lambda: here)
    for now in (100 * SECOND, 101 * SECOND, 150 * SECOND):
        assert clock.read(now) == now
        assert not clock.went_back_within(600)
        here += 1
    # It stands still while ten seconds go by.
    here += 10
    clock.read(150 * SECOND)
    assert clock.went_back_within(600)
    here += 601
    assert not clock.went_back_within(600)
