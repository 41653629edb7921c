"""Slice columns, the slice that a value belongs to, and the tags of both.

A write and a read have to come to the same slice whatever stands between them: drivers, declared types, literals. So a
value counts only in the one form that `form_of` gives it, and a column whose type has no such form has no slices. Of a
value of another type (text in a column of numbers, say) the slice is not known.

Slices of one column share 65,536 tags, so that what they take in the store is bounded: a digest of the value, made with
the cache's key, since a foreign key may be personal data; buckets by their number.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor._values.tags import SLICES
from frescor.errors import PolicyError
from frescor.sqlalchemy._statements.tags import form_of, is_given_on, is_row_key_type

# What `track` and `Column.info` call each kind; a range has its width in brackets.
_KIND = re.compile(r"value|month|day|range\(([1-9][0-9]{0,11})\)")
_INFO = "slice"
_GROUPS = 1 << 16
# A name that can stand in a tag beside others.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_DIALECTS = ("postgresql", "sqlite")
# Of NULL.
NO_VALUE = "-"
# By table, and by column: its kind.
DeclaredSlices = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class SliceColumn:
    """A column whose slices are told of. name: as the database has it. kind: value, month, day or range; width: of a
    range. type: as it is declared."""

    name: str
    kind: str
    width: int
    type: types.TypeEngine[Any]

    @property
    def id(self) -> str:
        """What it is called in tags."""
        kind = f"range{self.width}" if self.kind == "range" else self.kind
        return str.lower(self.name) if kind == "value" else f"{str.lower(self.name)}:{kind}"

    def blind(self, table: str) -> str:
        """Its blind tag; `table`: the table's tag."""
        return f"{table}{SLICES}{self.id}"

    def slice(self, table: str, group: str) -> str:
        """The tag of a slice."""
        return f"{table}{SLICES}{self.id}={group}"

    def group(self, value: Any, digest: Callable[[Any], str]) -> str | None:
        """Which slice a value is in, as `slice` takes it; None if that is not certain. `digest` of a value's one form,
        as `Tags.group` makes it."""
        if value is None:
            return NO_VALUE
        number = self._number(value)
        if number is not None:
            return f"{number % _GROUPS:x}"
        if self.kind != "value":
            return None
        form = form_of(self.type, value)
        return None if form is None else digest(form)

    def bucket(self, value: Any) -> int | None:
        """The number of the bucket that a value falls into: those of a closed range are between those of its ends. None
        if that is not certain, and for a column of values."""
        return self._number(value)

    def _number(self, value: Any) -> int | None:
        if self.kind == "range":
            return value // self.width if type(value) is int else None
        if self.kind == "value" or type(value) not in (dt.date, dt.datetime):
            return None
        if isinstance(self.type, types.Date) != (type(value) is dt.date) or getattr(value, "tzinfo", None) is not None:
            return None
        number: int = value.year * 12 + value.month - 1 if self.kind == "month" else value.toordinal()
        return number


def slice_columns(
    table: sa.Table, dialect: sa.Dialect, declared: Mapping[str, str] | None = None
) -> tuple[SliceColumn, ...]:
    """The slice columns of a declared table; `declared`: more of them, or other kinds, by name.

    Each foreign key of one column whose type has one form for each value, but for one that is the primary key: its rows
    have tags of their own. A column's `info={"slice": "month"}` says more. Raises PolicyError for a kind that there is
    not, and for a column that cannot have it.
    """
    if dialect.name not in _DIALECTS:
        return ()
    found = []
    alone = {column.name for column in table.primary_key.columns} if len(table.primary_key.columns) == 1 else set()
    given = {name.lower(): kind for name, kind in (declared or {}).items()}
    for column in table.columns:
        kind = given.get(column.name.lower(), column.info.get(_INFO))
        if kind is not None:
            found.append(_declared(column, kind, dialect))
        elif (
            column.name not in alone
            and _has_key_alone(column)
            and _NAME.fullmatch(column.name)
            and column.computed is None
            and is_row_key_type(column.type, dialect)
        ):
            found.append(SliceColumn(column.name, "value", 0, column.type))
    return tuple(sorted(found, key=lambda column: column.id))


def _has_key_alone(column: sa.Column[Any]) -> bool:
    return any(key.constraint is not None and len(key.constraint.columns) == 1 for key in column.foreign_keys)


def _declared(column: sa.Column[Any], kind: object, dialect: sa.Dialect) -> SliceColumn:
    name, table = column.name, column.table.name
    found = _KIND.fullmatch(kind) if isinstance(kind, str) else None
    if found is None:
        raise PolicyError(
            f"the slices of {table}.{name} are of kind 'value', 'month', 'day' or 'range(1000)'; got {kind!r}."
        )
    word, width = str(kind).partition("(")[0], int(found[1] or 0)
    if column.computed is not None or not _NAME.fullmatch(name):
        raise PolicyError(
            f"{table}.{name} cannot have slices: it is computed by the database, or its name is not an identifier of "
            "at most 40 letters. Declare another column, or none."
        )
    if not is_given_on(column.type, dialect) or not _fits(column.type, word, dialect):
        raise PolicyError(
            f"{table}.{name} cannot have slices of kind {kind!r}: its type {column.type!r} is not one of SQLAlchemy's "
            "own with one form for each value ('value': numbers, UUID, date, text without a collation; 'range': "
            "numbers; 'month' and 'day': dates, and times without a time zone). Declare another kind or column."
        )
    return SliceColumn(name, word, width, column.type)


def _fits(kind: types.TypeEngine[Any], word: str, dialect: sa.Dialect) -> bool:
    if word == "value":
        return is_row_key_type(kind, dialect)
    if word == "range":
        return isinstance(kind, types.Integer)
    return isinstance(kind, types.Date) or (isinstance(kind, types.DateTime) and not kind.timezone)
