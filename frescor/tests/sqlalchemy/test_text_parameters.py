"""The parameters of a text by their own names, and its columns in the declared table."""

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from frescor import current_load
from frescor._calls.loading import Loading
from frescor.sqlalchemy import Tracking
from frescor.sqlalchemy._statements.facts import Field
from frescor.sqlalchemy._statements.text_parameters import facts_of_compiled_text
from frescor.testing.private_postgres import PrivatePostgres

metadata = sa.MetaData()
member = sa.Table("member", metadata, sa.Column("id", sa.Integer, primary_key=True))
due = sa.Table(
    "due",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member_id", sa.ForeignKey("member.id")),
    sa.Column("code", sa.String(20), info={"slice": "value"}),
    sa.Column("padded", sa.CHAR(5)),
    sa.Column("day", sa.Date, info={"slice": "month"}),
    sa.Column("at", sa.DateTime, info={"slice": "month"}),
    sa.Column("Odd Name", sa.Integer, key="odd", info={"slice": []}),
    sa.Column("cents", sa.Integer),
)


day = dt.datetime.fromisoformat


class Shifted(sa.TypeDecorator[int]):
    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else value + 1


@pytest.fixture
def tracking(database_url: str, tracker: Callable[..., Tracking]) -> Iterator[Tracking]:
    engine = sa.create_engine(database_url)
    tracking = tracker(engine, slices={})
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(member.insert(), [{"id": number} for number in (1, 2, 3)])
        rows = [
            {"id": n, "member_id": n, "code": f"c{n}", "day": dt.date(2025, n, 1), "at": day(f"2025-0{n}-01")}
            for n in (1, 2, 3)
        ]
        connection.execute(due.insert(), rows)
    yield tracking
    engine.dispose()


def read(tracking: Tracking, sql: Any, parameters: Any = None) -> set[str]:
    """What a load of this text depends on of the table, once the columns are registered."""
    for _ in range(2):
        with Loading(), tracking.engine.connect() as connection:
            if isinstance(sql, str):
                connection.exec_driver_sql(sql, parameters).all()
            else:
                connection.execute(sql, parameters or {}).all()
            found = {tag for tag in current_load().tags if tag.startswith("sql:due")}
    return found


def slice_of(tracking: Tracking, column: str, value: Any) -> set[str]:
    (found,) = [one for one in tracking.slices.columns(due) if one.name == column]
    group = found.group(value, tracking.tags.group)
    assert group is not None
    return {found.slice("sql:due", group), found.blind("sql:due")}


WHOLE = {"sql:due"}


def test_a_text_reads_the_slice_of_its_parameter(tracking: Tracking) -> None:
    sql = sa.text("SELECT * FROM due WHERE member_id = :member")
    assert read(tracking, sql, {"member": 2}) == slice_of(tracking, "member_id", 2)
    assert read(tracking, sql, {"member": None}) == slice_of(tracking, "member_id", None)
    # What the driver makes of these is another matter.
    for other in (2.0, True):
        if tracking.engine.dialect.name == "sqlite":
            assert read(tracking, sql, {"member": other}) == WHOLE
    assert read(tracking, sa.text("SELECT * FROM due WHERE member_id = 2")) == slice_of(tracking, "member_id", 2)
    assert read(tracking, sa.text("SELECT * FROM due WHERE member_id = '2'")) == WHOLE


def test_so_does_a_text_that_is_given_to_the_driver(tracking: Tracking) -> None:
    is_sqlite = tracking.engine.dialect.name == "sqlite"
    by_place, by_name = ("?", ":member") if is_sqlite else ("%s", "%(member)s")
    sql = f"SELECT * FROM due WHERE cents IS NULL AND member_id = {by_place} AND id > {by_place}"
    assert read(tracking, sql, (2, 0)) == slice_of(tracking, "member_id", 2)
    assert read(tracking, f"SELECT * FROM due WHERE member_id = {by_name}", {"member": 2}) == slice_of(
        tracking, "member_id", 2
    )
    assert read(tracking, "SELECT * FROM due WHERE member_id = 2") == slice_of(tracking, "member_id", 2)


