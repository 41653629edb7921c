"""SQLite's catalogue: the text of its schema, which names everything."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from frescor.sqlalchemy._catalog.description import TABLE, VIEW, Body, Description, Reference, Trigger, View
from frescor.sqlalchemy._statements.facts import Kind
from frescor.sqlalchemy._statements.lexer import Tokens, content_of, text_of, tokens_of
from frescor.sqlalchemy._statements.tags import TableName, table_name
from frescor.sqlalchemy._statements.text import facts_of_text
from frescor.sqlalchemy._statements.utility import facts_of_body

_OWN = "frescor_outbox"
_KINDS: dict[str, Kind] = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}


def describe_sqlite(cursor: Any) -> Description:
    """The description, queried on the driver's cursor, whose errors this raises."""
    reading = _SchemaReader()
    schemas = [str(row[1]) for row in _rows(cursor, "PRAGMA database_list")]
    for schema in schemas:
        master = "sqlite_temp_master" if schema == "temp" else f"{_quoted(schema)}.sqlite_master"
        found = _rows(cursor, f"SELECT type, name, tbl_name, sql FROM {master} WHERE sql IS NOT NULL")  # noqa: S608
        for kind, name, table, sql in found:
            reading.take(schema, str(kind), str(name), str(table), str(sql))
        of_schema = schema.replace("'", "''")
        keys = _rows(
            cursor,
            'SELECT m.name, f.id, f."table", f."from", f."to", f.on_delete, f.on_update '  # noqa: S608  # quoted
            f"FROM {master} AS m, pragma_foreign_key_list(m.name, '{of_schema}') AS f WHERE m.type = 'table'",
        )
        reading.take_keys(schema, keys)
    path = dict.fromkeys(_schema(schema) for schema in schemas)
    return reading.description(tuple(path))


def files_of_sqlite(cursor: Any) -> tuple[str, ...]:
    """The databases that a connection has attached, its own first, without the temporary one."""
    return tuple(str(row[1]) for row in _rows(cursor, "PRAGMA database_list") if row[1] != "temp")


def mark_of_sqlite(cursor: Any, files: Sequence[str]) -> object:
    """A value that differs once one of these databases has another schema, as the connection's snapshot sees it."""
    return [_rows(cursor, f"PRAGMA {_quoted(file)}.schema_version")[0][0] for file in files]


def _rows(cursor: Any, sql: str) -> list[Any]:
    cursor.execute(sql)
    return list(cursor.fetchall())


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _schema(schema: str) -> str | None:
    # A temporary table hides another of the same name: both count as one.
    return None if schema in ("main", "temp") else schema.lower()


class _SchemaReader:
    def __init__(self) -> None:
        self.relations: dict[TableName, str] = {}
        self.views: dict[TableName, View] = {}
        self.policies: dict[TableName, View] = {}
        self.triggers: dict[TableName, list[Trigger]] = {}
        self.replaces: set[TableName] = set()
        self.references: set[tuple[TableName, Reference]] = set()
        self.alters: set[TableName] = set()
        self.virtual: dict[TableName, Tokens] = {}

    def take(self, schema: str, kind: str, name: str, table: str, sql: str) -> None:
        own = table_name(_schema(schema), name)
        tokens = tokens_of(sql, "sqlite")
        if kind == "view":
            self.relations[own] = VIEW
            self.views[own] = View(body=Body(own[0], facts_of_text(text_of(_behind(tokens, "AS"), sql), "sqlite")))
        elif kind == "table":
            self.relations[own] = TABLE
            words = [token.keyword for token in tokens]
            if ("CONFLICT", "REPLACE") in pairwise(words):
                self.replaces.add(own)
            if ("AS", "(") in pairwise(token.keyword or token.text for token in tokens):
                # A generated column; the words GENERATED ALWAYS are optional.
                self.alters.add(own)
            if words[1:2] == ["VIRTUAL"]:
                self.virtual[own] = tokens
        elif kind == "trigger" and not name.startswith(_OWN):
            trigger = _trigger(name, own[0], tokens, sql)
            self.triggers.setdefault(table_name(_schema(schema), table), []).append(trigger)

    def take_keys(self, schema: str, rows: list[Any]) -> None:
        found: dict[tuple[str, int], list[Any]] = {}
        for row in rows:
            found.setdefault((str(row[0]), row[1]), []).append(row)
        for (table, _), parts in found.items():
            columns = frozenset(str(part[3]).lower() for part in parts)
            # No columns are named: it refers to the primary key.
            referred = frozenset(str(part[4]).lower() for part in parts if part[4] is not None)
            of_this = Reference(
                table_name(_schema(schema), table),
                columns,
                referred,
                str(parts[0][5]).upper(),
                str(parts[0][6]).upper(),
            )
            self.references.add((table_name(_schema(schema), str(parts[0][2])), of_this))

    def description(self, path: tuple[str | None, ...]) -> Description:
        parts = {}
        for name, tokens in self.virtual.items():
            shadows = {other for other in self.relations if other[0] == name[0] and other[1].startswith(f"{name[1]}_")}
            parts[name] = frozenset(shadows)
            named = {(name[0], text.lower()) for token in tokens[3:] if (text := _text(token)) is not None}
            # A full-text index on another table's rows shows those rows.
            self.policies[name] = View(tables=frozenset((named & self.relations.keys()) - {name}))
        return Description(
            path=path,
            relations=self.relations,
            views=self.views,
            policies=self.policies,
            references=frozenset(self.references),
            triggers={table: tuple(found) for table, found in self.triggers.items()},
            replaces=frozenset(self.replaces),
            parts=parts,
            alters=frozenset(self.alters),
        )


def _text(token: Any) -> str | None:
    return content_of(token.text) if token.sort == "string" else token.text if token.is_name else None


def _behind(tokens: Tokens, word: str) -> Tokens:
    places = [place for place, token in enumerate(tokens) if token.keyword == word]
    return tokens[places[0] + 1 :] if places else ()


def _trigger(name: str, schema: str | None, tokens: Tokens, sql: str) -> Trigger:
    body = _behind(tokens, "BEGIN")
    head = tokens[: len(tokens) - len(body)]
    kinds = frozenset(_KINDS[token.keyword] for token in head[2:] if token.keyword in _KINDS)
    facts = facts_of_body(text_of(body, sql), "sqlite")
    return Trigger(name, kinds or frozenset(_KINDS.values()), body=Body(schema, facts))
