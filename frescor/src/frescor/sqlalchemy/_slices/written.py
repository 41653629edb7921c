"""Which slices a write touches: those that its rows were in before and are in after, as the database has it.

What a session remembers of a row is not enough: under READ COMMITTED another transaction may have moved it to another
slice since, and an UPDATE of another column then changes a row in a slice that this session has never heard of. So a
slice counts as known only from

- the values of an INSERT that are parameters, not the database's own defaults;
- what an UPDATE sets, for the slice after it; the WHERE of an UPDATE or DELETE (`militante_id = :x`), for the one
  before it: the database checks it again on the row that it finds once it has waited for another transaction;
- the row that the statement gives back, by a RETURNING that is put behind it: of a column that it does not set, or of a
  DELETE, that is the slice before and after. The row as it was, of a column that is set, PostgreSQL gives from 18 on.

A trigger that may change the row before it is written makes all of this uncertain, and so do rules, policies, views,
other tables in the statement, ON CONFLICT, OR REPLACE: then nothing is told, and the blind tags are raised.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor.sqlalchemy._catalog.dependencies import Dependencies
from frescor.sqlalchemy._catalog.description import TABLE
from frescor.sqlalchemy._slices.columns import SliceColumn
from frescor.sqlalchemy._statements.facts import Field, Target
from frescor.sqlalchemy._statements.tags import TableName
from frescor.sqlalchemy._transactions.touched import MOST_SLICES, Touched

_GIVES_OLD_ROW = (18,)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(rf"{_DATE.pattern} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}")


@dataclass(frozen=True, slots=True)
class _Column:
    """How the slices of one column are learned. fields: parameters that hold values. places: of values in the row that
    the statement gives back."""

    column: SliceColumn
    blind: str
    fields: tuple[Field, ...] = ()
    places: tuple[int, ...] = ()
    processors: tuple[Callable[[Any], Any] | None, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """How the slices are learned that executions of one statement touch. table: its tag. returning: what is put behind
    the statement; empty if its rows are not needed."""

    table: str
    columns: tuple[_Column, ...]
    returning: str

    def untouched(self) -> Touched:
        """Nothing yet."""
        return dict.fromkeys((one.blind for one in self.columns), frozenset())

    def without_rows(self) -> "Plan":
        """Where no rows are given back."""
        columns = tuple(_Column(one.column, one.blind, known=False) if one.places else one for one in self.columns)
        return replace(self, columns=columns, returning="")

    def touched(
        self,
        executions: Iterable[Mapping[str, Any]],
        spread: Mapping[str, Sequence[str]],
        rows: Sequence[Sequence[Any]],
        digest: Callable[[Any], str],
    ) -> Touched:
        """The slices that these executions touched. spread: the parameters that each list became. rows: what was given
        back."""
        executions = tuple(executions)
        return {one.blind: _tags(self.table, one, executions, spread, rows, digest) for one in self.columns}


def plan_for(
    target: Target,
    columns: Sequence[SliceColumn],
    name: TableName,
    table: str,
    known: Dependencies,
    dialect: sa.Dialect,
    *,
    uncertain: bool,
) -> Plan | None:
    """How the slices of such a write are learned; None for a table without slices, or where they cannot be.

    `table`: its tag. `uncertain`: the database may change more of the row, or other rows, than the statement says.
    """
    if not columns or uncertain or target.values is None:
        return None
    asks = _Returning(dialect, possible=target.returns and _is_plain(name, known) and not _has_odd_name(columns))
    found = tuple(_column(column, column.blind(table), target, asks) for column in columns)
    return Plan(table, found, asks.text() if any(one.places for one in found) else "")


class _Returning:
    """What is to be given back of each row."""

    def __init__(self, dialect: sa.Dialect, *, possible: bool) -> None:
        self._prepare = dialect.identifier_preparer
        self._dialect = dialect
        self._possible = possible
        version = getattr(dialect, "server_version_info", None) or (0,)
        self._gives_old = dialect.name == "postgresql" and version >= _GIVES_OLD_ROW
        self.terms: list[str] = []

    def place(self, column: SliceColumn, *, old: bool = False) -> int | None:
        """Where its value will stand; None if it cannot be had."""
        if not self._possible or (old and not self._gives_old):
            return None
        term = f"{'frescor_old.' if old else ''}{self._prepare.quote(column.name)}"
        # A column may have slices of several kinds.
        if term not in self.terms:
            self.terms.append(term)
        return self.terms.index(term)

    def text(self) -> str:
        """What is put behind the statement: on a line of its own, as a comment may be its end."""
        if not self.terms:
            return ""
        aliases = "WITH (OLD AS frescor_old) " if any(term.startswith("frescor_old.") for term in self.terms) else ""
        return f"\nRETURNING {aliases}{', '.join(self.terms)}"

    def processor(self, column: SliceColumn) -> Callable[[Any], Any] | None:
        """What makes of the driver's value the one that SQLAlchemy gives."""
        process = column.type.dialect_impl(self._dialect).result_processor(self._dialect, None)
        if (
            process is None
            or self._dialect.name != "sqlite"
            or not isinstance(column.type, types.Date | types.DateTime)
        ):
            return process
        return _in_one_form(column.type, process)


def _in_one_form(kind: types.TypeEngine[Any], process: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """On SQLite a date is text, which is compared by its letters: in another form than SQLAlchemy writes, as another
    program may have left it, it stands elsewhere among the others than its day does."""
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
        return _Column(column, blind, known=False) if value is None else _Column(column, blind, (value,))
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
        return _Column(column, blind, known=False)
    at = tuple(place for place in places if place is not None)
    return _Column(column, blind, tuple(fields), at, (asks.processor(column),) * len(at))


def _is_plain(name: TableName, known: Dependencies) -> bool:
    """Whether RETURNING says of a table what is in it: no view, no rule instead, no policy that hides rows."""
    description = known.description
    return (
        description.relations.get(name) == TABLE
        and name not in description.policies
        and not any(trigger.tables for trigger in description.triggers.get(name, ()))
    )


def _has_odd_name(columns: Iterable[SliceColumn]) -> bool:
    # Taken for a parameter's by some drivers.
    return any("%" in column.name or ":" in column.name for column in columns)


def _tags(
    table: str,
    one: _Column,
    executions: Sequence[Mapping[str, Any]],
    spread: Mapping[str, Sequence[str]],
    rows: Sequence[Sequence[Any]],
    digest: Callable[[Any], str],
) -> frozenset[str] | None:
    """None if they are not all known, or too many."""
    if not one.known:
        return None
    values: set[Any] = set()
    try:
        for field in one.fields:
            for parameters in executions:
                names = spread.get(field.parameter) if field.many else (field.parameter,)
                if names is None:
                    return None
                values.update([parameters[name] for name in names])
        for place, process in zip(one.places, one.processors, strict=True):
            found = {row[place] for row in rows}
            values |= found if process is None else {None if value is None else process(value) for value in found}
    except (KeyError, TypeError, ValueError):
        # A parameter that is none, a value of another type, or text in the place of a date.
        return None
    column, groups = one.column, set()
    for value in values:
        group = column.group(value, digest)
        if group is None:
            return None
        groups.add(group)
        if len(groups) > MOST_SLICES:
            return None
    return frozenset([column.slice(table, group) for group in groups])
