"""The parameters of a `text()`, and the columns that a text names, in the declared table.

A `text()` is analysed as the driver gets it, with the driver's form of parameters; their values are found under the
application's names for them.
"""

import datetime as dt
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import types

from frescor.sqlalchemy._statements.facts import Facts, Field, LookUp, Place, Target
from frescor.sqlalchemy._statements.lexer import tokens_of
from frescor.sqlalchemy._statements.reads import passes, passes_in_order
from frescor.sqlalchemy._statements.tags import is_row_key_type
from frescor.sqlalchemy._statements.text import facts_of_clause

_DATES = (types.Date, types.DateTime)
_OWN_DRIVERS = ("pysqlite", "aiosqlite")


def facts_of_compiled_text(compiled: Any, dialect: str) -> Facts:
    """What a compiled `text()` does."""
    # Before its lists are expanded, which may have another length in each execution.
    sql = str(compiled)
    names = _names(compiled, sql, dialect)

    def named(name: str, many: bool) -> Field | None:
        own = names.get(name)
        parameter = None if own is None else compiled.binds.get(own)
        if parameter is None or many != (parameter in compiled.post_compile_params):
            return None
        kind = parameter.type
        given = passes(kind, compiled.dialect) or passes_in_order(kind, compiled.dialect)
        return Field(kind, own or "", many) if given else None

    return facts_of_clause(sql, dialect, named)


def _names(compiled: Any, sql: str, dialect: str) -> Mapping[str, str]:
    """The parameters' own names, by those in the text; empty if that is not certain."""
    if compiled.escaped_bind_names or compiled.literal_execute_params:
        return {}
    lists = {compiled.bind_names[parameter] for parameter in compiled.post_compile_params}
    names = {name: name for name in compiled.bind_names.values()}
    if compiled.positiontup is None:
        return names
    single = [name for name in compiled.positiontup if name not in lists]
    signs = [token.text for token in tokens_of(sql, dialect) if token.sort == "parameter"]
    if "?" in signs and signs.count("?") != len(single):
        # Something in the text looks like a parameter.
        return {}
    return {**{name: name for name in lists}, **{str(place): name for place, name in enumerate(single)}}


def place_in(place: Place, table: sa.Table, dialect: sa.Dialect) -> Place | LookUp:
    """A place in a text where this table occurs, resolved: the rows that it looks up, or the columns that it binds."""
    columns = _by_name(table, dialect)
    if not _keeps_dates(dialect):
        columns = {name: column for name, column in columns.items() if not isinstance(column.type, _DATES)}
    bound = tuple((columns[name].name, one) for name, one in place.bound if name in columns)
    fields = {name: one for name, one in bound if isinstance(one, Field)}
    return _look_up(place.table, table, fields, dialect) or Place(place.table, table, bound)


def target_in(target: Target, table: sa.Table, dialect: sa.Dialect) -> Target:
    """A textual write to this table, with the table's own columns."""
    if target.values is None:
        return replace(target, declared=table)
    columns = names = _by_name(table, dialect)
    if dialect.name == "sqlite":
        # The driver writes a time in another format than SQLAlchemy, which sorts differently than its day.
        unlike = (types.DateTime,) if _keeps_dates(dialect) else _DATES
        columns = {name: column for name, column in columns.items() if not isinstance(column.type, unlike)}
    changed = target.columns
    if changed is not None and not names.keys() >= changed:
        # A column that the model does not have, or another name for the key.
        return Target(target.table, target.kind, declared=table)
    values = {columns[name].name: one for name, one in target.values.items() if name in columns}
    bound = {columns[name].name: one for name, one in target.bound.items() if name in columns}
    own = None if changed is None else frozenset(names[name].name for name in changed)
    rows = None if target.kind == "insert" else _look_up(target.table, table, bound, dialect)
    if own is not None and own & {column.name for column in table.primary_key.columns}:
        rows = None
    return replace(target, declared=table, rows=rows, columns=own, values=values, bound=bound)


def _keeps_dates(dialect: sa.Dialect) -> bool:
    """Whether a date is compared in SQLAlchemy's format: SQLite's driver converts it to text by an adapter, which the
    application may replace."""
    if dialect.name != "sqlite":
        return True
    adapters = [sqlite3.adapters.get((kind, sqlite3.PrepareProtocol)) for kind in (dt.date, dt.datetime)]
    return dialect.driver in _OWN_DRIVERS and all(
        getattr(adapter, "__module__", "") == "sqlite3.dbapi2" for adapter in adapters
    )


def _by_name(table: sa.Table, dialect: sa.Dialect) -> dict[str, sa.Column[Any]]:
    """Columns by their names as the database understands them; without names that only SQLAlchemy distinguishes."""
    if dialect.name == "postgresql":
        return {str(column.name): column for column in table.columns}
    names = [str(column.name).lower() for column in table.columns]
    return {name: column for name, column in zip(names, table.columns, strict=True) if names.count(name) == 1}


def _look_up(name: Any, table: sa.Table, fields: Mapping[str, Field], dialect: sa.Dialect) -> LookUp | None:
    found = []
    for column in sorted(table.primary_key.columns, key=lambda column: column.name):
        field = fields.get(column.name)
        if field is None or not is_row_key_type(column.type, dialect):
            return None
        found.append(Field(column.type, field.parameter, field.many))
    if not found or (len(found) > 1 and any(one.many for one in found)):
        return None
    return LookUp(name, tuple(found))


def without_bindings(target: Target) -> Target:
    """What is known about a write if the text that contains it has other parameters."""
    return Target(target.table, target.kind)
