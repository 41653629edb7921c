"""Which tables a compiled statement names: the compiler itself takes notes while it writes their names.

Walking over the elements of a statement instead would require knowledge of what the ORM adds during compilation (eager
joins, inheritance, column_property, loader criteria, in subqueries, too). The compiler meets every table that gets into
the text, in the place where it gets there. So the compiler of a dialect is replaced, on that dialect alone, by a
subclass that takes notes. The notes stay with the compiled statement, which SQLAlchemy caches, so each statement is
analysed once.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import AliasedReturnsRows, TableClause

from frescor.sqlalchemy._private import SINCE_2_1, OwnRules, is_written_by_itself, overrides
from frescor.sqlalchemy._statements.facts import Named, Untranslated

_NOTES = "_frescor_notes"
_WRITES = re.compile(r"\b(?:insert|update|delete|merge|replace|truncate|copy|into|call|do)\b", re.IGNORECASE)
_SUBSELECT = re.compile(r"\b(?:select|from|table|values|with|join)\b|/\*|--", re.IGNORECASE)
_CALLED = re.compile(r"(\w+)\"?\s*\(")
_MORE_TABLES = re.compile(f"{_SUBSELECT.pattern}|,", re.IGNORECASE)
_WORDS = re.compile(r"[\w\s]*")
_compile_by_own_rules = OwnRules.__call__


@dataclass(slots=True)
class Notes:
    """What one compilation met. tables: each table, as often as the text names it. scopes: for each of these, the
    compiler's stack, that is, the entries of the enclosing SELECTs, outermost first. columns: those of tables that are
    named, in any place; any_column: it may name others as well. stars: the ids of each `*` that names no column.
    textual: a part of the statement was given as text. may_write: that part may write."""

    tables: list[tuple[str | None, str]] = field(default_factory=list)
    scopes: list[tuple[Any, ...]] = field(default_factory=list)
    declared: list[sa.Table] = field(default_factory=list)
    dml: list[UpdateBase] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    columns: set[tuple[Named, str]] = field(default_factory=set)
    any_column: bool = False
    stars: set[int] = field(default_factory=set)
    textual: bool = False
    may_write: bool = False

    def add_text(self, text: str) -> None:
        """A part that was given as text, wherever it is."""
        self.textual = True
        self.may_write = self.may_write or _WRITES.search(text) is not None

    def add_column(self, column: Any) -> None:
        """A column that is named anywhere."""
        if column.is_literal:
            self.any_column = self.any_column or id(column) not in self.stars
            return
        owner = getattr(column, "table", None)
        while isinstance(owner, AliasedReturnsRows):
            owner = owner.element
        if owner is None or getattr(column, "system", False):
            # A row as a whole, or what the database keeps of each row, may bear this name.
            self.any_column = True
        elif isinstance(owner, TableClause):
            self.columns.add(((getattr(owner, "schema", None), str(owner.name)), str(column.name)))

    def add_expression(self, text: str) -> None:
        """A part that was given as text, in a place where a table can only be named by a subselect."""
        if _SUBSELECT.search(text) is None:
            self.functions += [found.lower() for found in _CALLED.findall(text)]
        else:
            self.add_text(text)


def notes_of(compiled: Any) -> Notes | None:
    """The notes taken during this compilation; None if none were taken."""
    notes = compiled.__dict__.get(_NOTES)
    return notes if isinstance(notes, Notes) else None


def watch(dialect: sa.Dialect) -> None:
    """Let this dialect's compiler take notes from now on. Does nothing when called again."""
    OwnRules.__call__ = _noting_own_rules  # type: ignore[method-assign]
    if not getattr(dialect.statement_compiler, "frescor_takes_notes", False):
        dialect.statement_compiler = _noting(dialect.statement_compiler)


def _noting_own_rules(self: Any, element: Any, compiler: Any, **kw: Any) -> Any:
    """A construct with `@compiles` rules may write any text, wherever the ORM has placed it."""
    found = _compile_by_own_rules(self, element, compiler, **kw)
    if getattr(compiler, "frescor_takes_notes", False):
        compiler._notes.add_text(str(found))
    return found


