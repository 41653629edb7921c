"""On SQLite a transaction of SQLAlchemy need not keep a snapshot: then what it reads is as new as any other reading."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor.sqlalchemy import Tracking

METADATA = sa.MetaData()
NUMBERS = sa.Table("numbers", METADATA, sa.Column("n", sa.Integer, primary_key=True))


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sa.Engine]:
    """Another process's engine, so to speak: what it commits is told to the cache by nobody here."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'tracked.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        METADATA.create_all(connection)
        connection.execute(sa.insert(NUMBERS), [{"n": n} for n in range(5000)])
    yield engine
    engine.dispose()


@pytest.fixture
def session(other: sa.Engine, tracker: Callable[..., Tracking]) -> Iterator[orm.Session]:
    engine = sa.create_engine(other.url)
    tracker(engine)
    with orm.Session(engine) as session:
        yield session
    engine.dispose()


def counting(cache: Cache, session: orm.Session) -> Any:
    @cache.cached(expire=60, key_prefix="count", ignore=("session",))
    def count(session: orm.Session) -> int:
        return int(session.scalar(sa.select(sa.func.count()).select_from(NUMBERS)) or 0)

    return functools.partial(count, session)


def test_a_session_that_began_long_ago_stores_what_it_reads_now(
    session: orm.Session, other: sa.Engine, tracked_cache: Cache
) -> None:
    count = counting(tracked_cache, session)
    session.execute(sa.select(NUMBERS)).all()
    with other.begin() as connection:
        connection.execute(sa.insert(NUMBERS).values(n=5000))
    tracked_cache.invalidate("sql:numbers")
    assert [count(), count()] == [5001, 5001]
    assert tracked_cache.stats()["count"].loads == 1


def test_a_result_that_is_half_read_keeps_its_snapshot_and_nothing_is_stored(
    session: orm.Session, other: sa.Engine, tracked_cache: Cache
) -> None:
    count = counting(tracked_cache, session)
    tracked_cache.invalidate("anything")
    half_read = session.execute(sa.select(NUMBERS))
    half_read.fetchone()
    with other.begin() as connection:
        connection.execute(sa.insert(NUMBERS).values(n=5000))
    tracked_cache.invalidate("sql:numbers")
    # The same snapshot as the result's.
    assert count() == 5000
    half_read.close()
    del half_read
    assert count() == 5001
    assert (tracked_cache.stats()["count"].loads, tracked_cache.stats()["count"].superseded) == (1, 1)


def test_a_transaction_of_the_driver_keeps_its_snapshot_and_nothing_is_stored(
    session: orm.Session, other: sa.Engine, tracked_cache: Cache
) -> None:
    count = counting(tracked_cache, session)
    tracked_cache.invalidate("anything")
    session.connection().exec_driver_sql("BEGIN")
    session.execute(sa.select(NUMBERS)).all()
    with other.begin() as connection:
        connection.execute(sa.insert(NUMBERS).values(n=5000))
    tracked_cache.invalidate("sql:numbers")
    assert count() == 5000
    session.rollback()
    assert count() == 5001
    assert (tracked_cache.stats()["count"].loads, tracked_cache.stats()["count"].superseded) == (1, 1)


@pytest.mark.parametrize("keep", [False, True], ids=["rolled back", "committed"])
def test_a_transaction_that_begins_with_a_savepoint_is_one(
    session: orm.Session, tracked_cache: Cache, keep: bool
) -> None:
    """Left to the driver, the release of its first savepoint would commit it."""
    with orm.Session(session.get_bind()) as reader:
        count = counting(tracked_cache, reader)
        assert count() == 5000
    with session.begin_nested():
        session.execute(sa.delete(NUMBERS).where(NUMBERS.c.n < 10))
    if keep:
        session.commit()
    else:
        session.rollback()
    with orm.Session(session.get_bind()) as fresh:
        expected = fresh.scalar(sa.select(sa.func.count()).select_from(NUMBERS))
        assert expected == (4990 if keep else 5000)
        assert counting(tracked_cache, fresh)() == expected
    assert tracked_cache.stats()["count"].loads == 1 + keep
