"""Slice columns, the slice that a value belongs to, and the tags of both.

A write and a read must arrive at the same slice, whatever drivers, declared types and literals lie between them. So a
value counts only in the canonical form that `form_of` gives it, and a column whose type has no such form has no slices.
For a value of another type (text in a numeric column, say) the slice is unknown.

The slices of one column share 65,536 tags, so that they take limited space in the store. A value's tag is chosen by a
digest, made with the cache's key, because a foreign key may be personal data; a bucket's tag by its number.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor._values.tags import SLICES
from frescor.errors import PolicyError
from frescor.sqlalchemy._slices.declared import DIALECTS, KIND, Kinds, kinds_there_are, listed
from frescor.sqlalchemy._statements.tags import form_of, is_given_on, is_row_key_type

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INFO = "slice"
_GROUPS = 1 << 16
_DAY = dt.timedelta(days=1)
# A column name that can stand in a tag beside others.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
# The slice of NULL.
NO_VALUE = "-"
# How a time determines its day. SQLite stores the digits of the clock and drops the zone. PostgreSQL stores a moment,
# which belongs to its day in UTC, in whatever zone a session displays it.
_NAIVE, _DIGITS, _UTC = "", "digits", "utc"


@dataclass(frozen=True, slots=True)
class SliceColumn:
    """A column that has slices. name: as in the database. kind: value, month, day or range. width: of a range. type:
    the declared type. zone: how its times determine their day."""

    name: str
    kind: str
    width: int
    type: types.TypeEngine[Any]
    zone: str = _NAIVE

    @property
    def id(self) -> str:
        """Its name in tags."""
        name = str.lower(self.name)
        if self.kind == "value":
            return name
        # If a release declares the column without its zone, equal values may mean other months: other slices.
        width = str(self.width) if self.kind == "range" else "utc" if self.zone == _UTC else ""
        return f"{name}:{self.kind}{width}"

    def blind(self, table: str) -> str:
        """Its blind tag, for the table with this tag."""
        return f"{table}{SLICES}{self.id}"

    def slice(self, table: str, group: str) -> str:
        """The tag of a slice."""
        return f"{table}{SLICES}{self.id}={group}"

    def group(self, value: Any, digest: Callable[[Any], str]) -> str | None:
        """The slice of a value, as `slice` takes it; None if it is not certain. digest: of a value's canonical form, as
        by `Tags.group`."""
        if value is None:
            return NO_VALUE
        if self.kind == "value":
            form = form_of(self.type, value)
            return None if form is None else digest(form)
        number = self._bucket(value)
        return None if number is None else group_of_bucket(number)

    def buckets(self, low: Any, high: Any, *, low_is_open: bool, high_is_open: bool) -> range | None:
        """The numbers of the buckets for the values from `low` to `high`, perhaps with one more at an end; None if they
        are not certain, and for columns of kind value. open: the end itself does not belong to the range."""
        if self.kind == "value":
            return None
        try:
            first = self._bucket(self._after(low) if low_is_open else low, is_end=True)
            last = self._bucket(self._before(high) if high_is_open else high, is_end=True)
        except (OverflowError, TypeError):
            # The first or last day of the calendar, or a value without a next one.
            return None
        return None if first is None or last is None else range(first, last + 1)

    def _after(self, value: Any) -> Any:
        value = self._as_day(value)
        if type(value) is int:
            return value + 1
        # For a time, its own bucket is enough.
        return value + _DAY if type(value) is dt.date and isinstance(self.type, types.Date) else value

    def _before(self, value: Any) -> Any:
        value = self._as_day(value)
        if type(value) is int:
            return value - 1
        if type(value) is dt.date:
            return value - _DAY
        # Databases compare dates with times in different ways; the date may be the time's own day.
        return value if isinstance(self.type, types.Date) else value - dt.datetime.resolution

    def _as_day(self, value: Any) -> Any:
        return written_day(value) if type(value) is str and isinstance(self.type, types.Date) else value

    def _bucket(self, value: Any, *, is_end: bool = False) -> int | None:
        if self.kind == "range":
            return value // self.width if type(value) is int else None
        day = self._day(value, is_end=is_end)
        if day is None:
            return None
        return day.year * 12 + day.month - 1 if self.kind == "month" else day.toordinal()

    def _day(self, value: Any, *, is_end: bool) -> dt.date | None:
        """The day that a value belongs to; for an end of a range of dates, also the day of a time."""
        if isinstance(self.type, types.Date):
            if type(value) is dt.datetime and is_end and value.tzinfo is None:
                return value.date()
            if type(value) is str:
                return written_day(value)
            return value if type(value) is dt.date else None
        if type(value) is dt.date:
            # A date in a column of times means midnight in the session's zone.
            return value if is_end and self.zone != _UTC else None
        if type(value) is not dt.datetime:
            return None
        if self.zone == _DIGITS:
            return value.date()
        if (value.utcoffset() is not None) != (self.zone == _UTC):
            return None
        return value.date() if self.zone == _NAIVE else value.astimezone(dt.UTC).date()


def written_day(text: str) -> dt.date | None:
    """The day that a text means to every database, in the form in which SQLite keeps it."""
    try:
        return dt.date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def group_of_bucket(number: int) -> str:
    """The slice of a bucket, as `SliceColumn.slice` takes it."""
    return f"{number % _GROUPS:x}"


def slice_columns(
    table: sa.Table,
    dialect: sa.Dialect,
    declared: Mapping[str, Kinds] | None = None,
    quiet: Collection[str] = (),
) -> tuple[SliceColumn, ...]:
    """The slice columns of a declared table; `declared`: additional ones, or other kinds, by name; quiet: names, in
    lower case, of columns that have none unless they are declared.

    These are the foreign keys of a single column whose type has one canonical form for each value, except one that is
    the primary key, whose rows have tags of their own. `info={"slice": "month"}` on a Column adds another kind; several
    kinds are a list, and an empty list means none. Raises PolicyError for an unknown kind, and for a column that cannot
    have it.
    """
    if dialect.name not in DIALECTS:
        return ()
    found: list[SliceColumn] = []
    alone = {column.name for column in table.primary_key.columns} if len(table.primary_key.columns) == 1 else set()
    given = {name.lower(): kinds for name, kinds in (declared or {}).items()}
    for column in table.columns:
        kinds = given.get(column.name.lower(), column.info.get(INFO))
        if kinds is not None:
            found += [_declared(column, kind, dialect) for kind in listed(kinds, _shown(column))]
        elif (
            column.name not in alone
            and str.lower(column.name) not in quiet
            and _has_key_alone(column)
            and NAME.fullmatch(column.name)
            and column.computed is None
            and is_row_key_type(column.type, dialect)
        ):
            found.append(SliceColumn(column.name, "value", 0, column.type))
    return tuple(sorted(dict.fromkeys(found), key=lambda column: column.id))


def _has_key_alone(column: sa.Column[Any]) -> bool:
    return any(key.constraint is not None and len(key.constraint.columns) == 1 for key in column.foreign_keys)


def _shown(column: sa.Column[Any]) -> str:
    return f"{column.table.name}.{column.name}"


def _declared(column: sa.Column[Any], kind: object, dialect: sa.Dialect) -> SliceColumn:
    name, table = column.name, column.table.name
    found = KIND.fullmatch(kind) if isinstance(kind, str) else None
    if found is None:
        raise PolicyError(kinds_there_are(_shown(column), kind))
    word, width = str(kind).partition("(")[0], int(found[1] or 0)
    if column.computed is not None or not NAME.fullmatch(name):
        raise PolicyError(
            f"{table}.{name} cannot have slices: it is computed by the database, or its name is not an identifier of "
            "at most 40 letters. Declare another column, or none."
        )
    if not is_given_on(column.type, dialect) or not _fits(column.type, word, dialect):
        raise PolicyError(
            f"{table}.{name} cannot have slices of kind {kind!r}: its type {column.type!r} is not one of SQLAlchemy's "
            "own with one form for each value ('value': numbers, UUID, date, text without a collation; 'range': "
            "numbers; 'month' and 'day': dates and times). Declare another kind or column."
        )
    return SliceColumn(name, word, width, column.type, _zone(column.type, dialect) if word != "range" else _NAIVE)


def _zone(kind: types.TypeEngine[Any], dialect: sa.Dialect) -> str:
    if not isinstance(kind, types.DateTime):
        return _NAIVE
    if dialect.name == "sqlite":
        return _DIGITS
    return _UTC if kind.timezone else _NAIVE


def _fits(kind: types.TypeEngine[Any], word: str, dialect: sa.Dialect) -> bool:
    if word == "value":
        return is_row_key_type(kind, dialect)
    wanted = types.Integer if word == "range" else types.Date if isinstance(kind, types.Date) else types.DateTime
    # Check the type on this database as well, which may differ (`with_variant`).
    return isinstance(kind, wanted) and isinstance(kind.dialect_impl(dialect), wanted)
