"""Assertions on whether a write ends the entry of a query, and what they say when they fail."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from frescor import Cache
from frescor.sqlalchemy import track
from frescor.testing import assert_invalidates, assert_invalidates_async, assert_keeps, assert_keeps_async
from shop import Customer, Order, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with Cache.from_url("memory://", "shop") as cache:
        tracking = track(engine, cache)
        yield Shop(engine, cache)
        tracking.close()
        engine.dispose()


def test_a_write_to_what_the_query_read_invalidates_it(shop: Shop) -> None:
    assert_invalidates(lambda: shop.rename(1, "eva"), lambda: shop.name(1))
    assert_keeps(lambda: shop.rename(2, "eva"), lambda: shop.name(1))
    assert_keeps(lambda: shop.rename(1, "ada"), shop.total)
    assert_invalidates(shop.cache.clear_all, shop.total)


def test_a_write_that_ends_nothing_fails_with_the_tags_of_both(shop: Shop) -> None:
    with pytest.raises(AssertionError) as raised:
        assert_invalidates(lambda: shop.rename(2, "eva"), shop.total)
    text = str(raised.value)
    assert "should invalidate what" in text
    assert "total" in text.splitlines()[0]
    met, written, common = (line.partition(":")[2].strip() for line in text.splitlines()[1:4])
    assert "sql:orders" in met
    assert "total:*" in met
    assert "sql:customer" in written
    assert common == "none"


def test_a_write_that_ends_what_it_was_to_keep_fails_with_the_tags_in_common(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="should keep what") as raised:
        assert_keeps(lambda: shop.write(sa.insert(Order).values(id=9, total=1)), shop.total)
    assert "sql:orders" in str(raised.value).splitlines()[3]


def test_a_write_that_was_not_committed_is_said_to_have_raised_nothing(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="nothing: was it committed, through an engine that is tracked"):
        assert_invalidates(lambda: None, shop.total)


def test_a_query_that_reads_nothing_tracked_is_said_to_have_met_no_table(shop: Shop) -> None:
    @shop.cache.cached(expire=60, key_prefix="constant")
    def constant() -> int:
        return 1

    with pytest.raises(AssertionError, match=r"the query depends on: +constant:\*"):
        assert_invalidates(lambda: shop.rename(1, "eva"), constant)


def test_a_query_that_is_not_cached_can_be_asserted_nothing_of(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="calls no cached function"):
        assert_keeps(lambda: None, lambda: 1)
    with shop.cache.disabled(), pytest.raises(AssertionError, match="is not kept, even before the write"):
        assert_invalidates(lambda: shop.rename(1, "eva"), lambda: shop.name(1))


def test_a_cache_in_the_place_of_the_tracked_one_keeps_and_ends_what_reads_slices(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with Cache.from_url("memory://", "shop") as cache:
        tracking = track(engine, cache, slices={})
        shop = Shop(engine, cache)

        @cache.cached(expire=60, key_prefix="of_customer", early=False)
        def orders_of(customer: int) -> int:
            with engine.connect() as connection:
                return len(connection.execute(sa.select(Order.id).where(Order.customer_id == customer)).all())

        def order(number: int, customer: int) -> None:
            shop.write(sa.insert(Order).values(id=number, customer_id=customer, total=1))

        for place in range(2):
            with Cache.from_url("memory://", "other") as other, cache.replaced_by(other):
                assert_invalidates(lambda: order(100 + place, 1), lambda: orders_of(1))  # noqa: B023
                assert_keeps(lambda: order(200 + place, 2), lambda: orders_of(1))  # noqa: B023
        assert_invalidates(lambda: order(300, 1), lambda: orders_of(1))
        assert_keeps(lambda: order(301, 2), lambda: orders_of(1))
        tracking.close()
    engine.dispose()


def test_what_is_awaited_has_an_assertion_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}")
        with Cache.from_url("memory://", "shop") as cache:
            async with engine.begin() as connection:
                await connection.run_sync(Customer.metadata.create_all)
            tracking = track(engine, cache)

            @cache.cached(expire=60, key_prefix="names", early=False)
            async def names() -> list[str]:
                async with engine.connect() as connection:
                    return list(await connection.scalars(sa.select(Customer.name)))

            async def add(table: type[Customer] | type[Order], **values: object) -> None:
                async with engine.begin() as connection:
                    await connection.execute(sa.insert(table).values(**values))

            await assert_invalidates_async(lambda: add(Customer, id=1, name="ana"), names)
            await assert_keeps_async(lambda: add(Order, id=1, total=3), names)
            with pytest.raises(AssertionError, match="sql:customer"):
                await assert_keeps_async(lambda: add(Customer, id=2, name="rui"), names)
            with pytest.raises(TypeError, match="assert_invalidates_async"):
                assert_invalidates(lambda: None, names)
            await cache.aio.close()
            tracking.close()
        await engine.dispose()

    asyncio.run(main())
