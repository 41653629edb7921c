"""Random text: whatever row is changed, a query whose result changes depends on a slice, the row, or the table.

The text has operators in any order and few brackets, so that SQLite says what belongs together. FRESCOR_QUERIES sets
how many queries a run makes.
"""

import os
import random
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from frescor import Cache, current_load
from frescor._calls.loading import Loading
from frescor.sqlalchemy import Tracking, track
from frescor.sqlalchemy._statements import text_conditions
from frescor.sqlalchemy._statements.text import facts_of_text

QUERIES = int(os.environ.get("FRESCOR_QUERIES", "500")) * 2
metadata = sa.MetaData()
tables = {
    name: sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("other", sa.Integer, info={"slice": "value"}),
        sa.Column("v", sa.Integer, info={"slice": ["range(2)", "value"]}),
    )
    for name in ("a", "b", "c")
}
OPERATORS = [
    *["=", "=", "=", "==", "IS", "IS NOT", "<>", "<", ">=", "+", "-", "||", "&", "%", "<<", "AND", "AND", "AND", "OR"],
    *["OR NOT", "AND NOT", "IN", "NOT IN", "BETWEEN", "LIKE", "COLLATE", "ISNULL", "NOTNULL", "OR (", "AND ("],
]
Row = tuple[Any, ...] | None
COLUMNS = ("id", "other", "v")


