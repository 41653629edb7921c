"""What a compiled INSERT, UPDATE or DELETE writes; pure functions of the statement.

A row counts as known if its whole primary key is bound to parameters: by the WHERE, or by the values of a plain INSERT.
A key that the database generates is known after the execution, if the driver returns it. Everything else (a condition
on other columns, INSERT … SELECT, ON CONFLICT, a key that is changed) writes unknown rows.
"""

from collections.abc import Collection
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase
from sqlalchemy.sql.elements import BindParameter

from frescor.sqlalchemy._private import (
    has_more_tables,
    independent_ctes,
    multi_values,
    post_values_clause,
    prefixes,
    values_of,
    where_criteria,
)
from frescor.sqlalchemy._statements.facts import Field, Kind, LookUp, Named, Target, Untranslated
from frescor.sqlalchemy._statements.reads import Condition, bound_columns, bound_field, look_up_of, passes
from frescor.sqlalchemy._statements.tags import is_given_on, is_row_key_type


def targets(statement: UpdateBase, compiled: Any, *, outermost: bool) -> tuple[Target, ...]:
    """The tables that one DML statement writes to. `outermost`: its parameters are those of the execution."""
    table = statement.table
    if not isinstance(table, sa.Table):
        # A join (MySQL's multi-table UPDATE), an alias, or a table that is known by name only.
        return tuple(_unknown(statement, part) for part in _tables(table))
    if isinstance(statement, Insert):
        return _inserted(statement, table, compiled, outermost=outermost)
    criteria = where_criteria(cast(Update | Delete, statement))
    where = sa.and_(*criteria) if criteria else None
    bound = bound_columns([Condition(where)], compiled)
    rows = look_up_of(table, bound, compiled.dialect)
    named = {column.name: field for column in table.columns if (field := bound_field(table, column, bound)) is not None}
    # Without a condition on a column the number of rows is unlimited.
    returns = outermost and bool(named) and not _has_more(statement, compiled)
    if not isinstance(statement, Update):
        return (Target(_name(table), "delete", rows, declared=table, values={}, bound=named, returns=returns),)
    columns = _columns_set(statement, table, compiled, outermost=outermost)
    if prefixes(statement):
        # OR REPLACE, as for an INSERT: a row with which it conflicts is deleted.
        return tuple(Target(_name(table), kind, declared=table) for kind in ("update", "delete"))
    if columns is None or columns & {column.name for column in table.primary_key.columns}:
        rows = None
    # MySQL can set columns of several tables at once.
    others = [part for part in _owners(statement) if _name(part) != _name(table)]
    values = None if columns is None or not outermost else _values_set(statement, table, columns, compiled)
    return (
        Target(_name(table), "update", rows, columns, declared=table, values=values, bound=named, returns=returns),
        *(_unknown(statement, part) for part in others),
    )


def _inserted(statement: Insert, table: sa.Table, compiled: Any, *, outermost: bool) -> tuple[Target, ...]:
    name = _name(table)
    if post_values_clause(statement) is not None or prefixes(statement):
        # ON CONFLICT, OR REPLACE: it may change or delete another row than the one with its key.
        kinds: tuple[Kind, ...] = ("update", "delete") if prefixes(statement) else ("update",)
        return tuple(Target(name, kind, declared=table) for kind in kinds)
    if statement.select is not None or multi_values(statement) or not outermost:
        return (Target(name, "insert", declared=table),)
    values = _values_set(statement, table, {column.name for column in table.columns}, compiled)
    columns = sorted(table.primary_key.columns, key=lambda column: column.name)
    if not columns or not all(is_row_key_type(column.type, compiled.dialect) for column in columns):
        return (Target(name, "insert", declared=table, values=values),)
    parameters = [_parameter(statement, column, compiled) for column in columns]
    if None in parameters and any(column.key in compiled.binds for column in columns):
        # SQLAlchemy may use the value of another parameter with that name as the key.
        return (Target(name, "insert", declared=table, values=values),)
    fields = [Field(column.type, found or "") for column, found in zip(columns, parameters, strict=True)]
    return (Target(name, "insert", LookUp(name, tuple(fields)), generated=True, declared=table, values=values),)


def _values_set(statement: Any, table: sa.Table, names: Collection[str], compiled: Any) -> dict[str, Field]:
    """The parameters that hold the new values of these columns, for columns that are set to a parameter."""
    found = {}
    for column in table.columns:
        name = _parameter(statement, column, compiled) if column.name in names else None
        if name is not None:
            found[column.name] = Field(column.type, name)
    return found


def _has_more(statement: Any, compiled: Any) -> bool:
    """Whether it consists of more than one table, the values to set, and conditions."""
    return bool(compiled.effective_returning or independent_ctes(statement) or has_more_tables(compiled))


def _parameter(statement: Insert, column: sa.Column[Any], compiled: Any) -> str | None:
    """The parameter that holds the value of this column; None if there is none, or the database gets another value."""
    given = {getattr(key, "key", key): value for key, value in values_of(statement).items()}
    name: str | None = None
    if column.key in given:
        value = given[column.key]
        if isinstance(value, BindParameter):
            # A parameter without a name of its own is named after its column.
            name = column.key if value.unique else value.key
    elif column.key in (compiled.column_keys or ()) or column in compiled.insert_prefetch:
        name = column.key
    if name is not None and (found := compiled.binds.get(name)) is not None:
        name = name if _is_stored_as_given(column.type, found.type, compiled.dialect) else None
    return name


def _is_stored_as_given(column: types.TypeEngine[Any], given: types.TypeEngine[Any], dialect: sa.Dialect) -> bool:
    """Whether the database stores in a column exactly what a parameter of this type holds."""
    if not isinstance(column, types.DateTime):
        return passes(given, dialect)
    # Another type would store the time in another format or time zone.
    return isinstance(given, types.DateTime) and given.timezone == column.timezone and is_given_on(given, dialect)


def _columns_set(statement: Update, table: sa.Table, compiled: Any, *, outermost: bool) -> frozenset[str] | None:
    """The names of the columns that an UPDATE sets; None if they are not known."""
    if multi_values(statement):
        return None
    given = list(values_of(statement))
    keys = {getattr(column, "key", column) for column in given}
    if outermost:
        keys |= set(compiled.column_keys or ())
    # Columns that SQLAlchemy or the database sets in addition.
    names = {column.name for column in table.columns if column.onupdate is not None or column.server_onupdate}
    for key in keys:
        column = table.columns.get(str(key))
        if column is not None:
            names.add(column.name)
        elif not outermost or key not in (compiled.column_keys or ()):
            # A column of another table, or an unknown name. As the name of a parameter it may belong to the condition.
            names.add(str(key))
    return frozenset(names)


def _owners(statement: Update) -> list[Any]:
    """The tables of the columns that an UPDATE sets explicitly."""
    found = {}
    for column in values_of(statement):
        owner = getattr(column, "table", None)
        if owner is not None:
            for part in _tables(owner):
                found[id(part)] = part
    return list(found.values())


def _tables(element: Any) -> list[Any]:
    return list(sa.sql.util.find_tables(element)) or [element]


def _unknown(statement: UpdateBase, table: Any) -> Target:
    declared = table if isinstance(table, sa.Table) else None
    return Target(_name(table), _kind(statement), declared=declared)


def _kind(statement: UpdateBase) -> Kind:
    return "delete" if isinstance(statement, Delete) else "update"


def _name(table: Any) -> Named:
    name = str(getattr(table, "name", table))
    return (getattr(table, "schema", None), name if isinstance(table, sa.Table) else Untranslated(name))
