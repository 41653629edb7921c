"""The SQL by which a trigger reports the values of slice columns, in the form of `_slices/reported.py`.

A value without a certain form is reported as such: text with signs that are not printable ASCII, a date in SQLite that
is not written as SQLAlchemy writes it. Text is limited, since an earlier release takes each report for a tag.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor.sqlalchemy._slices.columns import SliceColumn
from frescor.sqlalchemy._transactions.touched import MOST_SLICES

_LONGEST = 100
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_TIME = f"{_DAY} [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]"


def kind_of(column: SliceColumn) -> str | None:
    """How a column's values are written in a report; None if they are not reported."""
    if column.kind != "value":
        return "bucket" if column.kind == "range" else column.kind
    kinds = {types.Integer: "int", types.Uuid: "uuid", types.Date: "date", types.String: "text"}
    return next((word for kind, word in kinds.items() if isinstance(column.type, kind)), None)


def start_of(column: SliceColumn) -> str:
    """What each report of a column begins with."""
    return f"?{column.id}?{kind_of(column)}"


def _of_range(value: str, width: int) -> str:
    """The bucket's number, by a division that rounds towards zero."""
    return f"CASE WHEN {value} >= 0 THEN {value} / {width} ELSE -((-{value} - 1) / {width}) - 1 END"


def postgresql_query(columns: Iterable[SliceColumn], dialect: sa.Dialect) -> str:
    """A query of all reports of the rows in `frescor_rows`: each of a limited number of different values."""
    parts = []
    for column in columns:
        name = dialect.identifier_preparer.quote(column.name)
        start, odd = start_of(column), "false"
        match kind_of(column):
            case "int":
                value = f"{name}::bigint::text"
            case "bucket":
                value = f"({_of_range(f'{name}::bigint', column.width)})::text"
            case "uuid":
                value = f"{name}::text"
            case "text":
                value = f"{name}::text"
                odd = (
                    f"length({name}::text) > {_LONGEST} OR {name}::text COLLATE \"C\" !~ '^[ -~]*$' "
                    f"OR position('*' in {name}::text) > 0"
                )
            case kind:
                of_day = f"({name} AT TIME ZONE 'UTC')::date" if column.zone == "utc" else f"{name}::date"
                value = f"to_char({of_day}, '{'YYYY-MM' if kind == 'month' else 'YYYY-MM-DD'}')"
                odd = f"NOT isfinite({name})"
        report = f"CASE WHEN {name} IS NULL THEN '~' WHEN {odd} THEN '!' ELSE '=' || {value} END"
        parts += [
            f"SELECT '{start}' AS report",
            f"SELECT '{start}' || value FROM "  # noqa: S608  # the name is quoted
            f"(SELECT DISTINCT {report} AS value FROM frescor_rows LIMIT {MOST_SLICES + 1}) AS one",
        ]
    return " UNION ALL ".join(parts)


def sqlite_reports(columns: Iterable[SliceColumn], rows: Sequence[str], dialect: sa.Dialect) -> str:
    """An expression: the reports of OLD, NEW or both, each in quotation marks behind a comma."""
    return " || ".join(_sqlite_report(column, rows, dialect) for column in columns)


def _sqlite_report(column: SliceColumn, rows: Sequence[str], dialect: sa.Dialect) -> str:
    start = f',"{start_of(column)}'
    values = " || ".join(
        _sqlite_value(column, f"{row}.{dialect.identifier_preparer.quote(column.name)}") for row in rows
    )
    # A value of an odd form is NULL, and so is the whole, which leaves out the column.
    return f"coalesce('{start}\"' || {values.replace('{start}', start)}, '')"


def _sqlite_value(column: SliceColumn, name: str) -> str:
    is_time = isinstance(column.type, types.DateTime)
    match kind_of(column):
        case "int":
            test, value = f"typeof({name}) = 'integer'", name
        case "bucket":
            test, value = f"typeof({name}) = 'integer'", f"({_of_range(name, column.width)})"
        case "uuid" | "text":
            plain = f"{name} NOT GLOB '*[^ -~]*' AND {name} NOT GLOB '*[*\"\\]*'"
            test, value = f"typeof({name}) = 'text' AND length({name}) <= {_LONGEST} AND {plain}", name
        case kind:
            test = f"typeof({name}) = 'text' AND {name} GLOB '{_TIME if is_time else _DAY}'"
            value = f"substr({name}, 1, {7 if kind == 'month' else 10})"
    return f"CASE WHEN {name} IS NULL THEN '{{start}}~\"' WHEN {test} THEN '{{start}}=' || {value} || '\"' END"


def sqlite_replaces(connection: sa.Connection, table: str) -> tuple[str, str]:
    """Two conditions: whether an INSERT may replace a row of the table, and whether an UPDATE may."""
    quote = connection.dialect.identifier_preparer.quote
    master = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    has_rowid = "WITHOUT ROWID" not in " ".join(str(_asked(connection, master, (table,))[0][0]).upper().split())
    keys = [["rowid"]] if has_rowid else []
    for _, index, is_unique, _, is_partial in _asked(connection, f"PRAGMA index_list({quote(table)})"):
        if not is_unique:
            continue
        parts = [part for part in _asked(connection, f"PRAGMA index_xinfo({quote(index)})") if part[5]]
        if is_partial or any(part[1] < 0 or part[4] != "BINARY" for part in parts):
            # Its values cannot be compared by the columns alone.
            return "1", "1"
        keys.append([quote(part[2]) for part in parts])
    same = [" AND ".join(f"there.{name} = NEW.{name}" for name in key) for key in keys]
    found = [f"EXISTS (SELECT 1 FROM {quote(table)} AS there WHERE {condition})" for condition in same]  # noqa: S608
    changed = [f"OLD.{name} IS NOT NEW.{name}" for key in keys for name in key]
    return " OR ".join(found), " OR ".join(changed)


def _asked(connection: sa.Connection, sql: str, parameters: tuple[object, ...] = ()) -> Sequence[Any]:
    options = {"frescor_reads": (), "frescor_writes": ()}
    return connection.exec_driver_sql(sql, parameters, execution_options=options).all()
