"""What textual SQL reads and writes, told by sqlglot.

Every table that the text names counts, the names of its CTEs too: a name too many costs nothing. What cannot be told is
an error, which says how to declare it.
"""

import functools
import re
from typing import TYPE_CHECKING, Any

from frescor.errors import PolicyError
from frescor.sqlalchemy.facts import NOTHING, Facts, Kind, Named, Target

if TYPE_CHECKING:
    from sqlglot import exp

HOW_TO_DECLARE = (
    "Declare it: execution_options(frescor_reads=['table', …], frescor_writes=['table', …]) on the statement or the "
    "connection (an empty list for none)."
)
_FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_NAME = r'([\w."]+)'
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(?:QUERY\s+PLAN\s+|ANALY[SZ]E\s+|VERBOSE\s+|\([^)]*\)\s*)*", re.IGNORECASE)
_ROLLBACK_TO = re.compile(r"\s*ROLLBACK\s+(?:WORK\s+|TRANSACTION\s+)?TO\b", re.IGNORECASE)
_DIALECTS = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql"}
# They read and write no table's rows.
_HARMLESS = {
    "ANALYZE", "ATTACH", "BEGIN", "CHECKPOINT", "CLOSE", "COMMENT", "DEALLOCATE", "DETACH", "DISCARD", "GRANT",
    "LISTEN", "LOCK", "NOTIFY", "PRAGMA", "REINDEX", "RELEASE", "RESET", "REVOKE", "SAVEPOINT", "SET", "SHOW", "START",
    "UNLISTEN", "USE", "VACUUM",
}  # fmt: skip
_CONTROL = {"COMMIT", "END", "ABORT", "ROLLBACK"}


def first_word(sql: str) -> str:
    """The word that a statement begins with, comments aside, in capitals; nothing if there is none."""
    found = _FIRST_WORD.match(sql)
    return found.group(1).upper() if found else ""


@functools.lru_cache(maxsize=2048)
def facts_of_text(sql: str, dialect: str) -> Facts:
    """What this text does, on a database of this SQLAlchemy dialect. Raises PolicyError if that cannot be told."""
    # What is only explained counts as done: with ANALYZE it is.
    sql = _EXPLAIN.sub("", sql, count=1) if first_word(sql) == "EXPLAIN" else sql
    word = first_word(sql)
    several = ";" in sql.rstrip().rstrip(";")
    if not several:
        if word in _CONTROL and not _ROLLBACK_TO.match(sql):
            return Facts(control=word)
        if word in _HARMLESS or word in _CONTROL:
            return Facts(isolation=word in ("SET", "BEGIN", "START") and _sets_isolation(sql)) if word else NOTHING
        if word == "ALTER":
            return _altered(sql)
        if word == "REFRESH":
            return _refreshed(sql)
    found = NOTHING
    for statement in _parse(sql, dialect):
        found = _joined(found, _facts(statement, sql))
    return found


def _sets_isolation(sql: str) -> bool:
    return re.search(r"isolation|characteristics|snapshot|repeatable|serializable", sql, re.IGNORECASE) is not None


def _altered(sql: str) -> Facts:
    # Mostly beyond a parser; all that matters is the table's name.
    name = re.search(rf"\bTABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}", sql, re.IGNORECASE)
    writes = () if name is None else (Target(_named(name.group(1)), "delete"),)
    return Facts(writes=writes, changes_schema=True)


def _named(text: str) -> Named:
    schema, _, table = text.replace('"', "").rpartition(".")
    return (schema or None, table)


def _refreshed(sql: str) -> Facts:
    name = re.search(rf"\bMATERIALIZED\s+VIEW\s+(?:CONCURRENTLY\s+)?{_NAME}", sql, re.IGNORECASE)
    if name is None:
        raise _cannot_tell(sql)
    return Facts(writes=(Target(_named(name.group(1)), "update"),))


def _parse(sql: str, dialect: str) -> "list[exp.Expr]":
    try:
        import sqlglot
        from sqlglot.errors import SqlglotError
    except ImportError as error:
        raise PolicyError(
            "textual SQL is read by sqlglot, which is not installed: pip install 'frescor[sqlalchemy]'. Or declare "
            f"what the statement does. {HOW_TO_DECLARE}"
        ) from error
    try:
        found = sqlglot.parse(_with_parameters(sql), read=_DIALECTS.get(dialect, dialect))
    except (SqlglotError, ValueError, RecursionError) as error:
        raise _cannot_tell(sql) from error
    return [statement for statement in found if statement is not None]


