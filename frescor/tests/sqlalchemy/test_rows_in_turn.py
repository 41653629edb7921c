"""Generated queries: whatever row is changed, a query whose result changes depends on that row or on its table.

FRESCOR_QUERIES sets how many queries a run makes.
"""

import os
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frescor import Cache, current_load
from frescor._calls.loading import Loading
from frescor.sqlalchemy import track
from frescor.sqlalchemy._statements.tags import Tags

QUERIES = int(os.environ.get("FRESCOR_QUERIES", "500"))
SECRET = b"a secret of sixteen bytes"
TAGS = Tags("", SECRET, dialect="sqlite")
metadata = sa.MetaData()
tables = {
    name: sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("other", sa.Integer),
        sa.Column("v", sa.Integer),
    )
    for name in ("a", "b", "c")
}
NUMBERS = st.integers(1, 3)
KINDS = (
    "key",
    "key",
    "keys",
    "same key",
    "reference",
    "value",
    "no key",
    "or",
    "and",
    "not",
    "subselect",
    "between",
    "exists",
)


@st.composite
def queries(draw: st.DrawFn) -> Any:
    """A SELECT over one to three tables or aliases, joined in all ways, with conditions that may name rows."""
    froms = [draw(sources(place)) for place in range(draw(st.sampled_from([1, 2, 2, 3])))]
    joined: Any = froms[0]
    for place, one in enumerate(froms[1:], 1):
        on = draw(conditions(froms[: place + 1], "key", "keys", "same key", "reference", "and"))
        kind = draw(st.sampled_from(["inner", "left", "full"]))
        joined = joined.join(one, on, isouter=kind == "left", full=kind == "full")
    columns = [draw(values(froms)).label(f"x{place}") for place in range(draw(st.integers(1, 2)))]
    statement = sa.select(*columns).select_from(joined)
    for _ in range(draw(st.integers(0, 3))):
        statement = statement.where(draw(conditions(froms)))
    end = draw(st.sampled_from(["", "", "distinct", "count", "union", "exists", "cte", "limit"]))
    if end == "distinct":
        return statement.distinct()
    if end == "limit":
        return statement.order_by(*columns).limit(2)
    if end == "count":
        return sa.select(sa.func.count()).select_from(statement.subquery())
    if end == "union":
        return statement.union_all(sa.select(*[sa.literal(0) for _ in columns]))
    if end == "exists":
        return sa.select(sa.exists(statement))
    return sa.select(statement.cte()) if end == "cte" else statement


def sources(place: int) -> st.SearchStrategy[Any]:
    named = st.sampled_from(sorted(tables)).map(lambda name: tables[name].alias(f"{name}{place}"))
    lists = named.map(lambda one: sa.select(one).where(one.c.id == 1).subquery(f"s{place}"))
    return st.one_of(named, named, lists)


@st.composite
def conditions(draw: st.DrawFn, froms: list[Any], *kinds: str) -> Any:
    one, other = draw(st.sampled_from(froms)), draw(st.sampled_from(froms))
    kind = draw(st.sampled_from(kinds or KINDS))
    number = draw(NUMBERS)
    match kind:
        case "key":
            return draw(st.sampled_from([one.c.id == number, sa.literal(number) == one.c.id]))
        case "keys":
            return one.c.id.in_(draw(st.lists(NUMBERS, min_size=0, max_size=2)))
        case "same key":
            return one.c.id == other.c.id
        case "reference":
            return one.c.other == other.c.id
        case "value":
            return one.c.v >= number
        case "no key":
            return one.c.id != number
        case "or":
            return sa.or_(one.c.id == number, other.c.v == number)
        case "and":
            return sa.and_(one.c.id == number, other.c.id == draw(NUMBERS))
        case "not":
            return sa.not_(sa.and_(one.c.id == number, other.c.v == number))
        case "subselect":
            table = tables[draw(st.sampled_from(sorted(tables)))]
            return one.c.id.in_(sa.select(table.c.other).where(table.c.id == number))
        case "exists":
            table = tables[draw(st.sampled_from(sorted(tables)))]
            inner = draw(st.sampled_from([table, table.alias()]))
            joined = draw(
                st.sampled_from([inner.c.id == one.c.id, inner.c.id == one.c.other, inner.c.other == one.c.id])
            )
            found = sa.exists().where(joined, inner.c.v >= draw(st.integers(0, 3)))
            return draw(st.sampled_from([found, ~found, sa.or_(found, other.c.id == number)]))
        case _:
            return one.c.id.between(number, number + 1)


@st.composite
def values(draw: st.DrawFn, froms: list[Any]) -> Any:
    one = draw(st.sampled_from(froms))
    table = tables[draw(st.sampled_from(sorted(tables)))].alias()
    return draw(
        st.sampled_from(
            [
                one.c.v,
                one.c.id,
                sa.select(sa.func.max(table.c.v)).scalar_subquery(),
                sa.select(table.c.v).where(table.c.id == draw(NUMBERS)).scalar_subquery(),
                sa.select(table.c.v).where(table.c.id == one.c.id).scalar_subquery(),
                sa.func.sum(one.c.v).over(),
            ]
        )
    )


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for table in tables.values():
            rows = [{"id": number, "other": 3 - number, "v": number} for number in (1, 2, 3)]
            connection.execute(table.insert(), rows)
    with Cache.from_url("memory://", "test", key_secret=SECRET) as cache:
        tracking = track(engine, cache, outbox=False)
        yield engine
        tracking.close()
    engine.dispose()


def changes(driver: sqlite3.Connection, look: Any) -> Iterator[tuple[str, int, Any]]:
    """Each row of each table changed in every way by itself: the table, the row's key, what is then found."""
    for name in tables:
        for number in (1, 2, 3, 4):
            for change in (
                f"DELETE FROM {name} WHERE id = {number}",
                f"UPDATE {name} SET v = v + 1 WHERE id = {number}",
                f"UPDATE {name} SET other = 1 WHERE id = {number}",
                f"INSERT OR IGNORE INTO {name} VALUES ({number}, 1, 9)",
            ):
                driver.execute("SAVEPOINT one")
                driver.execute(change)
                yield name, number, look()
                driver.execute("ROLLBACK TO one")
                driver.execute("RELEASE one")


@pytest.mark.unwatched
@settings(
    max_examples=QUERIES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(statement=queries())
def test_a_row_that_changes_the_result_is_depended_on(engine: sa.Engine, statement: Any) -> None:
    sql = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    with Loading(), engine.connect() as connection:
        try:
            connection.execute(statement).all()
        except sa.exc.OperationalError:
            # Two sources of one name, or none of a kind that this SQLite has.
            return
        tags = set(current_load().tags)
        driver: Any = connection.connection.driver_connection
        before = sorted(driver.execute(sql).fetchall(), key=repr)
        for name, number, found in changes(driver, lambda: sorted(driver.execute(sql).fetchall(), key=repr)):
            table = TAGS.table((None, name))
            assert found == before or tags & {table, TAGS.row(table, (number,))}, (name, number)
