"""Statements that cannot be told: they invalidate everything, say so once, and are refused within a load."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache, PolicyError
from frescor.sqlalchemy import outbox_table
from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.testing.private_postgres import PrivatePostgres
from shop import Base, Shop, elsewhere

Tracker = Callable[..., Any]
UNTOLD = "DO $$ BEGIN EXECUTE 'UPDATE customer SET name = ''new'''; END $$"


@pytest.fixture
def postgres_shop(postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker) -> Shop:
    engine = sa.create_engine(postgres_server.make_database())
    tracker(engine)
    return Shop(engine, tracked_cache)


def test_a_statement_that_cannot_be_told_invalidates_everything(postgres_shop: Shop) -> None:
    shop = postgres_shop
    assert [shop.name(1), shop.name(2)] == ["ana", "rui"]
    shop.write(sa.text(UNTOLD))
    assert [shop.name(1), shop.name(2)] == ["new", "new"]


def test_rolled_back_it_invalidates_nothing(postgres_shop: Shop) -> None:
    shop = postgres_shop
    assert shop.name(1) == "ana"
    with orm.Session(shop.engine) as session:
        with session.begin_nested() as savepoint:
            session.execute(sa.text(UNTOLD))
            savepoint.rollback()
        session.execute(sa.text("SELECT 1"))
        session.commit()
    with orm.Session(shop.engine) as session:
        session.execute(sa.text(UNTOLD))
        session.rollback()
    assert shop.name(1) == "ana"
    assert shop.loads["name"] == 1


def test_until_its_commit_its_transaction_alone_sees_what_it_did(postgres_shop: Shop) -> None:
    shop = postgres_shop
    assert shop.name(1) == "ana"
    with orm.Session(shop.engine) as session:
        session.execute(sa.text(UNTOLD))
        shop.session = session
        assert shop.name(1) == "new"
        shop.session = None
        assert elsewhere(lambda: shop.name(1)) == "ana"
        session.commit()
    assert shop.name(1) == "new"


def test_it_says_so_once_for_each_text(postgres_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "frescor"):
        for _ in range(3):
            postgres_shop.write(sa.text(UNTOLD))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "frescor_writes" in said[0]
    assert "everything is invalidated" in said[0]


def test_declared_it_invalidates_what_is_declared_and_says_nothing(
    postgres_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop = postgres_shop
    assert [shop.name(1), shop.total()] == ["ana", 5]
    with caplog.at_level(logging.WARNING, "frescor"):
        shop.write(sa.text(UNTOLD).execution_options(frescor_writes=["orders"]))
    assert [shop.name(1), shop.total()] == ["ana", 5]
    assert [shop.loads["name"], shop.loads["total"]] == [1, 2]
    assert not caplog.records


def test_within_a_load_it_is_refused(postgres_shop: Shop) -> None:
    shop = postgres_shop

    @shop.cache.cached(expire=600, key_prefix="untold", early=False)
    def untold() -> int:
        shop.write(sa.text(UNTOLD))
        return 1

    with pytest.raises(PolicyError, match="frescor_reads"):
        untold()


def test_on_an_autocommit_connection_it_invalidates_at_once(postgres_shop: Shop) -> None:
    shop = postgres_shop
    assert shop.name(1) == "ana"
    with shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(UNTOLD))
        assert elsewhere(lambda: shop.name(1)) == "new"
        connection.execute(sa.text("VACUUM customer"))


def test_what_sqlite_commits_by_itself_is_invalidated_whatever_the_transaction_does(
    tmp_path: Path, tracked_cache: Cache, tracker: Tracker
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'tracked.db'}")
    tracker(engine)
    shop = Shop(engine, tracked_cache)
    assert [shop.name(1), shop.total()] == ["ana", 5]
    with engine.connect() as connection:
        # Python's driver begins no transaction for it.
        connection.execute(sa.text("DROP TABLE orders"))
        connection.rollback()
    with pytest.raises(sa.exc.OperationalError, match="no such table"):
        shop.total()
    assert shop.name(1) == "ana"


def test_the_outbox_keeps_that_everything_is_to_be_invalidated(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    outbox_table(metadata := sa.MetaData())
    metadata.create_all(engine)
    Base.metadata.create_all(engine)
    tracking = tracker(engine, outbox=True)
    shop = Shop(engine, tracked_cache)
    assert shop.name(1) == "ana"
    # A process that ends between its commit and the invalidation.
    monkeypatch.setattr(tracking, "_apply", lambda *_, **__: False)
    shop.write(sa.text(UNTOLD))
    box = Outbox()
    other = sa.create_engine(engine.url)
    with other.connect() as connection:
        assert [row.tags for row in box.unmarked(connection, 10) if row.tags == ("*",)] == [("*",)]
        # What a release that knows nothing of it cannot read makes it invalidate everything, too.
        kept = connection.scalars(sa.select(box.table.c.tags).where(box.table.c.applied_at.is_(None)))
        assert '"*"' in kept.all()
    other.dispose()


def test_a_transaction_may_drop_the_outbox_and_make_it_again(
    database_url: str, tracked_cache: Cache, tracker: Tracker
) -> None:
    engine = sa.create_engine(database_url)
    outbox_table(metadata := sa.MetaData())
    metadata.create_all(engine)
    tracker(engine, outbox=True)
    shop = Shop(engine, tracked_cache)
    assert shop.name(1) == "ana"
    metadata.drop_all(engine)
    shop.rename(1, "new")
    assert shop.name(1) == "new"
    metadata.create_all(engine)
    shop.rename(1, "newer")
    assert shop.name(1) == "newer"
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM frescor_outbox")) >= 1
    engine.dispose()
