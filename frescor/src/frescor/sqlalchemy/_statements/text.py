"""What textual SQL reads and writes: sqlglot parses queries; other statements are recognised by their first words.

Every table that the text names counts, including the names of CTEs: a name too many costs nothing. In a query that
sqlglot cannot read, every name counts that belongs to a table. What cannot be determined is reported as unknown, with a
sentence that says how to declare it.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from frescor.errors import PolicyError
from frescor.sqlalchemy._statements.facts import NOTHING, Facts, Kind, Named, Target
from frescor.sqlalchemy._statements.lexer import Token, Tokens, content_of, statements_of, tokens_of
from frescor.sqlalchemy._statements.scan import called, every_name, skip, written
from frescor.sqlalchemy._statements.text_conditions import bound_places, bound_target, name_of
from frescor.sqlalchemy._statements.text_values import ParameterNamed, Values, of_driver
from frescor.sqlalchemy._statements.utility import facts_of_utility

if TYPE_CHECKING:
    from sqlglot import exp

HOW_TO_DECLARE = (
    "Declare it: execution_options(frescor_reads=['table', …], frescor_writes=['table', …]) on the statement or the "
    "connection (an empty list for none)."
)
_DIALECTS = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql"}
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "FROM"})
_WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})
_WITH_SLICES = ("postgresql", "sqlite")
# The function that does what SET does.
_SETS = "set_config"
# After these words SQLite takes a string as a name.
_BEFORE_NAME = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE"})


@functools.lru_cache(maxsize=2048)
def facts_of_text(sql: str, dialect: str) -> Facts:
    """What this text does, on a database of this SQLAlchemy dialect; `unknown` is set if that cannot be determined.

    Raises PolicyError only if sqlglot is not installed.
    """
    return facts_of_clause(sql, dialect, of_driver)


def facts_of_clause(sql: str, dialect: str, named: ParameterNamed) -> Facts:
    """As `facts_of_text`, of a text whose parameters have other names than the driver's."""
    statements = statements_of(tokens_of(sql, dialect))
    if len(statements) == 1:
        return _facts(statements[0], sql, dialect, named)
    found = NOTHING
    for statement in statements:
        found = joined(found, _facts(statement, sql, dialect, named))
    return found


def _facts(tokens: Tokens, sql: str, dialect: str, named: ParameterNamed) -> Facts:
    tokens = _without_explain(tokens)
    start = skip(tokens, 0, ("(",))
    word = tokens[start].keyword if start < len(tokens) else ""
    if word in _QUERIES:
        return _queried(tokens, sql, dialect, named)
    found = facts_of_utility(tokens, sql, dialect, lambda inner: _facts(inner, sql, dialect, named)) if word else None
    return unknown(sql) if found is None else found


def _without_explain(tokens: Tokens) -> Tokens:
    # EXPLAIN counts as running the statement, because EXPLAIN ANALYZE does run it.
    if not tokens or tokens[0].keyword not in ("EXPLAIN", "DESCRIBE", "DESC"):
        return tokens
    place = 1
    while place < len(tokens):
        word = tokens[place].keyword
        if word in (
            "QUERY",
            "PLAN",
            "ANALYZE",
            "ANALYSE",
            "VERBOSE",
            "EXTENDED",
            "PARTITIONS",
            "FORMAT",
            "=",
            "TRADITIONAL",
            "JSON",
            "TREE",
        ):
            place += 1
        elif word == "(" and tokens[place + 1].keyword not in (*_QUERIES, "("):
            while place < len(tokens) and tokens[place].text != ")":
                place += 1
            place += 1
        else:
            break
    beginning = tokens[place].keyword if place < len(tokens) else ""
    # `DESCRIBE t` of MySQL
    return tokens[place:] if tokens[0].keyword == "EXPLAIN" or beginning in _QUERIES else tokens


def _queried(tokens: Tokens, sql: str, dialect: str, named: ParameterNamed) -> Facts:
    functions = called(tokens)
    path = _SETS in functions
    word = tokens[skip(tokens, 0, ("(",))].keyword
    plain = _without_alternative(tokens) if word == "UPDATE" and dialect == "sqlite" else tokens
    may_delete, tokens = word == "REPLACE" or plain is not tokens, plain
    values = Values(dialect, named)
    statements = _parse(_readable(tokens, sql, values), dialect)
    if statements is None:
        found = written(tokens)
        if not found and word in _WRITING:
            return unknown(sql)
        return Facts(writes=found, loose=every_name(tokens), functions=functions, changes_path=path, returning=True)
    writes = [target for statement in statements for node in statement.walk() for target in _targets(node, dialect)]
    if may_delete:
        writes += [Target(target.table, "delete") for target in writes]
    reads = [name for statement in statements for name in _tables(statement)]
    facts = Facts(
        reads=tuple(dict.fromkeys(reads)),
        writes=tuple(dict.fromkeys(writes)),
        functions=functions,
        changes_path=path,
    )
    # Not of EXPLAIN, which shows more than the rows that are bound: a plan's figures of the others, too.
    begins = tokens[0] is tokens_of(sql, dialect)[0]
    if dialect not in _WITH_SLICES or not begins or len(statements) != 1:
        return facts
    return _with_bindings(facts, statements[0], sql[tokens[-1].end :], values)


