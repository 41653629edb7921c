"""Async engines and sessions: the same promises, with the store awaited."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from frescor import Cache
from frescor.sqlalchemy import outbox_table, track
from frescor.testing.private_postgres import PrivatePostgres
from shop import Base, Customer, Order

T = TypeVar("T")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'async.db'}"
    server: PrivatePostgres = request.getfixturevalue("postgres_server")
    return server.make_database()


class AsyncShop:
    """A cached query on an async engine."""

    def __init__(self, engine: AsyncEngine, cache: Cache) -> None:
        self.engine = engine
        self.cache = cache
        self.loads = 0
        self.session: AsyncSession | None = None

        @cache.cached(expire=600, key_prefix="name", early=False)
        async def name(number: int) -> str | None:
            self.loads += 1
            if self.session is not None:
                return await self._read(self.session, number)
            async with AsyncSession(engine) as session:
                return await self._read(session, number)

        self.name = name

    async def _read(self, session: AsyncSession, number: int) -> str | None:
        found = await session.get(Customer, number)
        return None if found is None else found.name

    async def fill(self) -> None:
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(self.engine) as session, session.begin():
            session.add_all([Customer(id=1, name="ana"), Customer(id=2, name="rui")])

    async def rename(self, name: str) -> None:
        async with AsyncSession(self.engine) as session, session.begin():
            await session.execute(sa.update(Customer).where(Customer.id == 1).values(name=name))


def run(url: str, cache: Cache, test: Callable[[AsyncShop], Awaitable[T]], **options: Any) -> T:
    async def main() -> T:
        engine = create_async_engine(url)
        tracking = track(engine, cache, **{"outbox": False, **options})
        try:
            shop = AsyncShop(engine, cache)
            await shop.fill()
            return await test(shop)
        finally:
            await asyncio.to_thread(tracking.close)
            await engine.dispose()
            await cache.aio.close()

    with asyncio.Runner() as runner:
        return runner.run(main())


def test_a_commit_of_an_async_session_invalidates(url: str, tracked_cache: Cache) -> None:
    async def test(shop: AsyncShop) -> None:
        assert [await shop.name(1), await shop.name(1), await shop.name(2)] == ["ana", "ana", "rui"]
        await shop.rename("new")
        assert [await shop.name(1), await shop.name(1), await shop.name(2)] == ["new", "new", "rui"]
        assert shop.loads == 3

    run(url, tracked_cache, test)


def test_one_statement_for_many_rows_invalidates(url: str, tracked_cache: Cache) -> None:
    async def test(shop: AsyncShop) -> None:
        async with shop.engine.begin() as connection:
            await connection.execute(sa.insert(Order), [{"id": 1, "customer_id": 1, "total": 5}])

        @shop.cache.cached(expire=600, key_prefix="of", early=False, name="of")
        async def of(customer: int) -> int | None:
            async with AsyncSession(shop.engine) as session:
                return await session.scalar(sa.select(sa.func.sum(Order.total)).where(Order.customer_id == customer))

        assert await of(1) == 5
        update = sa.update(Order).where(Order.id == sa.bindparam("one")).values(total=sa.bindparam("new"))
        async with shop.engine.begin() as connection:
            await connection.execute(update, [{"one": 1, "new": 7}, {"one": 2, "new": 8}])
        assert await of(1) == 7

    run(url, tracked_cache, test)


def test_a_task_reads_its_own_writes_and_the_others_do_not(url: str, tracked_cache: Cache) -> None:
    async def test(shop: AsyncShop) -> None:
        assert await shop.name(1) == "ana"
        dirty, done = asyncio.Event(), asyncio.Event()

        async def write() -> None:
            async with AsyncSession(shop.engine) as session:
                shop.session = session
                (await session.get_one(Customer, 1)).name = "new"
                assert await shop.name(1) == "new"
                await session.flush()
                assert await shop.name(1) == "new"
                shop.session = None
                dirty.set()
                await done.wait()
                await session.rollback()
            assert await shop.name(1) == "ana"

        task = asyncio.create_task(write())
        await dirty.wait()
        assert await shop.name(1) == "ana"
        done.set()
        await task
        assert (await asyncio.to_thread(shop.cache.stats))["name"].loads == 1

    run(url, tracked_cache, test)


def test_a_savepoint_that_is_rolled_back_invalidates_nothing(url: str, tracked_cache: Cache) -> None:
    async def test(shop: AsyncShop) -> None:
        assert await shop.name(1) == "ana"
        async with AsyncSession(shop.engine) as session, session.begin():
            savepoint = await session.begin_nested()
            await session.execute(sa.update(Customer).values(name="undone"))
            await savepoint.rollback()
            session.add(Order(id=1, total=1))
        assert [await shop.name(1), shop.loads] == ["ana", 1]

    run(url, tracked_cache, test)


def test_a_task_that_is_cancelled_in_its_commit_leaves_nothing_stale(url: str, tracked_cache: Cache) -> None:
    """The server may commit after the task has gone: then the outbox row tells, within a second."""
    box = outbox_table(sa.MetaData())

    async def agrees(shop: AsyncShop) -> None:
        while await shop.name(1) != await shop.name.uncached(1):
            await asyncio.sleep(0.01)

    async def test(shop: AsyncShop) -> None:
        async with shop.engine.begin() as connection:
            await connection.run_sync(box.metadata.create_all)
        for name in ("b", "c", "d", "e", "f"):
            assert await shop.name(1)
            task = asyncio.create_task(shop.rename(name))
            for _ in range(len(name) * 3 + ord(name) - ord("a")):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.wait_for(agrees(shop), 10)

    run(url, tracked_cache, test, outbox=True)


def test_an_older_snapshot_counts(url: str, tracked_cache: Cache) -> None:
    if url.startswith("sqlite"):
        pytest.skip("a writer would wait for the reader")

    async def test(shop: AsyncShop) -> None:
        async with AsyncSession(shop.engine) as old:
            await old.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            await old.execute(sa.select(sa.func.count(Order.id)))
            await shop.rename("new")
            shop.session = old
            assert await shop.name(1) == "ana"
            shop.session = None
        assert await shop.name(1) == "new"

    run(url, tracked_cache, test)


def test_the_outbox_works_with_an_async_engine(url: str, tracked_cache: Cache) -> None:
    box = outbox_table(sa.MetaData())

    async def test(shop: AsyncShop) -> None:
        async with shop.engine.begin() as connection:
            await connection.run_sync(box.metadata.create_all)
        assert await shop.name(1) == "ana"
        await shop.rename("new")
        assert await shop.name(1) == "new"

    run(url, tracked_cache, test, outbox=True)


def test_objects_that_an_async_session_holds_count(url: str, tracked_cache: Cache) -> None:
    async def test(shop: AsyncShop) -> None:
        async with AsyncSession(shop.engine, expire_on_commit=False) as session:
            held = await session.get_one(Customer, 1)
            await session.commit()
            await shop.rename("new")
            shop.session = session
            assert await shop.name(1) == held.name == "ana"
            shop.session = None
        assert await shop.name(1) == "new"
        assert isinstance(session.sync_session, orm.Session)

    run(url, tracked_cache, test)
