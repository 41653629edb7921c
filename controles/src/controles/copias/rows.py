"""The rows of all tables as lines of JSON, the same for every database, and back."""

import base64
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import sqlalchemy as sa

from controles.db import Base, UtcDateTime
from controles.domain.domain_errors import Invalid

# What is true for one moment or one server only: sessions, unsaved forms, and what the cache still has to hear of.
LEFT_OUT = frozenset({"sessao", "formulario_guardado", "frescor_outbox"})
_AT_ONCE = 1000


def tables() -> tuple[sa.Table, ...]:
    """The tables that a copy contains, referenced ones first."""
    return tuple(table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT)


def rows_of(connection: sa.Connection, table: sa.Table) -> Iterator[list[Any]]:
    """The rows by primary key, each as values that JSON has."""
    # JSON as text, which tells an SQL NULL from a JSON null.
    shown = [sa.cast(column, sa.Text) if _is_json(column) else column for column in table.columns]
    wanted = sa.select(*shown).order_by(*table.primary_key.columns).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(wanted):
        yield [_written(value) for value in row]


def read_row(columns: Sequence[sa.Column[Any]], values: Sequence[Any]) -> dict[str, Any]:
    """The row that `rows_of` wrote; Invalid if it does not fit the columns."""
    try:
        return {column.name: _read(column, value) for column, value in zip(columns, values, strict=True)}
    except (ValueError, TypeError, KeyError) as error:
        table = columns[0].table.name if columns else "?"
        raise Invalid("arquivo", f"Uma linha de {table} na cópia não pode ser lida; use outra cópia.") from error


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert these rows as they are, without defaults."""
    plain = sa.table(table.name, *(sa.column(column.name, _type(column)) for column in table.columns))
    connection.execute(sa.insert(plain), list(rows))


def self_references(table: sa.Table) -> tuple[str, ...]:
    """The columns that refer to another row of the same table."""
    return tuple(key.parent.name for key in table.foreign_keys if key.column.table is table)


def _type(column: sa.Column[Any]) -> Any:
    return sa.JSON(none_as_null=True) if _is_json(column) else column.type


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.JSON)


def _written(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case Enum():
            return value.value
        case dt.date():
            # An instant too.
            return value.isoformat()
        case _:
            return value


def _read(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return None
    kind = column.type
    if _is_json(column):
        found = json.loads(value)
        return sa.JSON.NULL if found is None else found
    if isinstance(kind, sa.LargeBinary):
        return base64.b64decode(value, validate=True)
    if isinstance(kind, UtcDateTime):
        return dt.datetime.fromisoformat(value)
    if isinstance(kind, sa.Date):
        return dt.date.fromisoformat(value)
    if isinstance(kind, sa.Enum) and kind.enum_class is not None:
        return kind.enum_class(value)
    return value
