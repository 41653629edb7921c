"""What statements about the schema, the session and the transaction do: all statements that are not queries.

Most of them read and write no rows. Changing an existing table, or what reading it shows, counts as a write to it. A
statement that affects more than its text names (a type, a function, a whole schema) counts as a write to everything. So
does an unrecognised statement, which is also logged.
"""

import re
from collections.abc import Callable, Sequence

from frescor.sqlalchemy._statements.facts import NOTHING, Facts, Kind, Named, Target
from frescor.sqlalchemy._statements.lexer import Tokens, content_of, text_of, tokens_of
from frescor.sqlalchemy._statements.scan import called, every_name, name_at, names_in_list, skip, written

Query = Callable[[Tokens], Facts]

_SCHEMA = Facts(changes_schema=True)
_EVERYTHING = Facts(changes_schema=True, everything=True)
# These read and write no rows.
_HARMLESS = frozenset({
    "ANALYSE", "ANALYZE", "BACKUP", "BEGIN", "BINLOG", "CACHE", "CHECK", "CHECKPOINT", "CHECKSUM", "CLOSE", "CLUSTER",
    "COMMENT", "DEALLOCATE", "DESC", "DESCRIBE", "FETCH", "FLUSH", "GRANT", "KILL", "LISTEN", "LOAD", "LOCK", "MOVE",
    "NOTIFY", "OPTIMIZE", "PREPARE", "PURGE", "REASSIGN", "REINDEX", "RELEASE", "REPAIR", "REVOKE", "SAVEPOINT",
    "SECURITY", "SHOW", "START", "UNLISTEN", "UNLOCK", "VACUUM",
})  # fmt: skip
# MySQL commits the open transaction before these, as before changes of the schema.
_COMMITS = frozenset({
    "ANALYZE", "BEGIN", "CACHE", "CHECK", "FLUSH", "GRANT", "LOAD", "LOCK", "OPTIMIZE", "REPAIR", "RESET", "REVOKE",
    "START", "UNLOCK",
})  # fmt: skip
_CONTROL = frozenset({"COMMIT", "END", "ABORT", "ROLLBACK", "XA"})
_ISOLATION = re.compile(r"isolation|characteristics|snapshot|repeatable|serializable|autocommit", re.IGNORECASE)
_PATHS = re.compile(r"search_path|\brole\b|\bauthorization\b|\bschema\b", re.IGNORECASE)
# Words that may come between CREATE, ALTER or DROP and the kind of object.
_BETWEEN = frozenset({
    "OR", "REPLACE", "GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "RECURSIVE", "UNIQUE", "CONSTRAINT",
    "TRUSTED", "PROCEDURAL", "DEFAULT", "FULLTEXT", "SPATIAL", "DEFINER", "ALGORITHM", "FORCE", "EDITIONABLE",
    "CLUSTERED", "OFFLINE", "ONLINE", "IGNORE", "VIRTUAL", "FOREIGN", "MATERIALIZED", "EVENT", "ACCESS", "TEXT",
    "USER", "LARGE", "DATA", "SQL", "SECURITY", "INVOKER", "UNDEFINED", "MERGE", "TEMPTABLE",
})  # fmt: skip
_TABLES = frozenset({"TABLE", "VIEW", "SEQUENCE"})
# Creating one of these changes nothing that existed; altering or dropping one changes nothing that a query shows,
# except for those listed below.
_APART = frozenset({
    "AGGREGATE", "CAST", "COLLATION", "CONVERSION", "DATABASE", "DOMAIN", "EVENT", "EXTENSION", "GROUP", "INDEX",
    "LANGUAGE", "LOGFILE", "MAPPING", "METHOD", "OBJECT", "OPERATOR", "PRIVILEGES", "PUBLICATION", "ROLE", "SCHEMA",
    "SEARCH", "SERVER", "STATISTICS", "SUBSCRIPTION", "SYSTEM", "TABLESPACE", "TRANSFORM", "TRIGGER", "TYPE", "USER",
    "WRAPPER",
})  # fmt: skip
_ROUTINES = frozenset({"FUNCTION", "PROCEDURE", "ROUTINE", "PACKAGE", "AGGREGATE", "OPERATOR", "CAST"})
_CHANGED_BY_ALTER = frozenset({"DOMAIN", "SCHEMA", "TYPE", "EXTENSION", "COLLATION"})
# In MySQL a database is a schema.
_LOST_BY_DROP = _CHANGED_BY_ALTER | {
    "DATABASE",
    "OWNED",
    "LANGUAGE",
    "SERVER",
    "WRAPPER",
    "METHOD",
    "SEARCH",
    "TRANSFORM",
}
# PRAGMAs that read the schema or the file's header, which no table holds.
_TOLD_BY_PRAGMA = frozenset({
    "application_id", "foreign_key_list", "index_info", "index_list", "index_xinfo", "schema_version", "table_info",
    "table_list", "table_xinfo", "user_version",
})  # fmt: skip
_BEGIN_QUERY = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "EXECUTE"})
_LANGUAGES = frozenset({"PLPGSQL", "SQL"})


