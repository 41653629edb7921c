"""A table is the same table by whatever construct it is named, and text within Core is read where it stands."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.compiler import compiles

from frescor import Cache, current_load
from frescor._calls.loading import Loading
from frescor.sqlalchemy import table_tag, track
from frescor.sqlalchemy._statements.tags import Tags

metadata = sa.MetaData()
item = sa.Table("item", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
Quoted = sa.Table("Two Words", metadata, sa.Column("Id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
apart = sa.Table("apart", metadata, sa.Column("id", sa.Integer, primary_key=True), schema="other")
DDL: Any = sa.DDL
TAGS = Tags("", b"", dialect="sqlite")


class TheItems(sa.sql.expression.ColumnElement[int]):
    inherit_cache = True
    type = sa.Integer()


@compiles(TheItems)
def _the_items(_element: TheItems, _compiler: Any, **_: Any) -> str:
    return "(SELECT max(id) FROM item)"


class OnSqliteAlone(sa.sql.functions.FunctionElement[int]):
    inherit_cache = True
    type = sa.Integer()


@compiles(OnSqliteAlone, "sqlite")
def _on_sqlite_alone(_element: OnSqliteAlone, _compiler: Any, **_: Any) -> str:
    return "abs(-1)"


class AddOne(sa.schema.ExecutableDDLElement):
    """A statement that an application writes by itself."""


@compiles(AddOne)
def _add_one(_element: AddOne, _compiler: Any, **_: Any) -> str:
    return "INSERT INTO item (v) VALUES (99)"


class Base(orm.DeclarativeBase):
    metadata = metadata


class Mapped(Base):
    __table__ = Quoted
    items = orm.column_property(TheItems())


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


@pytest.fixture
def engine(cache: Cache) -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("ATTACH ':memory:' AS other"))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(item.insert(), [{"id": number, "v": number} for number in range(1, 4)])
        connection.execute(Quoted.insert(), [{"Id": 1, "v": 1}])
    tracking = track(engine, cache, outbox=False)
    yield engine
    tracking.close()
    engine.dispose()


light = sa.table("apart", sa.column("id"), schema="other")
ITEM, QUOTED, APART = (TAGS.table((None, name)) for name in ("item", "two words", "apart"))
READS: dict[str, tuple[Any, set[str]]] = {
    "a table by name, with its schema": (sa.select(light.c.id), {APART}),
    "an alias of one": (sa.select(light.alias("x").c.id), {APART}),
    "one without its schema": (sa.select(sa.table("apart", sa.column("id")).c.id), {APART}),
    "a Table": (sa.select(apart), {APART}),
    "a quoted name": (sa.select(Quoted.c.v), {QUOTED}),
    "a quoted name in text": (sa.text('SELECT v FROM "Two Words"'), {QUOTED}),
    "a name that is quoted by force": (
        sa.select(sa.table(sa.sql.quoted_name("Item", quote=True), sa.column("v")).c.v),
        {ITEM},
    ),
    "a lateral of one": (sa.select(sa.select(light.c.id).subquery().c.id), {APART}),
    "text with columns": (sa.text("SELECT id FROM other.apart").columns(sa.column("id")), {APART}),
    "text in FROM": (sa.select(sa.literal_column("v")).select_from(sa.text("item")), {ITEM}),
    "text in a condition": (sa.select(Quoted.c.v).where(sa.text('"Id" IN (SELECT id FROM item)')), {QUOTED, ITEM}),
    "a literal column": (sa.select(Quoted.c.v, sa.literal_column("(SELECT max(id) FROM item)")), {QUOTED, ITEM}),
    "an operator": (sa.select(Quoted.c.v.op("IN (SELECT v FROM item) AND 1 =")(1)), {QUOTED, ITEM}),
    "text that orders": (sa.select(Quoted.c.v).order_by(sa.text("(SELECT max(id) FROM item)")), {QUOTED, ITEM}),
    "a construct of the application's own": (sa.select(TheItems()), {ITEM}),
    "one that the ORM puts in": (sa.select(Mapped), {QUOTED, ITEM}),
    "one within a subquery": (sa.select(sa.select(TheItems().label("x")).subquery().c.x), {ITEM}),
    "beside a construct that knows one database alone": (sa.select(item.c.v, OnSqliteAlone()), {ITEM}),
    "a CTE in text": (sa.text("WITH x AS (SELECT id FROM item) SELECT * FROM x"), {ITEM}),
}


@pytest.mark.parametrize("way", READS)
def test_a_load_depends_on_the_table_that_is_named(way: str, engine: sa.Engine) -> None:
    statement, expected = READS[way]
    with Loading(), orm.Session(engine) as session:
        session.execute(statement).all()
        assert set(current_load().tags) >= expected


WRITES: dict[str, Callable[[sa.Connection], object]] = {
    "a construct of the application's own": lambda c: c.execute(AddOne()),
    "DDL in text": lambda c: c.execute(DDL("INSERT INTO item (v) VALUES (99)")),
    "a table by name": lambda c: c.execute(sa.insert(sa.table("item", sa.column("v"))).values(v=99)),
    "a table by name, with its schema": lambda c: c.execute(
        sa.update(sa.table("item", sa.column("v"), schema="main")).values(v=99)
    ),
    "text": lambda c: c.execute(sa.text("UPDATE MAIN.Item SET v = 99")),
    "a translated schema": lambda c: c.execute(
        sa.update(sa.Table("item", sa.MetaData(), sa.Column("v", sa.Integer), schema="tenant")).values(v=99),
        execution_options={"schema_translate_map": {"tenant": "main"}},
    ),
    "a table by name, which no map translates": lambda c: c.execute(
        sa.update(sa.table("item", sa.column("v"))).values(v=99),
        execution_options={"schema_translate_map": {None: "tenant"}},
    ),
    "a translated schema beside text": lambda c: c.execute(
        sa.update(item).where(sa.text("1 = 1")).values(v=99), execution_options={"schema_translate_map": {None: "main"}}
    ),
}


@pytest.mark.parametrize("way", WRITES)
def test_a_write_ends_what_read_the_table_that_it_names(way: str, engine: sa.Engine, cache: Cache) -> None:
    @cache.cached(expire=300, key_prefix="sum")
    def total() -> int:
        with engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.sum(item.c.v))) or 0

    @cache.cached(expire=300, key_prefix="row")
    def row(number: int) -> int | None:
        with engine.connect() as connection:
            return connection.scalar(sa.select(item.c.v).where(item.c.id == number))

    before = total(), [row(number) for number in range(5)]
    with engine.begin() as connection:
        WRITES[way](connection)
    assert (total(), [row(number) for number in range(5)]) != before
    assert (total(), [row(number) for number in range(5)]) == (total.uncached(), [row.uncached(n) for n in range(5)])


def test_a_temporary_table_and_a_table_of_the_same_name_are_one(engine: sa.Engine, cache: Cache) -> None:
    @cache.cached(expire=300, key_prefix="count")
    def count() -> int:
        with engine.connect() as connection:
            return connection.scalar(sa.text("SELECT count(*) FROM item")) or 0

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE item (id INTEGER, v INTEGER)")
    assert count() == 0
    with engine.begin() as connection:
        connection.execute(sa.insert(sa.table("item", sa.column("v"), schema="temp")).values(v=1))
    assert count() == 1


def test_a_tag_that_names_the_schema_is_raised_by_who_names_it(engine: sa.Engine, cache: Cache) -> None:
    @cache.cached(expire=300, key_prefix="by-hand", tags=(table_tag(apart),), early=False)
    def loads() -> int:
        seen.append(1)
        return len(seen)

    seen: list[int] = []
    assert [loads(), loads()] == [1, 1]
    with engine.begin() as connection:
        connection.execute(apart.insert().values(id=1))
    assert loads() == 2


def rewriting(sql: Callable[[str], str] = str, parameters: Callable[[Any], Any] = lambda given: given) -> Any:
    def rewrite(_c: Any, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool) -> tuple[str, Any]:
        return sql(statement), parameters(given)

    return rewrite


LISTENERS: dict[str, tuple[Any, Any]] = {
    "another table": (
        rewriting(sql=lambda sql: sql.replace('"Two Words"', "item")),
        sa.update(Quoted).values(v=99),
    ),
    "another condition": (
        rewriting(sql=lambda sql: sql.replace("item.id = ?", "item.id = 1 + ?")),
        sa.update(item).where(item.c.id == 0).values(v=99),
    ),
    "other parameters": (
        rewriting(parameters=lambda given: tuple(value + 1 for value in given)),
        sa.update(item).where(item.c.id == 0).values(v=99),
    ),
    "a comment": (rewriting(sql=lambda sql: f"/* a */ {sql} -- b"), sa.update(item).where(item.c.id == 1).values(v=99)),
    "a comment that hides the statement": (
        rewriting(sql=lambda sql: f"/* {sql} */ UPDATE item SET v = 99 + ? * ?"),
        sa.update(item).where(item.c.id == 7).values(v=99),
    ),
    "the key of an INSERT": (
        rewriting(parameters=lambda given: tuple(value + 1 for value in given)),
        sa.insert(item).values(id=3, v=99),
    ),
}


@pytest.mark.parametrize("way", LISTENERS)
def test_what_a_listener_makes_of_a_statement_is_what_counts(way: str, engine: sa.Engine, cache: Cache) -> None:
    listener, statement = LISTENERS[way]

    @cache.cached(expire=300, key_prefix="row")
    def row(number: int) -> int | None:
        with engine.connect() as connection:
            return connection.scalar(sa.select(item.c.v).where(item.c.id == number))

    before = [row(number) for number in range(6)]
    sa.event.listen(engine, "before_cursor_execute", listener, retval=True)
    with engine.begin() as connection:
        connection.execute(statement)
    sa.event.remove(engine, "before_cursor_execute", listener)
    assert [row(number) for number in range(6)] == [row.uncached(number) for number in range(6)] != before


def test_a_listener_that_changes_each_batch_of_an_insert_is_followed(engine: sa.Engine, cache: Cache) -> None:
    @cache.cached(expire=300, key_prefix="row")
    def row(number: int) -> int | None:
        with engine.connect() as connection:
            return connection.scalar(sa.select(Quoted.c.v).where(Quoted.c.Id == number))

    before = [row(number) for number in range(6)]
    listener = rewriting(
        sql=lambda sql: sql.replace("item (id", '"Two Words" ("Id"').replace("RETURNING id", 'RETURNING "Id"')
    )
    sa.event.listen(engine, "before_cursor_execute", listener, retval=True)
    with engine.begin() as connection:
        rows = [{"id": number, "v": 1} for number in (4, 5)]
        connection.execute(
            item.insert().returning(item.c.id), rows, execution_options={"insertmanyvalues_page_size": 1}
        )
    sa.event.remove(engine, "before_cursor_execute", listener)
    assert [row(number) for number in range(6)] == [row.uncached(number) for number in range(6)] != before


def test_a_listener_that_reads_only_leaves_rows_known(engine: sa.Engine, cache: Cache) -> None:
    seen: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, sql, *_: seen.append(sql))
    with Loading(), engine.connect() as connection:
        connection.scalar(sa.select(item.c.v).where(item.c.id == 1))
        tags = set(current_load().tags)
    assert ITEM not in tags
    assert f"{ITEM}#" in tags
    assert any("FROM item" in sql for sql in seen)


def test_a_default_that_is_selected_first_is_a_statement_of_its_own(engine: sa.Engine, cache: Cache) -> None:
    highest = sa.select(sa.func.coalesce(sa.func.max(item.c.id), 0) + 1).scalar_subquery()
    made = sa.Table("made", sa.MetaData(), sa.Column("id", sa.Integer, default=highest, primary_key=True))
    made.append_column(sa.Column("v", sa.Integer))
    made.create(engine)

    @cache.cached(expire=300, key_prefix="made")
    def values() -> list[int | None]:
        with engine.connect() as connection:
            return [connection.scalar(sa.select(made.c.v).where(made.c.id == number)) for number in range(6)]

    for implicit in (True, False):
        before = values()
        with engine.begin() as connection:
            statement = made.insert() if implicit else made.insert().inline()
            connection.execute(statement, {"v": 7})
            connection.execute(made.update().values(v=made.c.v + 1))
            connection.execute(item.insert().values(v=1))
        assert values() == values.uncached() != before
    with Loading(), engine.begin() as connection:
        connection.execute(made.insert(), {"v": 8})
        assert set(current_load().tags) >= {ITEM}
