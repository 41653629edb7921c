"""What a statement does: found once for each compiled statement, and kept with it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.ddl import ExecutableDDLElement

from frescor.sqlalchemy.facts import NOTHING, Facts, LookUp, Named, Target
from frescor.sqlalchemy.reads import split
from frescor.sqlalchemy.text import facts_of_text
from frescor.sqlalchemy.watching import Notes, has_own_constructs, notes_of
from frescor.sqlalchemy.writes import targets

_FACTS = "_frescor_facts"
_CONTROL = ("SavepointClause", "RollbackToSavepointClause", "ReleaseSavepointClause")


def facts_of(compiled: Any, sql: str, dialect: str) -> Facts:
    """What is executed as `sql`; `compiled` is None for plain text. Raises PolicyError if that cannot be told."""
    if compiled is None:
        return facts_of_text(sql, dialect)
    facts = compiled.__dict__.get(_FACTS)
    if facts is None:
        facts = compiled.__dict__[_FACTS] = _found(compiled, sql, dialect)
    return facts  # type: ignore[no-any-return]  # an attribute of a foreign object


def _found(compiled: Any, sql: str, dialect: str) -> Facts:
    statement = compiled.statement
    if isinstance(statement, ExecutableDDLElement):
        return _of_ddl(statement, sql, dialect)
    if type(statement).__name__ in _CONTROL or statement is None:
        return NOTHING
    notes = notes_of(compiled)
    if not isinstance(compiled, SQLCompiler) or isinstance(statement, sa.TextClause):
        return facts_of_text(sql, dialect)
    if notes is None:
        # It was compiled before notes were taken, or it names no table, as `SELECT 1` does.
        notes = Notes() if getattr(type(compiled), "frescor_takes_notes", False) else Notes(textual=True)
    state = getattr(compiled, "compile_state", None)
    final = getattr(state, "statement", None)
    facts = _from_notes(notes, statement if final is None else final, compiled)
    if notes.textual or has_own_constructs(statement):
        facts = _with_text(facts, facts_of_text(compiled.string, dialect))
    return facts


def _from_notes(notes: Notes, final: Any, compiled: Any) -> Facts:
    writes: list[Target] = []
    returning = False
    for place, noted in enumerate(notes.dml):
        outermost = place == 0 and compiled.statement.is_dml
        # As the ORM completed it; within a CTE, as it was given.
        statement = final if outermost and getattr(final, "is_dml", False) else noted
        writes += targets(statement, compiled, outermost=outermost)
        returning = returning or bool(statement._returning)
    if notes.dml:
        own = {target.table for target in writes}
        reads = tuple(dict.fromkeys(name for name in notes.tables if name not in own))
        # A table that is written to and named again is read as well.
        again = tuple(name for name in own if notes.tables.count(name) > 1)
        found: tuple[tuple[Named, ...], tuple[LookUp, ...]] = ((*reads, *again), ())
    else:
        found = split(final, compiled, notes.tables)
    return Facts(
        reads=found[0],
        lookups=found[1],
        writes=tuple(writes),
        functions=tuple(dict.fromkeys(notes.functions)),
        returning=returning,
        declared=tuple(dict.fromkeys(notes.declared)),
    )


def _of_ddl(statement: Any, sql: str, dialect: str) -> Facts:
    if isinstance(statement, sa.DDL):
        return facts_of_text(sql, dialect)
    element = getattr(statement, "element", None)
    if isinstance(element, sa.Table) and statement.__visit_name__.startswith("drop"):
        return Facts(writes=(Target((element.schema, element.name), "delete", declared=element),), changes_schema=True)
    return Facts(changes_schema=True)


def _with_text(facts: Facts, text: Facts) -> Facts:
    """Both together. What the text names is known without rows; look-ups of those tables say nothing then."""
    known = {(None if schema is None else schema.lower(), name.lower()) for schema, name in _names(facts)}
    looked_up = {lookup.table for lookup in facts.lookups}
    reads = [name for name in text.reads if (name[0] and name[0].lower(), name[1].lower()) not in known]
    writes = [
        target
        for target in text.writes
        if (target.table[0] and target.table[0].lower(), target.table[1].lower()) not in known
    ]
    return Facts(
        reads=(*facts.reads, *looked_up, *reads),
        writes=(*facts.writes, *writes),
        functions=(*facts.functions, *text.functions),
        returning=facts.returning,
        declared=facts.declared,
    )


def _names(facts: Facts) -> list[tuple[str | None, str]]:
    return [*facts.reads, *(lookup.table for lookup in facts.lookups), *(target.table for target in facts.writes)]
