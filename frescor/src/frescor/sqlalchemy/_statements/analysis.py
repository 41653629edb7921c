"""What a statement does: analysed once for each compiled statement, and kept with it."""

import re
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.ddl import ExecutableDDLElement

from frescor.sqlalchemy._private import compile_state_of, returning_of
from frescor.sqlalchemy._statements.compiler_notes import Notes, has_own_constructs, notes_of
from frescor.sqlalchemy._statements.facts import NOTHING, Facts, LookUp, Named, Place, Target
from frescor.sqlalchemy._statements.reads import split
from frescor.sqlalchemy._statements.text import facts_of_text, joined
from frescor.sqlalchemy._statements.text_parameters import facts_of_compiled_text, without_bindings
from frescor.sqlalchemy._statements.writes import targets

_FACTS = "_frescor_facts"
_TRANSLATED_SCHEMA = re.compile(r"__\[SCHEMA_([^\]]*)\]\.")
_PARAMETER = re.compile(r"__\[POSTCOMPILE_[^\]]*\]|%\([^)]*\)s")
_CONTROL = ("SavepointClause", "RollbackToSavepointClause", "ReleaseSavepointClause")


def facts_of(compiled: Any, sql: str, dialect: str) -> Facts:
    """What the execution of `sql` does; `compiled` is None for plain text. Raises PolicyError if that is unknown."""
    if compiled is None:
        return facts_of_text(sql, dialect)
    facts = compiled.__dict__.get(_FACTS)
    if facts is None:
        facts = compiled.__dict__[_FACTS] = _found(compiled, sql, dialect)
    return facts  # type: ignore[no-any-return]  # an attribute of a foreign object


def _found(compiled: Any, sql: str, dialect: str) -> Facts:
    statement = compiled.statement
    if isinstance(statement, ExecutableDDLElement):
        return _of_ddl(statement, _text_of(compiled), dialect)
    if type(statement).__name__ in _CONTROL or statement is None:
        return NOTHING
    notes = notes_of(compiled)
    if isinstance(compiled, SQLCompiler) and isinstance(statement, sa.TextClause):
        return facts_of_compiled_text(compiled, dialect)
    if not isinstance(compiled, SQLCompiler):
        return facts_of_text(sql, dialect)
    if notes is None:
        # It was compiled before notes were taken, or names no table, like `SELECT 1`.
        notes = (
            Notes() if getattr(type(compiled), "frescor_takes_notes", False) else Notes(textual=True, may_write=True)
        )
    state = compile_state_of(compiled)
    final = getattr(state, "statement", None)
    facts = _from_notes(notes, statement if final is None else final, compiled)
    own = has_own_constructs(statement)
    if notes.textual or own:
        text = facts_of_text(_text_of(compiled), dialect)
        facts = _with_text(facts, text, may_write=notes.may_write or own)
    return facts


def _from_notes(notes: Notes, final: Any, compiled: Any) -> Facts:
    writes: list[Target] = []
    returning = False
    for place, noted in enumerate(notes.dml):
        outermost = place == 0 and compiled.statement.is_dml
        # As completed by the ORM; within a CTE, as it was given.
        statement = final if outermost and getattr(final, "is_dml", False) else noted
        writes += targets(statement, compiled, outermost=outermost)
        returning = returning or bool(returning_of(statement))
    if notes.dml:
        own = {target.table for target in writes}
        reads = tuple(dict.fromkeys(name for name in notes.tables if name not in own))
        # A table that is written to and also named elsewhere is read as well.
        again = tuple(name for name in own if notes.tables.count(name) > 1)
        found: tuple[tuple[Named, ...], tuple[LookUp, ...], tuple[Place, ...]] = ((*reads, *again), (), ())
    else:
        found = split(notes, compiled)
    return Facts(
        reads=found[0],
        lookups=found[1],
        places=found[2],
        writes=tuple(writes),
        functions=tuple(dict.fromkeys(notes.functions)),
        returning=returning,
        columns=None if notes.any_column or notes.dml else frozenset(notes.columns),
        declared=tuple(dict.fromkeys(notes.declared)),
    )


def _of_ddl(statement: Any, sql: str, dialect: str) -> Facts:
    element = getattr(statement, "element", None)
    element = getattr(statement, "element", None)
    facts = facts_of_text(sql, dialect)
    if not isinstance(element, sa.Table):
        return facts
    # Foreign keys that only the models declare count, too.
    writes = tuple(replace(target, declared=element) for target in facts.writes)
    return replace(facts, writes=writes, changes_schema=True)


def _text_of(compiled: Any) -> str:
    """What was compiled, with schemas by their own names, and parameters in a form that the parser can read."""
    text = _TRANSLATED_SCHEMA.sub(lambda found: "" if found[1] == "_none" else f'"{found[1]}".', str(compiled))
    # NULL is valid in place of any expression, with or without a cast.
    return _PARAMETER.sub("NULL", text)


def _with_text(facts: Facts, text: Facts, *, may_write: bool) -> Facts:
    """The union of both. The text does not tell which rows it names, so look-ups of the same tables no longer count.

    may_write: the part given as text may write, and to other rows than those that SQLAlchemy's own part names.
    """
    known = set(map(_folded, _names(facts)))
    looked_up = {lookup.table for lookup in facts.lookups}
    reads = [name for name in text.reads if _folded(name) not in known]
    if may_write:
        own = tuple(replace(target, rows=None, columns=None, generated=False) for target in facts.writes)
        writes = (*own, *map(without_bindings, text.writes))
    else:
        # All writes are in SQLAlchemy's own part, and the text only repeats them.
        written = {_folded(target.table) for target in facts.writes}
        others = (target for target in text.writes if _folded(target.table) not in written)
        writes = (*facts.writes, *map(without_bindings, others))
    core = replace(facts, reads=(*facts.reads, *looked_up), lookups=(), places=(), columns=None, writes=writes)
    return joined(core, replace(text, reads=tuple(reads), writes=()))


def _folded(name: Named) -> Named:
    return (None if name[0] is None else str.lower(name[0]), str.lower(name[1]))


def _names(facts: Facts) -> list[Named]:
    return [*facts.reads, *(lookup.table for lookup in facts.lookups), *(target.table for target in facts.writes)]