def facts_of_utility(tokens: Tokens, sql: str, dialect: str, query: Query) -> Facts | None:
    """What a statement that is not a query does; `query` analyses a query within it. None if it is not recognised."""
    word = tokens[0].keyword
    if word in ("CREATE", "ALTER", "DROP"):
        place, about = _about(tokens)
        return {"CREATE": _created, "ALTER": _altered, "DROP": _dropped}[word](tokens, place, about, query)
    text = text_of(tokens, sql)
    if word in _CONTROL or (word == "PREPARE" and _word(tokens, 1) == "TRANSACTION"):
        return _ended(tokens, word)
    if word in ("SET", "RESET", "DISCARD", "USE"):
        return Facts(
            isolation=_ISOLATION.search(text) is not None,
            changes_path=word != "SET" or _PATHS.search(text) is not None,
            commits="autocommit" in text.lower() or word in _COMMITS,
        )
    if word == "LOAD" and "INTO" in (words := [token.keyword for token in tokens]):
        name, _ = name_at(tokens, skip(tokens, words.index("INTO") + 1, ("TABLE",)))
        return _writes([name], "insert", "delete")
    if word in _HARMLESS:
        isolation = word in ("BEGIN", "START") and _ISOLATION.search(text) is not None
        return Facts(isolation=isolation, commits=word in _COMMITS)
    return _others(tokens, word, dialect, query)


def _others(tokens: Tokens, word: str, dialect: str, query: Query) -> Facts | None:
    if word in ("ATTACH", "DETACH", "IMPORT", "INSTALL", "UNINSTALL"):
        return _SCHEMA
    if word == "PRAGMA":
        name, _ = name_at(tokens, 1)
        told = name is not None and name[1].lower() in _TOLD_BY_PRAGMA
        return Facts(reads=((None, f"pragma_{name[1].lower()}"),)) if name is not None and told else NOTHING
    if word == "TRUNCATE":
        # The tables that refer to it are in the list, or are truncated with it.
        return Facts(writes=_writes(names_in_list(tokens, 1), "truncate").writes, commits=True)
    if word == "REFRESH":
        name, _ = name_at(tokens, skip(tokens, 1, ("MATERIALIZED", "VIEW", "CONCURRENTLY")))
        return _writes([name], "update")
    if word == "RENAME":
        names = [name_at(tokens, place + 1)[0] for place in _places(tokens, ("TABLE", "TABLES", "TO", ","))]
        return Facts(writes=_writes(names, "schema").writes, changes_schema=True)
    if word == "COPY":
        return _copied(tokens, query)
    if word == "DECLARE":
        places = _places(tokens, ("FOR",))
        return query(tokens[places[0] + 1 :]) if places else None
    if word == "CALL":
        name, _ = name_at(tokens, 1)
        return None if name is None else Facts(procedures=(name[1].lower(),), functions=called(tokens))
    if word == "DO":
        return _done(tokens, dialect)
    return None


def _about(tokens: Tokens) -> tuple[int, str]:
    """The kind of object that the statement is about, and the position after that word."""
    place = 1
    while place < len(tokens) and (tokens[place].keyword in _BETWEEN or not tokens[place].is_name):
        # `DEFINER = someone@somewhere`
        place += 4 if tokens[place].keyword == "DEFINER" and _word(tokens, place + 3) == "@" else 0
        place += 2 if tokens[place].keyword in ("ALGORITHM", "DEFINER") and _word(tokens, place + 1) == "=" else 0
        place += 1
    about = _word(tokens, place)
    before = _word(tokens, place - 1)
    if before in ("EVENT", "USER") and about != "TRIGGER" and about not in ("MAPPING", "TABLE"):
        return place, before
    return place + 1, about


def _created(tokens: Tokens, place: int, about: str, query: Query) -> Facts | None:
    place = skip(tokens, place, ("IF", "NOT", "EXISTS", "CONCURRENTLY"))
    if about in _TABLES:
        name, place = name_at(tokens, place)
        found = _changes([name])
        inner = _behind_as(tokens, place) if about == "TABLE" or "MATERIALIZED" in _words(tokens[:place]) else ()
        if not inner:
            return found
        read = query(inner)
        return Facts(
            reads=read.reads, writes=(*found.writes, *read.writes), functions=read.functions, changes_schema=True,
            loose=read.loose, unknown=read.unknown, everything=read.everything,
        )  # fmt: skip
    if about == "POLICY":
        return _changes(_subjects(tokens, ("ON",)))
    if about in _ROUTINES or about in ("TRIGGER", "RULE"):
        # A new function may be called in place of another one; and writers that run now do not know of a new trigger
        # yet.
        return _EVERYTHING
    return _SCHEMA if about in _APART else None


def _altered(tokens: Tokens, place: int, about: str, _query: Query) -> Facts | None:
    place = skip(tokens, place, ("IF", "EXISTS", "ONLY"))
    if about in _TABLES:
        if tokens[place : place + 1] and tokens[place].keyword == "ALL" and _word(tokens, place + 1) == "IN":
            return _SCHEMA
        name, _ = name_at(tokens, place)
        if name is None:
            return None
        return _changes([name, *_renamed(tokens, name)])
    if about == "POLICY":
        return _changes(_subjects(tokens, ("ON",)))
    if about in _CHANGED_BY_ALTER or about in _ROUTINES:
        return _EVERYTHING
    return _SCHEMA if about in _APART or about == "RULE" else None


