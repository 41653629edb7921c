"""Which tables a statement was compiled to: noted by the compiler itself, while it writes their names.

A walk over the statement's elements would have to know what the ORM adds while it compiles (eager joins, inheritance,
column_property, loader criteria, in subqueries too). The compiler meets every table that ends up in the text, exactly
where it ends up. So a dialect's compiler is replaced, on that dialect alone, by a subclass that takes notes; what is
noted stays with the compiled statement, which SQLAlchemy keeps, so that a statement is looked at once.
"""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

_NOTES = "_frescor_notes"


@dataclass(slots=True)
class Notes:
    """What one compilation met. tables: as often as they are in the text. textual: a part of it was given as text."""

    tables: list[tuple[str | None, str]] = field(default_factory=list)
    declared: list[sa.Table] = field(default_factory=list)
    dml: list[UpdateBase] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    textual: bool = False


def notes_of(compiled: Any) -> Notes | None:
    """What was noted while this was compiled; None if nobody took notes."""
    notes = compiled.__dict__.get(_NOTES)
    return notes if isinstance(notes, Notes) else None


def watch(dialect: sa.Dialect) -> None:
    """Let this dialect's compiler take notes from now on; once is enough."""
    if not getattr(dialect.statement_compiler, "frescor_takes_notes", False):
        dialect.statement_compiler = _noting(dialect.statement_compiler)


def _noting(compiler: type[SQLCompiler]) -> type[SQLCompiler]:
    class Noting(compiler):  # type: ignore[misc, valid-type]  # one subclass for each dialect's compiler
        frescor_takes_notes = True

        @property
        def _notes(self) -> Notes:
            # Made on first use: the compiler's own __init__ already compiles.
            notes: Notes = self.__dict__.setdefault(_NOTES, Notes())
            return notes

        def visit_table(self, table: Any, asfrom: bool = False, **kw: Any) -> Any:
            if asfrom:
                self._notes.tables.append((table.schema if isinstance(table, sa.Table) else None, table.name))
                if isinstance(table, sa.Table):
                    self._notes.declared.append(table)
            return super().visit_table(table, asfrom=asfrom, **kw)

        def visit_textclause(self, *args: Any, **kw: Any) -> Any:
            self._notes.textual = True
            return super().visit_textclause(*args, **kw)

        def visit_textual_select(self, *args: Any, **kw: Any) -> Any:
            self._notes.textual = True
            return super().visit_textual_select(*args, **kw)

        def visit_tstring(self, *args: Any, **kw: Any) -> Any:
            self._notes.textual = True
            return super().visit_tstring(*args, **kw)

        def visit_column(self, column: Any, *args: Any, **kw: Any) -> Any:
            if column.is_literal:
                self._notes.textual = True
            return super().visit_column(column, *args, **kw)

        def visit_function(self, func: Any, *args: Any, **kw: Any) -> Any:
            self._notes.functions.append(func.name.lower())
            return super().visit_function(func, *args, **kw)

        def visit_insert(self, insert_stmt: Any, *args: Any, **kw: Any) -> Any:
            self._notes.dml.append(insert_stmt)
            return super().visit_insert(insert_stmt, *args, **kw)

        def visit_update(self, update_stmt: Any, *args: Any, **kw: Any) -> Any:
            self._notes.dml.append(update_stmt)
            return super().visit_update(update_stmt, *args, **kw)

        def visit_delete(self, delete_stmt: Any, *args: Any, **kw: Any) -> Any:
            self._notes.dml.append(delete_stmt)
            return super().visit_delete(delete_stmt, *args, **kw)

    return Noting


def has_own_constructs(statement: Any) -> bool:
    """Whether an element is compiled by the application's own rules, which may write any text."""
    return any(
        not type(element).__module__.startswith("sqlalchemy.")
        and not getattr(type(element), "__name__", "").startswith("Annotated")
        for element in visitors.iterate(statement)
    )
