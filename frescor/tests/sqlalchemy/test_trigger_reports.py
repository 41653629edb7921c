"""The SQL of triggers' reports: each value's slice is the one that a reader of the value depends on."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.sqlalchemy._slices.columns import slice_columns
from frescor.sqlalchemy._slices.reported import raised_by
from frescor.sqlalchemy._statements.tags import Tags
from frescor.sqlalchemy._tracking.trigger_reports import sqlite_replaces
from frescor.sqlalchemy._tracking.triggers import install_triggers

day = dt.datetime.fromisoformat
KINDS: dict[str, Any] = {
    "number": (sa.BigInteger, ["value", "range(7)"]),
    "code": (sa.String, ["value"]),
    "token": (sa.Uuid, ["value"]),
    "day": (sa.Date, ["value", "month", "day"]),
    "at": (sa.DateTime, ["month", "day"]),
    "moment": (sa.DateTime(timezone=True), ["month", "day"]),
}
table = sa.Table(
    "thing",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    *[sa.Column(name, kind, info={"slice": slices}) for name, (kind, slices) in KINDS.items()],
)
ZONE = dt.timezone(dt.timedelta(hours=-3))
VALUES: dict[str, list[Any]] = {
    "number": [None, 0, 1, 6, 7, 8, -1, -6, -7, -8, 2**62, -(2**62), 999_999_999_999_999_999],
    "code": [None, "", "a", "A ", "7", "it's", "x=y?z~!", "a" * 100, "a" * 101, "ação", "a*b", 'a"b', "a\\b", "tab\t"],
    "token": [None, uuid.UUID(int=0), uuid.UUID(int=2**127 + 5)],
    "day": [None, dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(2025, 1, 31), dt.date.max],
    "at": [None, day("2025-01-31 23:59:59.999999"), day("2025-02-01"), day("0001-01-01")],
    "moment": [None, day("2025-01-31 22:00").replace(tzinfo=ZONE), day("2025-01-31 20:00").replace(tzinfo=ZONE)],
}
# Signs that a report does not hold, so that it is not certain.
ODD = {"a" * 101, "ação", "a*b", "tab\t"}
ODD_ON_SQLITE = {*ODD, 'a"b', "a\\b"}
TAGS = Tags("", b"secret")


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", lambda driver, _: driver.execute("SET TIME ZONE 'Asia/Tokyo'"))
    table.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    with engine.begin() as connection:
        install_triggers(connection, [table])
    yield engine
    engine.dispose()


def reported(engine: sa.Engine) -> set[str]:
    with engine.begin() as connection:
        found = Outbox().unmarked(connection, 100)
        connection.execute(sa.delete(Outbox().table))
    return {tag for row in found for tag in raised_by(row.tags or (), TAGS.group)}


@pytest.mark.parametrize("name", KINDS)
def test_each_value_is_reported_as_the_slice_that_readers_depend_on(engine: sa.Engine, name: str) -> None:
    columns = [one for one in slice_columns(table, engine.dialect) if one.name == name]
    assert columns
    for value in VALUES[name]:
        with engine.begin() as connection:
            connection.execute(table.insert(), {"id": 1, name: value})
        found = reported(engine)
        known = next(tag for tag in found if "#@!" in tag).partition("#@!")[2].split(",")
        with engine.begin() as connection:
            connection.execute(table.delete())
        again = reported(engine)
        odd = value in (ODD_ON_SQLITE if engine.dialect.name == "sqlite" else ODD) if isinstance(value, str) else False
        for column in columns:
            assert (column.id in known) is not odd, (value, column.id)
            if odd:
                continue
            group = column.group(value, TAGS.group)
            assert group is not None
            assert column.slice("sql:thing", group) in found, (value, column.id)
            assert column.slice("sql:thing", group) in again


def test_a_date_that_is_written_otherwise_is_not_certain_on_sqlite(engine: sa.Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("other databases have dates")
    for value in ("2025-1-31", "31/01/2025", 20250131, "2025-01-31 00:00:00", b"2025-01-31"):
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT OR REPLACE INTO thing (id, day, at) VALUES (1, ?, ?)", (value, value))
            connection.execute(table.delete())
        for row in reported(engine):
            assert "day:month" not in row.partition("#@!")[2]
            assert "at:month" not in row.partition("#@!")[2]


def test_days_beyond_the_calendar_are_not_certain(engine: sa.Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("others have none")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO thing (id, day, at) VALUES (1, 'infinity', '-infinity')")
    (names,) = [tag.partition("#@!")[2].split(",") for tag in reported(engine) if "#@!" in tag]
    assert not {"day", "day:month", "day:day", "at:month", "at:day"} & set(names)
    assert "code" in names


@pytest.mark.parametrize(
    ("ddl", "insert", "update"),
    [
        ("CREATE TABLE t (a, b)", {"rowid"}, {"rowid"}),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE)", {"rowid", '"b"'}, {"rowid", '"b"'}),
        ("CREATE TABLE t (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID", {'"a"', '"b"'}, {'"a"', '"b"'}),
        ("CREATE TABLE t (a COLLATE NOCASE UNIQUE)", None, None),
    ],
)
def test_what_can_replace_a_row_of_sqlite_is_told_by_its_keys(
    ddl: str, insert: set[str] | None, update: set[str] | None
) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql(ddl)
        inserts, updates = sqlite_replaces(connection, "t")
    if insert is None or update is None:
        assert (inserts, updates) == ("1", "1")
    else:
        names = {"rowid", '"a"', '"b"', "a", "b"}
        assert {name for name in names if f"NEW.{name} " in f"{inserts} ".replace(")", " ")} <= {*insert, "a", "b"}
        assert {name for name in update if f"OLD.{name} IS NOT" not in updates} <= {'"a"', '"b"'}
    engine.dispose()
