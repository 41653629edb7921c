"""What commits invalidate, and what they leave alone."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache, PolicyError
from frescor.sqlalchemy import outbox_table, table_tag, track
from frescor.sqlalchemy._tracking.tracking import DATABASES
from frescor.testing.private_postgres import PrivatePostgres
from shop import Base, Customer, Order, Shop, elsewhere


@pytest.fixture
def shop(engine: sa.Engine, tracked_cache: Cache) -> Shop:
    return Shop(engine, tracked_cache)


CUSTOMERS: Any = Customer.__table__
RENAMES: dict[str, Callable[[orm.Session], object]] = {
    "the unit of work": lambda s: setattr(s.get_one(Customer, 1), "name", "new"),
    "a bulk update": lambda s: s.execute(sa.update(Customer).values(name="new")),
    "a bulk update by primary key": lambda s: s.execute(sa.update(Customer), [{"id": 1, "name": "new"}]),
    "Core": lambda s: s.connection().execute(CUSTOMERS.update().where(CUSTOMERS.c.id == 1).values(name="new")),
    "executemany": lambda s: s.connection().execute(
        CUSTOMERS.update().where(CUSTOMERS.c.id == sa.bindparam("one")).values(name="new"), [{"one": 1}, {"one": 2}]
    ),
    "text": lambda s: s.execute(sa.text("UPDATE customer SET name = 'new' WHERE id = :one"), {"one": 1}),
    "the driver's text": lambda s: s.connection().exec_driver_sql("UPDATE Customer SET name = 'new'"),
    "a CTE": lambda s: s.execute(sa.text("UPDATE customer SET name = 'new' WHERE id IN (SELECT 1 FROM orders)")),
    "a declaration": lambda s: s.execute(
        sa.text("UPDATE customer SET name = 'new'"),
        execution_options={"frescor_reads": [], "frescor_writes": [Customer]},
    ),
    "delete and insert": lambda s: (
        s.execute(sa.delete(Customer).where(Customer.id == 1)),
        s.execute(sa.insert(Customer).values(id=1, name="new")),
    ),
    "a merged object": lambda s: s.merge(Customer(id=1, name="new")),
    "a bulk save": lambda s: s.bulk_update_mappings(orm.class_mapper(Customer), [{"id": 1, "name": "new"}]),
}


def test_a_commit_invalidates_what_it_wrote_in_any_way(shop: Shop) -> None:
    shop.write(sa.delete(Order))
    for way, rename in RENAMES.items():
        shop.rename(1, "ana")
        shop.write(sa.insert(Order).values(id=1, customer_id=2, total=5))
        shop.loads.clear()
        assert [shop.name(1), shop.name(1)] == ["ana", "ana"], way
        with orm.Session(shop.engine) as session, session.begin():
            rename(session)
        assert [shop.name(1), shop.name(1)] == ["new", "new"], way
        assert shop.loads["name"] == 2, way
        shop.write(sa.delete(Order))


def test_a_write_to_known_rows_leaves_the_others_alone(shop: Shop) -> None:
    assert [shop.name(1), shop.name(2)] == ["ana", "rui"]
    shop.rename(1, "new")
    assert [shop.name(1), shop.name(2)] == ["new", "rui"]
    assert shop.loads["name"] == 3


def test_a_row_that_was_not_there_is_found_once_it_is(shop: Shop) -> None:
    assert [shop.name(3), shop.name(3)] == [None, None]
    with orm.Session(shop.engine) as session, session.begin():
        session.connection().execute(sa.text("SELECT 1"))
        # PostgreSQL's own numbers begin at 1, whatever was inserted by hand.
        for _ in range(3 if shop.engine.dialect.name == "postgresql" else 1):
            with session.begin_nested() as savepoint:
                try:
                    session.execute(sa.insert(Customer).values(name="eva"))
                except sa.exc.IntegrityError:
                    savepoint.rollback()
    assert shop.name(3) == "eva"
    assert shop.name(2) == "rui"


def test_a_key_that_the_database_makes_invalidates_its_row_alone(shop: Shop) -> None:
    if shop.engine.dialect.name == "postgresql":
        shop.write(sa.text("SELECT setval('customer_id_seq', 2)"))
    assert [shop.name(3), shop.name(1)] == [None, "ana"]
    with orm.Session(shop.engine) as session, session.begin():
        session.add_all([Customer(name="eva"), Customer(name="leo")])
    assert [shop.name(3), shop.name(4), shop.name(1)] == ["eva", "leo", "ana"]
    assert shop.loads["name"] == 4


def test_a_cascade_of_the_database_invalidates_what_it_deletes(shop: Shop) -> None:
    assert [shop.order(1), shop.total()] == [5, 5]
    with orm.Session(shop.engine) as session, session.begin():
        if shop.engine.dialect.name == "sqlite":
            session.connection().exec_driver_sql("PRAGMA foreign_keys = ON")
    with shop.engine.connect() as connection:
        if shop.engine.dialect.name == "sqlite":
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[union-attr]
        connection.execute(sa.text("DELETE FROM customer WHERE name = 'ana'"))
        connection.commit()
    assert [shop.order(1), shop.total()] == [None, 0]


def test_a_rolled_back_transaction_invalidates_nothing(shop: Shop) -> None:
    assert [shop.name(1), shop.total()] == ["ana", 5]
    with orm.Session(shop.engine) as session:
        session.get_one(Customer, 1).name = "new"
        session.add(Order(id=2, customer_id=1, total=7))
        session.flush()
        session.rollback()
    assert [shop.name(1), shop.total()] == ["ana", 5]
    stats = shop.cache.stats()
    assert [stats[policy].loads for policy in ("name", "total")] == [1, 1]
    assert [stats[policy].answered for policy in ("name", "total")] == [1, 1]


def test_a_rolled_back_savepoint_invalidates_nothing_and_a_released_one_does(shop: Shop) -> None:
    assert [shop.name(1), shop.name(2), shop.total()] == ["ana", "rui", 5]
    with orm.Session(shop.engine) as session, session.begin():
        kept = session.begin_nested()
        session.get_one(Customer, 2).name = "new"
        undone = session.begin_nested()
        session.get_one(Customer, 1).name = "undone"
        session.flush()
        undone.rollback()
        kept.commit()
        undone = session.begin_nested()
        session.add(Order(id=2, customer_id=1, total=7))
        session.flush()
        undone.rollback()
    assert [shop.name(1), shop.name(2), shop.total()] == ["ana", "new", 5]
    assert shop.loads == {"name": 3, "total": 1}


def test_within_its_transaction_a_caller_reads_its_own_writes_and_nobody_else_does(shop: Shop) -> None:
    assert [shop.name(1), shop.name(2)] == ["ana", "rui"]
    with orm.Session(shop.engine) as session:
        shop.session = session
        session.get_one(Customer, 1).name = "new"
        # Not flushed yet: by the object that the session holds.
        assert shop.name(1) == "new"
        session.flush()
        assert shop.name(1) == "new"
        assert shop.name(2) == "rui"
        shop.session = None
        assert elsewhere(lambda: shop.name(1)) == "ana"
        session.rollback()
    assert shop.name(1) == "ana"
    # Beside the first two, those of the transaction.
    assert shop.cache.stats()["name"].loads == 2


def test_a_loader_that_writes_keeps_its_value_to_itself_until_it_is_committed(shop: Shop) -> None:
    @shop.cache.cached(expire=600, key_prefix="made", early=False)
    def made() -> str:
        with orm.Session(shop.engine) as session:
            session.execute(sa.update(Customer).where(Customer.id == 1).values(name="made"))
            found = session.get_one(Customer, 1).name
            session.rollback()
            return found

    assert [made(), made()] == ["made", "made"]
    assert shop.cache.stats()["made"].bypassed == 2
    assert shop.name(1) == "ana"


def test_a_commit_that_fails_is_taken_for_one_that_may_have_happened(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Any
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracker(engine)
    shop = Shop(engine, tracked_cache)
    shop.write(sa.text("ALTER TABLE orders ALTER CONSTRAINT orders_customer_id_fkey DEFERRABLE INITIALLY DEFERRED"))
    assert shop.total() == 5
    with pytest.raises(sa.exc.IntegrityError):
        shop.write(sa.update(Order).values(customer_id=99))
    assert shop.total() == 5
    assert shop.loads["total"] == 2
    engine.dispose()


def test_what_cannot_be_right_is_refused(shop: Shop) -> None:
    rename = sa.update(Customer).values(name="new")
    with shop.engine.connect() as connection:
        with pytest.raises(PolicyError, match="COMMIT as text"):
            connection.execute(sa.text("COMMIT"))
        with pytest.raises(PolicyError, match="ROLLBACK as text"):
            connection.exec_driver_sql("-- so\n rollback")
        with pytest.raises(sa.exc.DBAPIError, match="syntax"):
            connection.execute(sa.text("UPDATE SET WHERE customer customer ((("))
    with (
        shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        pytest.raises(PolicyError, match="AUTOCOMMIT"),
    ):
        connection.execute(rename)
    with orm.Session(shop.engine, twophase=True) as session, pytest.raises(PolicyError, match="two-phase"):
        session.execute(rename)
    assert shop.name(1) == "ana"


def test_an_engine_is_tracked_once_and_closing_ends_it(shop: Shop) -> None:
    with pytest.raises(PolicyError, match="tracked already"):
        track(shop.engine, shop.cache, outbox=False)
    with pytest.raises(PolicyError, match="Engine"):
        track("sqlite://", shop.cache)  # type: ignore[arg-type]
    assert shop.name(1) == "ana"
    DATABASES[shop.engine.dialect].close()
    shop.rename(1, "unseen")
    assert shop.name(1) == "ana"


def test_a_view_of_the_catalogue_is_an_error_until_it_is_declared(
    database_url: str, tracked_cache: Cache, tracker: Callable[..., Any]
) -> None:
    engine = sa.create_engine(database_url)
    tracking = tracker(engine)
    shop = Shop(engine, tracked_cache)
    system = "sqlite_master" if engine.dialect.name == "sqlite" else "pg_catalog.pg_class"
    unseen = f"FROM (SELECT count(*) AS n FROM {system}) AS counted"
    shop.write(sa.text(f"CREATE VIEW spent AS SELECT (SELECT sum(total) FROM orders) AS total {unseen}"))

    @tracked_cache.cached(expire=600, key_prefix="spent", early=False)
    def spent() -> int:
        with engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT total FROM spent")).scalar_one())

    with pytest.raises(PolicyError, match="views="):
        spent()
    tracking.close()
    tracker(engine, views={"spent": (Order,)})
    assert [spent(), spent()] == [5, 5]
    shop.write(sa.update(Order).values(total=8))
    assert spent() == 8
    engine.dispose()


def test_a_function_that_is_declared_reads_its_tables(engine: sa.Engine, tracked_cache: Cache, tracker: Any) -> None:
    DATABASES[engine.dialect].close()
    tracker(engine, functions={"spent": ("orders",)})
    shop = Shop(engine, tracked_cache)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "checkout", lambda c, *_: c.create_function("spent", 0, lambda: shop.loads["spent"]))
    else:
        shop.write(sa.text("CREATE FUNCTION spent() RETURNS bigint LANGUAGE sql AS 'SELECT sum(total) FROM orders'"))

    @tracked_cache.cached(expire=600, key_prefix="spent", early=False)
    def spent() -> int:
        shop.loads["spent"] += 1
        with engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.spent())).scalar_one())

    spent(), spent()
    assert shop.loads["spent"] == 1
    shop.write(sa.update(Order).values(total=8))
    spent()
    assert shop.loads["spent"] == 2


def test_a_block_invalidates_what_it_writes_as_its_text_says_or_as_is_declared(
    postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Callable[..., Any]
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracker(engine)
    shop = Shop(engine, tracked_cache)
    assert [shop.name(1), shop.order(1)] == ["ana", 5]
    block = sa.text("DO $$ BEGIN UPDATE customer SET name = 'new'; END $$")
    shop.write(block)
    assert [shop.name(1), shop.order(1)] == ["new", 5]
    shop.rename(1, "ana")
    assert [shop.name(1), shop.order(1)] == ["ana", 5]
    shop.write(block.execution_options(frescor_writes=["customer"]))
    assert [shop.name(1), shop.order(1)] == ["new", 5]
    engine.dispose()


def test_a_policy_can_name_a_tables_tag(shop: Shop) -> None:
    @shop.cache.cached(expire=600, key_prefix="file", tags=(table_tag(Customer),), early=False)
    def file() -> int:
        shop.loads["file"] += 1
        return shop.loads["file"]

    assert [file(), file()] == [1, 1]
    shop.rename(1, "new")
    assert file() == 2
    with pytest.raises(PolicyError, match="mapped class"):
        table_tag("customer")


def test_the_outbox_keeps_what_a_transaction_invalidates(
    database_url: str, tracked_cache: Cache, tracker: Callable[..., Any]
) -> None:
    engine = sa.create_engine(database_url)
    tracker(engine, outbox=True)
    box = outbox_table(Base.metadata) if "frescor_outbox" not in Base.metadata.tables else None
    box = Base.metadata.tables["frescor_outbox"] if box is None else box
    shop = Shop(engine, tracked_cache)
    # One without tags is the relay's own: it says that something was done which no outbox kept, while there was none.
    kept = sa.select(sa.func.count()).select_from(box).where(box.c.tags != "")
    with engine.connect() as connection:
        before = connection.scalar(kept)
    assert shop.name(1) == "ana"
    shop.rename(1, "new")
    assert shop.name(1) == "new"
    with engine.connect() as connection:
        assert connection.scalar(kept) == (before or 0) + 1
    engine.dispose()