def _with_bindings(facts: Facts, root: "exp.Expr", end: str, values: Values) -> Facts:
    """With what the statement says of columns. end: what is left of the text behind it."""
    if facts.writes:
        target = bound_target(root, facts.writes[0], values) if len(facts.writes) == 1 else facts.writes[0]
        # A comment that is not closed would hold what is put behind it.
        writes = (replace(target, returns=target.returns and not end.strip()), *facts.writes[1:])
        return replace(facts, writes=writes, literals=values.literals, lists=values.lists)
    return replace(facts, places=bound_places(root, values), literals=values.literals, lists=values.lists)


def _without_alternative(tokens: Tokens) -> Tokens:
    """`UPDATE OR IGNORE t` as `UPDATE t`."""
    place = skip(tokens, 0, ("(",)) + 1
    return (*tokens[:place], *tokens[place + 2 :]) if tokens[place].keyword == "OR" else tokens


def _parse(text: str, dialect: str) -> "list[exp.Expr] | None":
    """The statements in a text; None if sqlglot cannot read it or does not recognise it."""
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
    except ImportError as error:
        raise PolicyError(
            "textual SQL is parsed by sqlglot, which is not installed: pip install 'frescor[sqlalchemy]'. Or declare "
            f"what the statement does. {HOW_TO_DECLARE}"
        ) from error
    try:
        found = [part for part in sqlglot.parse(text, read=_DIALECTS.get(dialect, dialect)) if part is not None]
    # For some texts it raises other errors than its own.
    except (SqlglotError, ValueError, RecursionError, TypeError, AttributeError, IndexError, KeyError):
        return None
    known = (exp.Query, exp.DML, exp.Merge, exp.Values, exp.Insert, exp.Update, exp.Delete)
    return found if all(isinstance(statement, known) for statement in found) else None


def _readable(tokens: Tokens, sql: str, values: Values) -> str:
    """The text in forms that sqlglot knows, without comments."""
    parts = []
    end = tokens[0].start
    for place, token in enumerate(tokens):
        parts.append(" " if token.start > end else "")
        parts.append(_written_out(token, tokens[place - 1].keyword if place else "", sql, values))
        end = token.end
    return "".join(parts)


def _written_out(token: Token, before: str, sql: str, values: Values) -> str:
    if token.sort == "parameter":
        return values.parameter(token)
    if token.sort == "number":
        return values.number(token)
    text = sql[token.start : token.end]
    if token.sort == "string":
        if values.dialect == "sqlite" and before in _BEFORE_NAME:
            return '"' + content_of(text).replace('"', '""') + '"'
        return values.string(token)
    if token.sort == "name" and text[:2] in ("U&", "u&"):
        return '"' + token.text.replace('"', '""') + '"'
    if token.keyword == "REPLACE" and not before:
        return "INSERT"
    return text


def _tables(statement: "exp.Expr") -> Iterator[Named]:
    from sqlglot import exp

    for table in statement.find_all(exp.Table):
        if table.name:
            yield name_of(table)


def _targets(node: Any, dialect: str) -> list[Target]:
    from sqlglot import exp

    kinds: tuple[Kind, ...]
    if isinstance(node, exp.Insert):
        kinds = _kinds_of_insert(node)
    elif isinstance(node, exp.Update):
        kinds = ("update",)
    elif isinstance(node, exp.Delete):
        kinds = ("delete",)
    elif isinstance(node, exp.Merge):
        kinds = ("insert", "update", "delete")
    elif isinstance(node, exp.Into):
        kinds = ("insert",)
    else:
        return []
    named = [node.this, *(node.args.get("tables") or [])]
    if dialect not in ("postgresql", "sqlite") and isinstance(node, exp.Update | exp.Delete):
        # An UPDATE or DELETE of several tables names them by their aliases, and in its joins.
        named = [node]
    found = [table for part in named if part is not None for table in part.find_all(exp.Table)]
    return [Target(name_of(table), kind) for table in found for kind in kinds]


def _kinds_of_insert(node: Any) -> tuple[Kind, ...]:
    conflict = node.args.get("conflict")
    if node.args.get("alternative") or node.args.get("overwrite"):
        # With these words it may delete another row; see `sqlalchemy._statements.writes`.
        return ("insert", "delete")
    if conflict is None:
        return ("insert",)
    return ("insert", "update")


def joined(one: Facts, other: Facts) -> Facts:
    """The union of what both do."""
    return Facts(
        reads=(*one.reads, *other.reads),
        lookups=(*one.lookups, *other.lookups),
        writes=(*one.writes, *other.writes),
        functions=(*one.functions, *other.functions),
        loose=(*one.loose, *other.loose),
        procedures=(*one.procedures, *other.procedures),
        control=one.control or other.control,
        changes_schema=one.changes_schema or other.changes_schema,
        isolation=one.isolation or other.isolation,
        returning=one.returning or other.returning,
        everything=one.everything or other.everything,
        unknown=one.unknown or other.unknown,
        commits=one.commits or other.commits,
        changes_path=one.changes_path or other.changes_path,
        declared=(*one.declared, *other.declared),
    )


def unknown(sql: str) -> Facts:
    """The facts of a statement that cannot be understood."""
    shown = " ".join(sql.split())
    shown = f"{shown[:80]}…" if len(shown) > 80 else shown
    said = f"what this SQL reads and writes cannot be determined: {shown!r}. {HOW_TO_DECLARE}"
    return Facts(unknown=said, everything=True, changes_schema=True, isolation=True, changes_path=True)