class Queries:
    """Makes random queries as text, with the parameters that they take."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.parameters: dict[str, int] = {}
        self.count = 0

    def select(self, depth: int = 0, around: tuple[str, ...] = ()) -> str:
        froms, names = self.froms(depth)
        known = (*names, *around)
        what = self.dice.choice(["count(*)", "sum(v)", "*", f"max({self.column(names)})", self.operand(known, depth)])
        conditions = [self.condition(known, depth) for _ in range(self.dice.choice([0, 1, 1, 2, 3]))]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {what} FROM {froms}{where}"

    def query(self) -> str:
        end = self.dice.randrange(8)
        if end == 0:
            return (
                f"WITH x AS ({self.select()}) SELECT * FROM x, {self.dice.choice('ab')} WHERE other = {self.number()}"
            )
        if end == 1:
            return f"{self.select()} UNION ALL {self.select()}"
        if end == 2:
            return f"{self.select()} LIMIT {self.number()}"
        return self.select()

    def froms(self, depth: int) -> tuple[str, tuple[str, ...]]:
        parts, names = "", list[str]()
        for place in range(self.dice.choice([1, 1, 1, 2, 2, 3])):
            table = self.dice.choice(sorted(tables))
            alias = self.dice.choice([table, f"t{place}", f"T{depth}", "x"])
            source = table if alias == table else f"{table} {alias}"
            if place and self.dice.random() < 0.1:
                source = f"(SELECT * FROM {table} WHERE {self.condition((table,), depth + 1)}) {alias}"
            if place:
                join = self.dice.choice(
                    [",", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "NATURAL JOIN"]
                )
                on = self.dice.choice(["ON", "ON", "USING"])
                parts += f" {join} "
                if join not in (",", "NATURAL JOIN"):
                    source += " USING (id)" if on == "USING" else f" ON {self.condition((*names, alias), depth)}"
            parts += source
            names.append(alias)
        return parts, tuple(names)

    def condition(self, names: tuple[str, ...], depth: int) -> str:
        kind = self.dice.randrange(12)
        column = self.column(names)
        if kind < 4:
            return f"{column} = {self.dice.choice([self.number(), self.number(), self.column(names)])}"
        if kind == 4:
            return f"{column} IN ({self.number()}, {self.number()})"
        if kind == 5:
            return f"{column} BETWEEN {self.number()} AND {self.number()}"
        if kind == 6:
            return f"{column} >= {self.number()} AND {self.number()} > {column}"
        if kind == 7 and depth < 2:
            negated = self.dice.choice(["", "NOT "])
            return f"{negated}EXISTS ({self.select(depth + 1, names)})"
        if kind == 8 and depth < 2:
            return f"{column} IN (SELECT {self.dice.choice(COLUMNS)} FROM {self.dice.choice(sorted(tables))})"
        return self.soup(names, depth)

    def soup(self, names: tuple[str, ...], depth: int) -> str:
        """Operands and operators in a row."""
        parts = [self.operand(names, depth)]
        for _ in range(self.dice.randint(1, 4)):
            operator = self.dice.choice(OPERATORS)
            if operator in ("ISNULL", "NOTNULL"):
                parts.append(operator)
            elif operator == "COLLATE":
                parts.append("COLLATE NOCASE")
            elif operator in ("IN", "NOT IN"):
                parts.append(f"{operator} ({self.number()})")
            elif operator == "BETWEEN":
                parts.append(f"BETWEEN {self.number()} AND {self.number()}")
            elif operator.endswith("("):
                parts.append(f"{operator}{self.operand(names, depth)} = {self.number()})")
            else:
                parts.append(f"{operator} {self.operand(names, depth)}")
        negated = "NOT " if self.dice.random() < 0.1 else ""
        return negated + " ".join(parts)

    def operand(self, names: tuple[str, ...], depth: int) -> str:
        if depth < 2 and self.dice.random() < 0.05:
            return f"({self.select(depth + 1, names)} LIMIT 1)"
        chosen = [self.column(names), self.column(names), self.number(), "CASE WHEN v = 1 THEN 2 ELSE other END"]
        return self.dice.choice([*chosen, f"({self.column(names)})", f"-{self.column(names)}"])

    def column(self, names: tuple[str, ...]) -> str:
        column = self.dice.choice(COLUMNS)
        written = self.dice.choice([column, column.upper(), f'"{column}"'])
        return f"{self.dice.choice(names)}.{written}" if self.dice.random() < 0.75 else written

    def number(self) -> str:
        number = self.dice.randint(0, 3)
        kind = self.dice.randrange(3)
        if kind == 0:
            return str(number)
        if kind == 1:
            return f"({number})"
        name = f"p{self.count}"
        self.count += 1
        self.parameters[name] = number
        return f":{name}"


@pytest.fixture
def tracking() -> Iterator[Tracking]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with Cache.from_url("memory://", "test", key_secret=b"a secret of sixteen bytes") as cache:
        tracking = track(engine, cache, outbox=False, slices={})
        metadata.create_all(engine)
        with engine.begin() as connection:
            for table in tables.values():
                rows = [{"id": number, "other": 3 - number, "v": number} for number in (1, 2, 3)]
                connection.execute(table.insert(), rows)
        yield tracking
        tracking.close()
    engine.dispose()


def changes(driver: sqlite3.Connection, name: str) -> Iterator[tuple[Row, Row]]:
    """Each row of a table changed in every way by itself: the row before and after, while it is changed."""
    for number in (1, 2, 3, 4):
        for change in (
            f"DELETE FROM {name} WHERE id = {number}",
            f"UPDATE {name} SET v = v + 1 WHERE id = {number}",
            f"UPDATE {name} SET other = 1 WHERE id = {number}",
            f"UPDATE {name} SET other = NULL WHERE id = {number}",
            f"INSERT OR IGNORE INTO {name} VALUES ({number}, 1, 0)",
        ):
            row = f"SELECT * FROM {name} WHERE id = {number}"
            before = driver.execute(row).fetchone()
            driver.execute("SAVEPOINT one")
            driver.execute(change)
            yield before, driver.execute(row).fetchone()
            driver.execute("ROLLBACK TO one")
            driver.execute("RELEASE one")


def raised(tracking: Tracking, name: str, *rows: Row) -> set[str]:
    """What a write raises that knows all that it has done to a row."""
    table = f"sql:{name}"
    found = {table}
    for row in (row for row in rows if row is not None):
        found.add(tracking.tags.row(table, (row[0],)))
        for column in tracking.slices.columns(tables[name]):
            group = column.group(row[COLUMNS.index(column.name)], tracking.tags.group)
            found.add(column.slice(table, group or ""))
    return found


def run(tracking: Tracking, seeds: range) -> tuple[int, int]:
    """How many queries there were, and how many read a table in slices or rows."""
    count = exact = 0
    for seed in seeds:
        queries = Queries(seed)
        sql = queries.query()
        with Loading(), tracking.engine.connect() as connection:
            try:
                connection.execute(sa.text(sql), queries.parameters).all()
            except sa.exc.OperationalError:
                # A name that several have, or an operator that does not fit.
                continue
            tags = set(current_load().tags)
            driver: Any = connection.connection.driver_connection

            def look(sql: str = sql, driver: Any = driver, values: Any = queries.parameters) -> list[Any]:
                return sorted(driver.execute(sql, values).fetchall(), key=repr)

            count, exact = count + 1, exact + any("#" in tag for tag in tags)
            expected = look()
            for name in tables:
                if f"sql:{name}" in tags:
                    continue
                for before, after in changes(driver, name):
                    changed = before != after and look() != expected
                    assert not changed or tags & raised(tracking, name, before, after), (
                        f"seed {seed}: {sql} {queries.parameters}: {name} {before} to {after}"
                    )
    return count, exact


def warm(tracking: Tracking) -> None:
    """Let the columns be registered: until then the table is named."""
    for name in tables:
        for column in ("other", "v"):
            for _ in range(2):
                with Loading(), tracking.engine.connect() as connection:
                    connection.exec_driver_sql(f"SELECT 1 FROM {name} WHERE {column} = 1").all()
    for name in tables:
        with Loading(), tracking.engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT 1 FROM {name} WHERE v BETWEEN 1 AND 2").all()


@pytest.mark.unwatched
def test_a_row_that_changes_the_result_of_a_text_is_depended_on(tracking: Tracking) -> None:
    warm(tracking)
    count, exact = run(tracking, range(QUERIES))
    assert count > QUERIES / 3
    assert exact > count / 5


# -- mistakes put back


def also_of_or(condition: Any) -> Iterator[Any]:
    """As `_conjuncts`, with the mistake: OR is taken for AND."""
    from sqlglot import exp

    if isinstance(condition, exp.Paren):
        yield from also_of_or(condition.this)
    elif isinstance(condition, exp.And | exp.Or):
        yield from also_of_or(condition.this)
        yield from also_of_or(condition.expression)
    elif condition is not None:
        yield condition


def also_of_not(condition: Any) -> Iterator[Any]:
    """As `_conjuncts`, with the mistake: NOT is not seen."""
    from sqlglot import exp

    if isinstance(condition, exp.Paren | exp.Not):
        yield from also_of_not(condition.this)
    elif isinstance(condition, exp.And):
        yield from also_of_not(condition.this)
        yield from also_of_not(condition.expression)
    elif condition is not None:
        yield condition


_true_note = text_conditions._note


def of_both_sides(condition: Any, _only: Any, scope: Any, values: Any) -> None:
    """As `_note`, with the mistake: an outer join leaves out rows of both sides."""
    _true_note(condition, None, scope, values)


@pytest.mark.unwatched
@pytest.mark.parametrize(
    ("place", "mistake"),
    [("_conjuncts", also_of_or), ("_conjuncts", also_of_not), ("_note", of_both_sides)],
)
def test_a_mistake_is_found(tracking: Tracking, place: str, mistake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    facts_of_text.cache_clear()
    monkeypatch.setattr(f"frescor.sqlalchemy._statements.text_conditions.{place}", mistake)
    warm(tracking)
    with pytest.raises(AssertionError, match="seed"):
        run(tracking, range(2000))