def _with_parameters(sql: str) -> str:
    """The text with every driver's form of a parameter made one that all dialects read."""
    # What SQLAlchemy writes for a list whose length is known only when it is executed.
    sql = re.sub(r"__\[POSTCOMPILE_[^\]]*\]", "?", sql)
    return re.sub(r"%\((\w+)\)s", r":\1", sql).replace("%s", "?").replace("%%", "%")


def _facts(statement: "exp.Expr", sql: str) -> Facts:
    from sqlglot import exp

    if isinstance(statement, exp.Set | exp.Pragma | exp.Transaction | exp.Semicolon):
        return Facts(isolation=_sets_isolation(sql))
    if isinstance(statement, exp.Commit | exp.Rollback):
        return Facts(control=type(statement).__name__.upper())
    if isinstance(statement, exp.Create):
        return _created(statement)
    if isinstance(statement, exp.Drop | exp.Alter | exp.TruncateTable):
        kind: Kind = "delete"
        names = [_name(table) for table in statement.find_all(exp.Table)]
        return Facts(writes=tuple(Target(name, kind) for name in names), changes_schema=True)
    query = isinstance(statement, exp.Query | exp.DML | exp.Merge | exp.Values)
    if not query and not isinstance(statement, exp.Insert | exp.Update | exp.Delete | exp.Copy):
        raise _cannot_tell(sql)
    writes = [target for node in statement.walk() for target in _targets(node)]
    reads = [_name(table) for table in statement.find_all(exp.Table) if table.name]
    functions = [_called(node) for node in statement.find_all(exp.Func)]
    return Facts(
        reads=tuple(dict.fromkeys(reads)),
        writes=tuple(dict.fromkeys(writes)),
        functions=tuple(dict.fromkeys(name for name in functions if name)),
    )


def _created(statement: "exp.Create") -> Facts:
    from sqlglot import exp

    # CREATE OR REPLACE VIEW changes what its readers see; a new table has had none.
    if statement.kind == "TABLE":
        return Facts(changes_schema=True)
    target = statement.this.find(exp.Table) if statement.this is not None else None
    writes = (Target(_name(target), "update"),) if statement.kind == "VIEW" and target is not None else ()
    return Facts(writes=writes, changes_schema=True)


def _targets(node: Any) -> list[Target]:
    from sqlglot import exp

    kind: Kind
    if isinstance(node, exp.Insert):
        replaces = node.args.get("conflict") or node.args.get("alternative") or node.args.get("overwrite")
        # In these words it may delete another row; see `frescor.sqlalchemy.writes`.
        kind = "delete" if replaces else "insert"
    elif isinstance(node, exp.Update):
        kind = "update"
    elif isinstance(node, exp.Delete | exp.Merge):
        kind = "delete"
    elif isinstance(node, exp.Copy):
        kind = "insert"
    else:
        return []
    named = [node.this, *(node.args.get("tables") or [])]
    found = [table for part in named if part is not None for table in part.find_all(exp.Table)]
    return [Target(_name(table), kind) for table in found]


def _called(node: Any) -> str:
    from sqlglot import exp

    return str(node.name).lower() if isinstance(node, exp.Anonymous) else ""


def _name(table: Any) -> Named:
    return (table.db or None, table.name)


def _joined(one: Facts, other: Facts) -> Facts:
    return Facts(
        reads=(*one.reads, *other.reads),
        writes=(*one.writes, *other.writes),
        functions=(*one.functions, *other.functions),
        control=one.control or other.control,
        changes_schema=one.changes_schema or other.changes_schema,
        isolation=one.isolation or other.isolation,
    )


def _cannot_tell(sql: str) -> PolicyError:
    shown = " ".join(sql.split())
    shown = f"{shown[:80]}…" if len(shown) > 80 else shown
    return PolicyError(f"what this SQL reads and writes cannot be told: {shown!r}. {HOW_TO_DECLARE}")
