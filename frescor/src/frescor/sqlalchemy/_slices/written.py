"""Which slices a write touches: the slices that its rows were in before and are in after, according to the database.

What a session remembers of a row is not enough. Under READ COMMITTED another transaction may have moved the row to
another slice, and an UPDATE of another column then changes a row in a slice that this session has never heard of. So a
slice counts as known only from these sources:

- the values of an INSERT that are parameters, not defaults of the database;
- what an UPDATE sets, for the slice after it; and the WHERE of an UPDATE or DELETE (`militante_id = :x`), for the slice
  before it, because the database checks the condition again after waiting for another transaction;
- the row that the statement returns, by a RETURNING appended to it. For a DELETE, or for a column that is not set, that
  is the slice before and after. For a column that is set, PostgreSQL returns the old value from version 18 on.

None of this is certain if a trigger may change the row before it is written, nor with rules, policies, views, several
tables in the statement, ON CONFLICT or OR REPLACE. Then no slice is named, and the blind tags are raised.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor.sqlalchemy._catalog.dependencies import Dependencies
from frescor.sqlalchemy._catalog.description import TABLE
from frescor.sqlalchemy._slices.columns import SliceColumn
from frescor.sqlalchemy._slices.quiet import Quiet, Variants, in_variants
from frescor.sqlalchemy._statements.facts import Field, Target
from frescor.sqlalchemy._statements.tags import TableName
from frescor.sqlalchemy._transactions.touched import MOST_SLICES, Touched

_GIVES_OLD_ROW = (18,)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(rf"{_DATE.pattern} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}")


@dataclass(frozen=True, slots=True)
class _Column:
    """How the slices of one column are learned. fields: parameters that hold values. places: positions of values in the
    row that the statement returns. is_made: for NULL, SQLite makes a value of its own. why: the reason for which they
    are unknown."""

    column: SliceColumn
    blind: str
    fields: tuple[Field, ...] = ()
    places: tuple[int, ...] = ()
    processors: tuple[Callable[[Any], Any] | None, ...] = ()
    is_made: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the slices are learned that executions of one statement touch. table: its tag. returning: what is appended to
    the statement; empty if its rows are not needed. variants: of a table with quiet columns.
    literals, lists: of a text."""

    table: str
    columns: tuple[_Column, ...]
    returning: str
    variants: Variants | None = None
    literals: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def why(self, touched: Touched) -> dict[str, str]:
        """The reasons for which slices are unknown after an execution, by the column's blind tag."""
        return {
            one.blind: one.why or "a value has no certain form, or the slices are more than 64"
            for one in self.columns
            if touched.get(one.blind, ()) is None
        }

    def without_rows(self) -> "Plan":
        """The same plan for an execution that returns no rows."""
        why = "this driver returns no rows of several executions at once"
        columns = tuple(_Column(one.column, one.blind, why=why) if one.places else one for one in self.columns)
        return replace(self, columns=columns, returning="")

    def touched(
        self,
        executions: Iterable[Mapping[str, Any]],
        spread: Mapping[str, Sequence[str]],
        rows: Sequence[Sequence[Any]],
        digest: Callable[[Any], str],
    ) -> Touched:
        """The slices that these executions touched. spread: the parameters that each list was expanded to. rows: the
        returned rows."""
        executions = tuple([{**self.literals, **one} for one in executions] if self.literals else executions)
        spread = {**self.lists, **spread} if self.lists else spread
        found: dict[str, frozenset[str] | None] = {}
        for one in self.columns:
            found[one.blind] = _tags(one, executions, spread, rows, digest)
        return found if self.variants is None else in_variants(self.table, found, self.variants)


def plan_for(
    target: Target,
    columns: Sequence[SliceColumn],
    quiet: Quiet | None,
    name: TableName,
    table: str,
    known: Dependencies,
    dialect: sa.Dialect,
    *,
    uncertain: bool,
) -> Plan | None:
    """How the slices of such a write are learned; None for a table without slices and quiet columns, or if they cannot
    be learned.

    table: its tag. uncertain: the database may change more of the row, or other rows, than the statement says.
    """
    if (not columns and quiet is None) or uncertain or target.values is None:
        return None
    asks = _Returning(dialect, possible=target.returns and _is_plain(name, known) and not _has_odd_name(columns))
    found = tuple(_column(column, column.blind(table), target, asks) for column in columns)
    variants = None if quiet is None else quiet.written(target.columns if target.kind == "update" else None)
    return Plan(table, found, asks.text() if any(one.places for one in found) else "", variants)


