"""What a compiled INSERT, UPDATE or DELETE writes; pure functions of the statement.

A row counts as known when its whole primary key is bound to parameters: by the WHERE, or by the values of a plain
INSERT. A key that the database makes is known after the execution, where the driver brings it back. Everything else (a
condition on other columns, INSERT … SELECT, ON CONFLICT, a key that is changed) writes rows that are not known.
"""

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase

from frescor.sqlalchemy.facts import Field, Kind, LookUp, Named, Target
from frescor.sqlalchemy.reads import Condition, bound_columns, look_up_of
from frescor.sqlalchemy.tags import has_identity


def targets(statement: UpdateBase, compiled: Any, *, outermost: bool) -> tuple[Target, ...]:
    """The tables that one DML statement writes to. `outermost`: its parameters are those of the execution."""
    table = statement.table
    if not isinstance(table, sa.Table):
        # A join (multi-table UPDATE of MySQL), or a table that is known by its name alone.
        tables = [part for part in sa.sql.util.find_tables(table) if isinstance(part, sa.Table)]
        return tuple(_unknown(statement, part) for part in tables) or (
            Target((getattr(table, "schema", None), str(getattr(table, "name", table))), _kind(statement)),
        )
    if isinstance(statement, Insert):
        return _inserted(statement, table, outermost=outermost)
    criteria = cast(Any, statement)._where_criteria
    where = sa.and_(*criteria) if criteria else None
    bound = bound_columns([Condition(where)], compiled)
    rows = look_up_of(table, bound)
    if not isinstance(statement, Update):
        return (Target(_name(table), "delete", rows, declared=table),)
    columns = _columns_set(statement, compiled, outermost=outermost)
    if columns is None or columns & {column.key for column in table.primary_key.columns}:
        rows = None
    return (Target(_name(table), "update", rows, columns, declared=table),)


def _inserted(statement: Insert, table: sa.Table, *, outermost: bool) -> tuple[Target, ...]:
    name = _name(table)
    if statement._post_values_clause is not None or statement._prefixes:
        # ON CONFLICT, OR REPLACE: it may change, or delete, another row than that of its key.
        kinds: tuple[Kind, ...] = ("update", "delete") if statement._prefixes else ("update",)
        return tuple(Target(name, kind, declared=table) for kind in kinds)
    if statement.select is not None or statement._multi_values or not outermost:
        return (Target(name, "insert", declared=table),)
    columns = sorted(table.primary_key.columns, key=lambda column: column.name)
    if not columns or not all(has_identity(column.type) for column in columns):
        return (Target(name, "insert", declared=table),)
    given = LookUp(name, tuple(Field(column.type, column.key) for column in columns))
    return (Target(name, "insert", given, generated=True, declared=table),)


def _columns_set(statement: Update, compiled: Any, *, outermost: bool) -> frozenset[str] | None:
    """The keys of the columns that an UPDATE sets; None if that cannot be told."""
    if statement._multi_values:
        return None
    given = list(statement._values or ())
    keys = {getattr(column, "key", column) for column in given}
    if outermost:
        keys |= set(compiled.column_keys or ())
    return frozenset(map(str, keys))


def _unknown(statement: UpdateBase, table: sa.Table) -> Target:
    return Target(_name(table), _kind(statement), declared=table)


def _kind(statement: UpdateBase) -> Kind:
    return "delete" if isinstance(statement, Delete) else "update"


def _name(table: sa.Table) -> Named:
    return (table.schema, table.name)
