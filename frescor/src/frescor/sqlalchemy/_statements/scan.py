"""Names found in SQL without its grammar: by the words before them, or by counting every word that may be a name.

Used for statements about the schema, whose grammar is large but which name their subject in a fixed place; for the
bodies of routines and triggers; and for queries that the parser cannot read. There every possible name counts as read,
and the database's catalogue tells which of them are tables.
"""

from collections.abc import Iterable
from itertools import pairwise

from frescor.sqlalchemy._statements.facts import Kind, Named, Target
from frescor.sqlalchemy._statements.lexer import Token, Tokens, content_of

# Words between the word that announces a table and its name.
_FILLERS = frozenset(
    {"ONLY", "TABLE", "IF", "NOT", "EXISTS", "LOW_PRIORITY", "QUICK", "IGNORE", "DELAYED", "CONCURRENTLY"}
)
# Words after UPDATE where it is not a statement: ON UPDATE CASCADE, FOR UPDATE OF, DO UPDATE SET, …
_NO_TARGET = frozenset(
    {
        "SET",
        "OF",
        "NOWAIT",
        "SKIP",
        "CASCADE",
        "RESTRICT",
        "NO",
        "ON",
        "OR",
        "THEN",
        "AND",
        "AS",
        "TO",
        "WHERE",
        "LIMIT",
    }
)


def name_at(tokens: Tokens, place: int) -> tuple[Named | None, int]:
    """The name that begins here, with its schema, and the position after it; None if there is no name."""
    parts = []
    end = place
    while end < len(tokens) and (text := _name(tokens[end])) is not None:
        parts.append(text)
        end += 1
        if end >= len(tokens) or tokens[end].text != ".":
            break
        end += 1
    if not parts:
        return None, place
    return (parts[-2] if len(parts) > 1 else None, parts[-1]), end


def names_in_list(tokens: Tokens, place: int) -> list[Named]:
    """The names in a list that begins here, separated by commas, without `ONLY` and `*`."""
    found: list[Named] = []
    while True:
        place = skip(tokens, place, ("ONLY", "TABLE", "("))
        name, place = name_at(tokens, place)
        if name is None:
            return found
        found.append(name)
        place = skip(tokens, place, ("*", ")"))
        if place >= len(tokens) or tokens[place].text != ",":
            return found
        place += 1


def skip(tokens: Tokens, place: int, words: Iterable[str]) -> int:
    """The first position from here on that has none of these words."""
    while place < len(tokens) and tokens[place].keyword in words:
        place += 1
    return place


def every_name(tokens: Tokens) -> tuple[Named, ...]:
    """Everything that may be the name of a table: each name by itself, and each pair around a dot."""
    found: dict[Named, None] = {}
    for place, token in enumerate(tokens):
        text = _name(token)
        if text is None:
            continue
        behind_dot = place > 1 and tokens[place - 1].text == "."
        before = _name(tokens[place - 2]) if behind_dot else None
        found[(before, text)] = None
    return tuple(found)


def called(tokens: Tokens) -> tuple[str, ...]:
    """The names, in lower case, of everything that may be a function call."""
    found: dict[str, None] = {}
    for token, following in pairwise(tokens):
        if token.is_name and following.text == "(":
            found[token.text.lower()] = None
        elif token.text == "." and following.is_name:
            # PostgreSQL also calls `f(row)` when it reads `row.f`.
            found[following.text.lower()] = None
    return tuple(found)


def written(tokens: Tokens) -> tuple[Target, ...]:
    """The tables that statements among these tokens write to."""
    found: dict[Target, None] = {}
    for place, token in enumerate(tokens):
        kinds = _kinds(tokens, place, token.keyword)
        if not kinds:
            continue
        # `UPDATE OR IGNORE t`
        behind = place + 3 if place + 1 < len(tokens) and tokens[place + 1].keyword == "OR" else place + 1
        start = skip(tokens, behind, _FILLERS)
        names = names_in_list(tokens, start) if token.keyword == "TRUNCATE" else [name_at(tokens, start)[0]]
        for name in names:
            if name is not None and name[1].upper() not in _NO_TARGET:
                found.update(dict.fromkeys(Target(name, kind) for kind in kinds))
    return tuple(found)


def _kinds(tokens: Tokens, place: int, word: str) -> tuple[Kind, ...]:
    before = tokens[place - 1].keyword if place else ""
    if word == "INTO":
        if before == "MERGE":
            return ("insert", "update", "delete")
        return (
            ("insert", "update", "delete")
            if before in ("INSERT", "REPLACE", "IGNORE", "ROLLBACK", "ABORT", "FAIL")
            else ()
        )
    if word == "UPDATE":
        return ("update", "delete") if before not in ("FOR", "KEY") else ()
    if word == "FROM" and before in ("DELETE", "QUICK", "IGNORE"):
        return ("delete",)
    if word == "TRUNCATE":
        return ("truncate",)
    if word == "COPY":
        return ("insert",)
    if word == "VIEW" and any(token.keyword == "REFRESH" for token in tokens[max(place - 2, 0) : place]):
        return ("update",)
    if word == "TABLE" and before in ("DROP", "ALTER"):
        return ("delete",)
    return ()


def _name(token: Token) -> str | None:
    if token.is_name:
        return token.text
    # SQLite takes a string as a name where only a name is possible, and MySQL can be configured to do so with "…".
    return content_of(token.text) if token.sort == "string" and token.text[:1] in "'\"" else None