class _Returning:
    """What is to be returned for each row."""

    def __init__(self, dialect: sa.Dialect, *, possible: bool) -> None:
        self._prepare = dialect.identifier_preparer
        self._dialect = dialect
        self._possible = possible
        version = getattr(dialect, "server_version_info", None) or (0,)
        self._gives_old = dialect.name == "postgresql" and version >= _GIVES_OLD_ROW
        self.terms: list[str] = []

    def place(self, column: SliceColumn, *, old: bool = False) -> int | None:
        """The position of the column's value in the row; None if it cannot be returned."""
        if not self._possible or (old and not self._gives_old):
            return None
        term = f"{'frescor_old.' if old else ''}{self._prepare.quote(column.name)}"
        # A column may have slices of several kinds.
        if term not in self.terms:
            self.terms.append(term)
        return self.terms.index(term)

    def why_not(self, *, old: bool) -> str:
        """The reason for which a place is None."""
        if self._possible and old:
            return (
                "the row leaves a slice that only PostgreSQL returns, from 18 on: name that slice in the WHERE, or "
                "write what is known as values"
            )
        return (
            "the row cannot be returned: the statement has no condition on a value, returns rows itself, names other "
            "tables, or writes to a view"
        )

    def text(self) -> str:
        """What is appended to the statement, on a new line, because the statement may end with a comment."""
        if not self.terms:
            return ""
        aliases = "WITH (OLD AS frescor_old) " if any(term.startswith("frescor_old.") for term in self.terms) else ""
        return f"\nRETURNING {aliases}{', '.join(self.terms)}"

    def processor(self, column: SliceColumn) -> Callable[[Any], Any] | None:
        """What turns the driver's value into the one that SQLAlchemy returns."""
        process = column.type.dialect_impl(self._dialect).result_processor(self._dialect, None)
        if (
            process is None
            or self._dialect.name != "sqlite"
            or not isinstance(column.type, types.Date | types.DateTime)
        ):
            return process
        return _in_one_form(column.type, process)


def _in_one_form(kind: types.TypeEngine[Any], process: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """SQLite stores dates as text and compares them as text. If another program has written one in another form than
    SQLAlchemy's, it sorts elsewhere than its day does."""
    form = _DATE if isinstance(kind, types.Date) else _TIME

    def process_one_form(value: Any) -> Any:
        if not isinstance(value, str) or form.fullmatch(value) is None:
            raise ValueError(f"a date in a form of its own: {value!r}")
        return process(value)

    return process_one_form


def _column(column: SliceColumn, blind: str, target: Target, asks: _Returning) -> _Column:
    assert target.values is not None
    name = column.name
    bound = target.bound.get(name)
    if target.kind == "insert":
        value = target.values.get(name)
        if value is None:
            return _Column(column, blind, why="the database computes its value, or an expression does")
        is_made = target.declared is not None and name in {key.name for key in target.declared.primary_key.columns}
        return _Column(column, blind, (value,), is_made=is_made)
    is_set = target.kind == "update" and (target.columns is None or name in target.columns)
    fields: list[Field] = [] if bound is None else [bound]
    places: list[int | None] = []
    if is_set:
        value = target.values.get(name)
        if value is not None:
            fields.append(value)
        else:
            places.append(asks.place(column))
        if bound is None:
            places.append(asks.place(column, old=True))
    elif bound is None:
        places.append(asks.place(column))
    if None in places:
        return _Column(column, blind, why=asks.why_not(old=is_set))
    at = tuple(place for place in places if place is not None)
    return _Column(column, blind, tuple(fields), at, (asks.processor(column),) * len(at))


def _is_plain(name: TableName, known: Dependencies) -> bool:
    """Whether RETURNING on it shows what is in it: no view, no INSTEAD rule, no policy that hides rows."""
    description = known.description
    return (
        description.relations.get(name) == TABLE
        and name not in description.policies
        and not any(trigger.tables for trigger in description.triggers.get(name, ()))
    )


def _has_odd_name(columns: Iterable[SliceColumn]) -> bool:
    # Some drivers take these signs for a parameter.
    return any("%" in column.name or ":" in column.name for column in columns)


def _tags(
    one: _Column,
    executions: Sequence[Mapping[str, Any]],
    spread: Mapping[str, Sequence[str]],
    rows: Sequence[Sequence[Any]],
    digest: Callable[[Any], str],
) -> frozenset[str] | None:
    """The tags; None if not all are known, or if they are too many."""
    if one.why is not None:
        return None
    values: set[Any] = set()
    try:
        for field in one.fields:
            for parameters in executions:
                if not field.many:
                    values.add(parameters[field.parameter])
                elif (names := spread.get(field.parameter)) is None:
                    return None
                else:
                    values.update([parameters[name] for name in names])
        for place, process in zip(one.places, one.processors, strict=True):
            # Loops, not comprehensions, which are calls before Python 3.12.
            for row in rows:
                value = row[place]
                values.add(value if process is None or value is None else process(value))
    except (KeyError, TypeError, ValueError):
        # A missing parameter, a value of another type, or text in place of a date.
        return None
    if one.is_made and None in values:
        return None
    group_of, start, found = one.column.group, f"{one.blind}=", set()
    numbers = one.column.kind == "value" and isinstance(one.column.type, types.Integer)
    for value in values:
        # A number is its own canonical form; most slice columns are of numbers.
        group = digest(value) if numbers and type(value) is int else group_of(value, digest)
        if group is None:
            return None
        found.add(start + group)
        if len(found) > MOST_SLICES:
            return None
    return frozenset(found)
