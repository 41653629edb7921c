"""Two sessions, step by step: no order of their steps leaves an old value in the cache."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor.testing.private_postgres import PrivatePostgres
from shop import Customer, Order, Shop, elsewhere


@pytest.fixture
def shop(engine: sa.Engine, tracked_cache: Cache) -> Shop:
    return Shop(engine, tracked_cache)


@pytest.fixture
def postgres(postgres_server: PrivatePostgres, tracked_cache: Cache, tracker: Callable[..., Any]) -> Iterator[Shop]:
    engine = sa.create_engine(postgres_server.make_database())
    tracker(engine)
    yield Shop(engine, tracked_cache)
    engine.dispose()


def is_new(shop: Shop) -> bool:
    """Whether everybody reads the new name, here and in other threads."""
    return [shop.name(1), elsewhere(lambda: shop.name(1)), shop.name(1)] == ["new"] * 3


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_load_in_an_older_snapshot_is_as_of_the_snapshot(level: Any, postgres: Shop) -> None:
    with orm.Session(postgres.engine) as old:
        old.connection(execution_options={"isolation_level": level})
        assert old.scalar(sa.text("SELECT 1")) == 1
        postgres.rename(1, "new")
        postgres.session = old
        # The lease is taken, and the clock read, after the write: what the snapshot shows is older than both.
        assert postgres.name(1) == "ana"
        postgres.session = None
    assert is_new(postgres)


def test_a_level_that_came_as_text_counts(postgres: Shop) -> None:
    with orm.Session(postgres.engine) as old:
        old.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        assert old.scalar(sa.text("SELECT count(*) FROM orders")) == 1
        postgres.rename(1, "new")
        postgres.session = old
        assert postgres.name(1) == "ana"
        postgres.session = None
    assert is_new(postgres)


def test_a_snapshot_that_saw_the_last_write_is_cached(postgres: Shop) -> None:
    postgres.rename(1, "new")
    with orm.Session(postgres.engine) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        postgres.session = session
        assert [postgres.name(1), postgres.name(1)] == ["new", "new"]
        assert postgres.loads["name"] == 1


def test_read_committed_sees_what_was_committed_since_it_began(postgres: Shop) -> None:
    with orm.Session(postgres.engine) as session:
        assert session.scalar(sa.text("SELECT 1")) == 1
        postgres.rename(1, "new")
        postgres.session = session
        assert [postgres.name(1), postgres.name(1)] == ["new", "new"]
        assert postgres.loads["name"] == 1


def test_a_sqlite_read_transaction_is_an_older_snapshot(
    tmp_path: Any, tracked_cache: Cache, tracker: Callable[..., Any]
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'wal.db'}")

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    tracker(engine)
    shop = Shop(engine, tracked_cache)
    with orm.Session(engine) as old:
        assert old.scalar(sa.text("SELECT count(*) FROM orders")) == 1
        shop.rename(1, "new")
        shop.session = old
        assert shop.name(1) == "ana"
        shop.session = None
    assert is_new(shop)
    engine.dispose()


def test_a_loader_that_read_before_a_commit_does_not_store_after_it(shop: Shop) -> None:
    has_read, may_return = threading.Event(), threading.Event()

    @shop.cache.cached(expire=600, key_prefix="slow", early=False)
    def slow() -> str:
        with orm.Session(shop.engine) as session:
            name = session.get_one(Customer, 1).name
        if not has_read.is_set():
            has_read.set()
            assert may_return.wait(10)
        return name

    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(slow()))
    thread.start()
    assert has_read.wait(10)
    shop.rename(1, "new")
    may_return.set()
    thread.join()
    assert found == ["ana"]
    assert slow() == "new"


def test_what_is_loaded_between_a_flush_and_its_commit_is_gone_after_it(postgres: Shop) -> None:
    with orm.Session(postgres.engine) as writer:
        writer.get_one(Customer, 1).name = "new"
        writer.flush()
        assert elsewhere(lambda: postgres.name(1)) == "ana"
        assert elsewhere(lambda: postgres.name(1)) == "ana"
        assert postgres.loads["name"] == 1
        writer.commit()
    assert is_new(postgres)


def test_what_is_loaded_between_the_commit_and_the_invalidation_is_as_new_as_the_commit(postgres: Shop) -> None:
    """A reader that comes then finds the old entry, or loads the new value: it is not older than its own call."""
    assert postgres.name(1) == "ana"
    dialect: Any = postgres.engine.dialect
    hooks = dialect.do_commit.__self__._hooks
    seen: list[str | None] = []
    plain = hooks.below("do_commit")

    def commit(connection: Any) -> None:
        plain(connection)
        seen.append(elsewhere(lambda: postgres.name(1)))

    hooks._found["do_commit"] = commit
    postgres.rename(1, "new")
    del hooks._found["do_commit"]
    assert seen in (["ana"], ["new"])
    assert is_new(postgres)


def test_an_object_from_before_the_load_makes_it_as_old_as_itself(shop: Shop) -> None:
    with orm.Session(shop.engine, expire_on_commit=False) as session:
        held = session.get_one(Customer, 1)
        session.commit()
        shop.rename(1, "new")
        shop.session = session
        assert shop.name(1) == "ana"
        assert held.name == "ana"
        shop.session = None
    assert is_new(shop)


def test_a_query_that_meets_an_older_object_is_as_old_as_that(postgres: Shop) -> None:
    @postgres.cache.cached(expire=600, key_prefix="all", early=False)
    def names() -> list[str]:
        query = sa.select(Customer).order_by(Customer.id)
        return postgres._within(lambda session: [one.name for one in session.scalars(query)])

    with orm.Session(postgres.engine) as session:
        held = session.get_one(Customer, 1)
        postgres.rename(1, "new")
        postgres.session = session
        assert names() == ["ana", "rui"]
        assert held.id == 1
        postgres.session = None
    assert names() == ["new", "rui"]


def test_a_reference_to_an_object_that_is_held_is_as_old_as_that(postgres: Shop) -> None:
    @postgres.cache.cached(expire=600, key_prefix="whose", early=False)
    def whose() -> str:
        def read(session: orm.Session) -> str:
            customer = session.get_one(Order, 1).customer
            assert customer is not None
            return customer.name

        return postgres._within(read)

    with orm.Session(postgres.engine) as session:
        held = session.get_one(Customer, 1)
        postgres.rename(1, "new")
        postgres.session = session
        assert whose() == "ana"
        assert held.id == 1
        postgres.session = None
    assert whose() == "new"


def test_what_was_expired_is_read_anew_and_cached(postgres: Shop) -> None:
    with orm.Session(postgres.engine) as session:
        held = session.get_one(Customer, 1)
        postgres.rename(1, "new")
        session.commit()
        postgres.session = session
        assert [postgres.name(1), postgres.name(1)] == ["new", "new"]
        assert (postgres.loads["name"], held.id) == (1, 1)
        postgres.session = None


def test_a_changed_object_that_was_not_flushed_stays_with_its_session(shop: Shop) -> None:
    with orm.Session(shop.engine, autoflush=False) as session:
        session.get_one(Customer, 1).name = "draft"
        shop.session = session
        assert [shop.name(1), shop.name(1)] == ["draft", "draft"]
        shop.session = None
        session.rollback()
    assert [shop.name(1), elsewhere(lambda: shop.name(1))] == ["ana", "ana"]
    assert shop.cache.stats()["name"].bypassed == 2


def test_a_connection_that_is_thrown_away_leaves_nobody_dirty(shop: Shop) -> None:
    connection = shop.engine.connect()
    connection.execute(sa.update(Customer).values(name="lost"))
    connection.invalidate()
    connection.close()
    assert [shop.name(1), shop.name(1)] == ["ana", "ana"]
    assert shop.loads["name"] == 1
    raw = shop.engine.connect()
    raw.execute(sa.update(Customer).values(name="lost"))
    del raw
    gc.collect()
    assert [shop.name(2), shop.name(2)] == ["rui", "rui"]
    assert shop.loads["name"] == 2


def test_a_nested_hit_brings_its_tags_to_the_outer_entry(shop: Shop) -> None:
    @shop.cache.cached(expire=600, key_prefix="greeting", early=False)
    def greeting() -> str:
        return f"olá, {shop.name(1)}"

    assert shop.name(1) == "ana"
    assert greeting() == "olá, ana"
    shop.rename(1, "new")
    assert greeting() == "olá, new"


def test_a_collection_that_an_object_has_loaded_is_as_old_as_the_object(shop: Shop) -> None:
    @shop.cache.cached(expire=600, key_prefix="totals", early=False)
    def totals() -> list[int]:
        return shop._within(lambda session: [order.total for order in session.get_one(Customer, 1).orders])

    with orm.Session(shop.engine, expire_on_commit=False) as session:
        held = session.get_one(Customer, 1)
        assert [order.total for order in held.orders] == [5]
        session.commit()
        shop.write(sa.update(Order).where(Order.id == 1).values(total=7))
        shop.session = session
        assert totals() == [5]
        shop.session = None
    assert totals() == [7]
    # It depends on the order itself too, which the collection led to.
    shop.write(sa.update(Order).where(Order.id == 1).values(total=9))
    assert totals() == [9]


def test_an_object_of_which_nobody_can_tell_the_database_stays_with_its_session(shop: Shop) -> None:
    everybody = sa.select(Customer).order_by(Customer.id)
    bind = {"bind": shop.engine}

    @shop.cache.cached(expire=600, key_prefix="unbound", early=False)
    def names() -> list[str]:
        return [one.name for one in session.scalars(everybody, bind_arguments=bind)]

    with orm.Session() as session:
        held = session.scalars(everybody, bind_arguments=bind).all()
        assert names() == ["ana", "rui"] == [one.name for one in held]
        assert shop.cache.stats()["unbound"].bypassed == 1


def test_an_object_that_is_flushed_and_not_committed_is_no_secret_kept_by_a_thread(shop: Shop) -> None:
    """Another thread, which knows of no transaction, is given the session: what it finds in there stays its own."""
    with orm.Session(shop.engine) as session:
        held = session.get_one(Customer, 1)
        held.name = "new"
        session.flush()
        shop.session = session
        assert elsewhere(lambda: shop.name(1)) == "new"
        shop.session = None
        session.rollback()
    assert [elsewhere(lambda: shop.name(1)), shop.name(1)] == ["ana", "ana"]