def test_a_list_of_any_length_is_expanded_in_a_text(tracking: Tracking) -> None:
    sql = sa.text("SELECT * FROM due WHERE cents IS NULL AND member_id IN :members AND id > :id")
    sql = sql.bindparams(sa.bindparam("members", expanding=True))
    for members in ([2], [1, 2, 3], [3, 1]):
        expected = set().union(*(slice_of(tracking, "member_id", one) for one in members))
        assert read(tracking, sql, {"members": members, "id": 0}) == expected


def test_a_text_reads_rows_by_primary_key(tracking: Tracking) -> None:
    row = {tracking.tags.row("sql:due", (2,)), "sql:due#"}
    assert read(tracking, sa.text("SELECT * FROM due WHERE id = :id"), {"id": 2}) == row
    assert read(tracking, sa.text("SELECT * FROM due WHERE id IN (:id, 2)"), {"id": 2}) == row
    assert read(tracking, sa.text("SELECT * FROM due a, due b WHERE a.id = 2 AND b.cents = 1")) == WHOLE


def test_text_columns_are_found_whatever_the_letters(tracking: Tracking) -> None:
    expected = slice_of(tracking, "code", "c2")
    assert read(tracking, sa.text("SELECT * FROM Due D WHERE d.CODE = :c"), {"c": "c2"}) == expected
    # A database may take both for the same.
    assert slice_of(tracking, "code", "C2 ") == expected


def test_types_with_several_forms_for_a_value_are_not_told_apart(tracking: Tracking) -> None:
    assert read(tracking, sa.text("SELECT * FROM due WHERE padded = :c"), {"c": "a"}) == WHOLE
    assert read(tracking, sa.text("SELECT * FROM due WHERE code || '' = :c"), {"c": "c2"}) == WHOLE
    shifted = sa.text("SELECT * FROM due WHERE member_id = :m").bindparams(sa.bindparam("m", type_=Shifted))
    assert read(tracking, shifted, {"m": 1}) == WHOLE
    literal = sa.text("SELECT * FROM due WHERE member_id = :m")
    literal = literal.bindparams(sa.bindparam("m", literal_execute=True, type_=sa.Integer))
    assert read(tracking, literal, {"m": 2}) == WHOLE


@pytest.mark.parametrize("as_text", [False, True])
def test_a_month_between_two_dates(tracking: Tracking, as_text: bool) -> None:
    ends: list[Any] = [dt.date(2025, 2, 1), dt.date(2025, 3, 1)]
    given = [end.isoformat() for end in ends] if as_text else ends
    sql = sa.text("SELECT * FROM due WHERE day >= :low AND day < :high")
    expected = slice_of(tracking, "day", dt.date(2025, 2, 9))
    assert read(tracking, sql, dict(zip(("low", "high"), given, strict=True))) == expected
    literal = sa.text("SELECT * FROM due WHERE day BETWEEN '2025-02-01' AND '2025-02-28'")
    assert read(tracking, literal) == expected
    typed = sql.bindparams(low=ends[0], high=ends[1])
    assert read(tracking, typed) == expected
    assert read(tracking, sql, {"low": "2025-2-1", "high": "2025-03-01"}) == WHOLE


def test_times_are_read_by_month_and_written_without_one_on_sqlite(tracking: Tracking) -> None:
    at = day("2025-02-01")
    sql = sa.text("SELECT * FROM due WHERE at >= :low AND at < :high")
    assert read(tracking, sql, {"low": at, "high": day("2025-03-01")}) == slice_of(tracking, "at", at)
    with tracking.engine.begin() as connection:
        insert = sa.text("INSERT INTO due (id, member_id, code, day, at) VALUES (9, 1, 'x', NULL, :at)")
        connection.execute(insert, {"at": at})
    # The driver's form of a time sorts before SQLAlchemy's, in another month.
    unknown = tracking.engine.dialect.name == "sqlite"
    assert ("sql:due#@at:month" in tracking.last_write()) == unknown
    assert "sql:due#@day:month=-" in tracking.last_write()