def _noting(compiler: type[SQLCompiler]) -> type[SQLCompiler]:
    @overrides("frescor_takes_notes", "_notes", "_hint", *SINCE_2_1)
    class Noting(compiler):  # type: ignore[misc, valid-type]  # one subclass for each dialect's compiler
        frescor_takes_notes = True

        @property
        def _notes(self) -> Notes:
            # Created on first use, because the compiler's own __init__ already compiles.
            notes: Notes = self.__dict__.setdefault(_NOTES, Notes())
            return notes

        def visit_table(self, table: Any, asfrom: bool = False, **kw: Any) -> Any:
            if asfrom:
                declared = isinstance(table, sa.Table)
                self._notes.tables.append((table.schema, table.name if declared else Untranslated(table.name)))
                self._notes.scopes.append(tuple(self.stack))
                if declared:
                    self._notes.declared.append(table)
            return super().visit_table(table, asfrom=asfrom, **kw)

        def visit_textclause(self, textclause: Any, *args: Any, **kw: Any) -> Any:
            self._notes.add_text(textclause.text)
            return super().visit_textclause(textclause, *args, **kw)

        def visit_tstring(self, *args: Any, **kw: Any) -> Any:
            found = super().visit_tstring(*args, **kw)
            self._notes.add_text(found)
            return found

        def visit_column(self, column: Any, *args: Any, **kw: Any) -> Any:
            if column.is_literal:
                self._notes.add_expression(str(column.name))
            self._notes.add_column(column)
            return super().visit_column(column, *args, **kw)

        def _generate_prefixes(self, *args: Any, **kw: Any) -> Any:
            notes = self._notes
            before = notes.textual, notes.may_write
            found = super()._generate_prefixes(*args, **kw)
            if _WORDS.fullmatch(found) and _SUBSELECT.search(found) is None:
                # OR REPLACE, IGNORE, DISTINCT and the like.
                notes.textual, notes.may_write = before
            return found

        def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> Any:
            self._notes.add_expression(operator.opstring)
            return super().visit_custom_op_binary(element, operator, **kw)

        def visit_custom_op_unary_operator(self, element: Any, operator: Any, **kw: Any) -> Any:
            self._notes.add_expression(operator.opstring)
            return super().visit_custom_op_unary_operator(element, operator, **kw)

        def visit_custom_op_unary_modifier(self, element: Any, operator: Any, **kw: Any) -> Any:
            self._notes.add_expression(operator.opstring)
            return super().visit_custom_op_unary_modifier(element, operator, **kw)

        def get_from_hint_text(self, table: Any, text: Any) -> Any:
            return self._hint(super().get_from_hint_text(table, text))

        def get_statement_hint_text(self, hint_texts: Any) -> Any:
            return self._hint(super().get_statement_hint_text(hint_texts))

        def _hint(self, text: Any) -> Any:
            if text and _MORE_TABLES.search(text):
                self._notes.add_text(text)
            return text

        def visit_function(self, func: Any, *args: Any, **kw: Any) -> Any:
            self._notes.functions.append(func.name.lower())
            if func.name.lower() == "count":
                self._notes.stars.update(_stars_in(list(func.clauses)))
            return super().visit_function(func, *args, **kw)

        def visit_unary(self, unary: Any, *args: Any, **kw: Any) -> Any:
            if unary.operator is operators.exists:
                self._notes.stars.update(_stars_in(_columns_of(unary.element)))
            return super().visit_unary(unary, *args, **kw)

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


def _stars_in(columns: list[Any]) -> list[int]:
    """The id of a `*` that stands alone, in `count(*)` or `EXISTS (SELECT * …)`, which look at no column."""
    alone = len(columns) == 1 and getattr(columns[0], "is_literal", False) and columns[0].name == "*"
    return [id(columns[0])] if alone else []


def _columns_of(element: Any) -> list[Any]:
    """The columns of a SELECT, in parentheses or not."""
    while not isinstance(element, sa.Select):
        element = getattr(element, "element", None)
        if element is None:
            return []
    return list(element.selected_columns)


def has_own_constructs(statement: Any) -> bool:
    """Whether an element is compiled by the application's own rules (`@compiles`), which may write any text."""
    return any(_has_own_rules(type(element)) for element in visitors.iterate(statement))


def _has_own_rules(kind: type) -> bool:
    if kind.__module__.startswith("sqlalchemy.") or kind.__name__.startswith("Annotated"):
        return False
    # A subclass that only adds methods for whoever writes the statement, as SQLModel's, is written as a SELECT is.
    return not issubclass(kind, sa.Select) or is_written_by_itself(kind)