def _dropped(tokens: Tokens, place: int, about: str, _query: Query) -> Facts | None:
    place = skip(tokens, place, ("IF", "EXISTS", "CONCURRENTLY"))
    if about in _TABLES or about == "TABLES":
        return Facts(writes=_writes(names_in_list(tokens, place), "delete").writes, changes_schema=True)
    if about in ("POLICY", "RULE"):
        return _changes(_subjects(tokens, ("ON",)))
    if about in _LOST_BY_DROP or about in _ROUTINES:
        return _EVERYTHING
    return _SCHEMA if about in _APART else None


def _renamed(tokens: Tokens, name: Named) -> list[Named | None]:
    """The other tables that ALTER TABLE names: a new name, or tables that become or cease to be parts of it."""
    found: list[Named | None] = []
    for place in _places(tokens, ("TO", "SCHEMA", "PARTITION", "INHERIT", "TABLE")):
        before, (after, _) = _word(tokens, place - 1), name_at(tokens, place + 1)
        if after is None or place < 2:
            continue
        word = tokens[place].keyword
        if word == "TO" and before == "RENAME":
            found.append(after if after[0] is not None else (name[0], after[1]))
        elif word == "SCHEMA" and before == "SET":
            found.append((after[1], name[1]))
        elif word == "INHERIT" or (word == "PARTITION" and before in ("ATTACH", "DETACH")) or before == "WITH":
            found.append(after)
    return found


def _copied(tokens: Tokens, query: Query) -> Facts | None:
    place = skip(tokens, 1, ("BINARY",))
    if _word(tokens, place) == "(":
        depth = 0
        for end in range(place, len(tokens)):
            depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
            if depth == 0:
                return query(tokens[place + 1 : end])
        return None
    name, place = name_at(tokens, place)
    if name is None:
        return None
    from_here = "FROM" in _words(tokens[place:])
    return _writes([name], "insert") if from_here else Facts(reads=(name,))


def _done(tokens: Tokens, dialect: str) -> Facts | None:
    words = _words(tokens)
    language = _word(tokens, words.index("LANGUAGE") + 1) if "LANGUAGE" in words else "PLPGSQL"
    bodies = [content_of(token.text) for token in tokens if token.sort == "string"]
    if not bodies or language not in _LANGUAGES or dialect != "postgresql":
        return None
    return facts_of_body(bodies[0], dialect)


def facts_of_body(body: str, dialect: str) -> Facts | None:
    """What a routine's body reads and writes; None if it builds statements while it runs."""
    tokens = tokens_of(body, dialect)
    words = _words(tokens)
    if {"EXECUTE", "CALL", "PREPARE"} & set(words):
        return None
    changes = {"ALTER", "DROP"} & set(words)
    targets = written(tokens)
    return Facts(
        writes=targets, loose=every_name(tokens), functions=called(tokens), changes_schema=bool(changes),
        everything=bool(changes),
    )  # fmt: skip


def _ended(tokens: Tokens, word: str) -> Facts:
    words = _words(tokens)
    if word == "ROLLBACK" and "TO" in words:
        return NOTHING
    return Facts(control=" ".join(words[:2]) if words[1:2] in (["PREPARED"], ["TRANSACTION"]) else word)


def _subjects(tokens: Tokens, before: Sequence[str]) -> list[Named | None]:
    places = _places(tokens, before)
    # `CREATE RULE r AS ON INSERT TO t`, `CREATE POLICY p ON t`
    return [name_at(tokens, places[0] + 1)[0]] if places else []


def _behind_as(tokens: Tokens, place: int) -> Tokens:
    """The query that fills a new table; MySQL allows leaving out the AS."""
    depth = 0
    for here in range(place, len(tokens)):
        word = tokens[here].keyword
        depth += {"(": 1, ")": -1}.get(word, 0)
        before = here - 1
        while before > place and tokens[before].text == "(":
            before -= 1
        behind_as = tokens[before].keyword == "AS" and depth <= here - 1 - before
        if (behind_as and word in _BEGIN_QUERY) or (depth == 0 and word == "SELECT"):
            return tokens[before + 1 :]
    return ()


def _changes(names: Sequence[Named | None]) -> Facts:
    return Facts(writes=_writes(names, "schema").writes, changes_schema=True)


def _writes(names: Sequence[Named | None], *kinds: Kind) -> Facts:
    return Facts(writes=tuple(Target(name, kind) for name in names if name is not None for kind in kinds))


def _places(tokens: Tokens, words: Sequence[str]) -> list[int]:
    return [place for place, token in enumerate(tokens) if token.keyword in words]


def _words(tokens: Tokens) -> list[str]:
    return [token.keyword for token in tokens]


def _word(tokens: Tokens, place: int) -> str:
    return tokens[place].keyword if 0 <= place < len(tokens) else ""