def test_dates_that_the_application_writes_in_its_own_way_are_not_told_apart(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapters: dict[Any, Any] = sqlite3.adapters
    monkeypatch.setitem(adapters, (dt.date, sqlite3.PrepareProtocol), lambda day: day.strftime("%d/%m/%Y"))
    sql = sa.text("SELECT * FROM due WHERE day >= :low AND day < :high AND 1 = 1")
    found = read(tracking, sql, {"low": dt.date(2025, 2, 1), "high": dt.date(2025, 3, 1)})
    assert found == (
        WHOLE if tracking.engine.dialect.name == "sqlite" else slice_of(tracking, "day", dt.date(2025, 2, 1))
    )


def test_a_column_with_another_key_is_named_as_the_database_has_it(tracking: Tracking) -> None:
    with tracking.engine.begin() as connection:
        connection.execute(sa.text('UPDATE due SET "Odd Name" = 3 WHERE id = 1'))
    assert "sql:due#@member_id" not in tracking.last_write()
    assert slice_of(tracking, "member_id", 1) - {"sql:due#@member_id"} <= set(tracking.last_write())


def test_another_name_of_sqlites_key_leaves_the_rows_unknown(tmp_path: Any, tracker: Callable[..., Tracking]) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    tracking = tracker(engine, slices={})
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(due.insert(), {"id": 1, "code": "a"})
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE due SET rowid = 5 WHERE id = 1"))
    assert "sql:due#" in tracking.last_write()
    engine.dispose()


def test_a_table_that_no_model_declares_is_read_whole(postgres_server: PrivatePostgres, tracker: Any) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracking = tracker(engine, slices={})
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE nobodys (id integer PRIMARY KEY, member_id integer)")
    with Loading(), engine.connect() as connection:
        connection.execute(sa.text("SELECT * FROM nobodys WHERE id = 1")).all()
        assert set(current_load().tags) == {"sql:nobodys"}
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM nobodys WHERE id = 1"))
    assert tracking.last_write() == ("sql:nobodys", "sql:nobodys#", "sql:nobodys#@!")
    engine.dispose()


# -- names


def names(sql: sa.TextClause, dialect: sa.Dialect) -> list[tuple[str, str]]:
    compiled = sql.compile(dialect=dialect)
    facts = facts_of_compiled_text(compiled, dialect.name)
    found = []
    for place in facts.places:
        for name, field in place.bound:
            assert isinstance(field, Field)
            found.append((name, field.parameter))
    return sorted(found)


SQL = "SELECT 1 FROM due WHERE a = :one AND b = :two AND c = :one AND d IN :many"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (sqlite.dialect, {}),
        (sqlite.dialect, {"paramstyle": "named"}),
        (postgresql.dialect, {}),
        (PGDialect_asyncpg, {}),
    ],
    ids=["?", ":name", "%(name)s", "$1"],
)
def test_each_driver_form_of_a_parameter_has_its_own_name(kind: Any, options: dict[str, str]) -> None:
    sql = sa.text(SQL).bindparams(sa.bindparam("many", expanding=True))
    expected = [("a", "one"), ("b", "two"), ("c", "one"), ("d", "many")]
    assert names(sql, kind(**options)) == expected


def test_a_sign_that_looks_like_a_parameter_leaves_none(tracking: Tracking) -> None:
    assert names(sa.text("SELECT 1 FROM due WHERE a = :one AND b = ?"), sqlite.dialect()) == []
    assert names(sa.text("SELECT 1 FROM due WHERE a = :one AND b = '?'"), sqlite.dialect()) == [
        ("a", "one"),
        ("b", "''?'"),
    ]
