"""What a database says of the statement that it ran: the tables that it read and wrote, the rows that it changed.

SQLite tells of every table and column, those of views, triggers and foreign keys' actions too, while it prepares a
statement: `set_authorizer`, which also has statements prepared anew that were kept. PostgreSQL locks every table that
it plans to read or write, until the transaction is over. Which rows were changed is told by looking before and after.
"""

import sqlite3
from typing import Any

import sqlalchemy as sa

from frescor.sqlalchemy._statements.tags import TableName

_FOREIGN_KEYS = """
SELECT m.name, f."table" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
"""
# What SQLite's full-text tables keep their index in.
SHADOWS = {"content", "segdir", "segments", "docsize", "stat", "config", "data", "idx"}
_WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
_LOCKS = """
SELECT n.nspname, c.relname, array_agg(l.mode) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.relkind IN ('r', 'p', 'm')
AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') GROUP BY 1, 2
"""
# Taken to write rows, and to read them. FOR UPDATE and a foreign key's look at its row have one of their own, and LOCK
# TABLE has any that it names.
_WRITING_LOCK, _READING_LOCK = "RowExclusiveLock", "AccessShareLock"


class Authorizer:
    """What one connection of SQLite is going to read and write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.read: set[TableName] = set()
        self.written: set[TableName] = set()
        connection.set_authorizer(self._note)

    def close(self) -> None:
        """Stop noting. What a write only looks at to keep a foreign key is not read by anybody."""
        self._connection.set_authorizer(None)
        if self.written and not self.read <= self.written:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            pairs = [(one.lower(), other.lower()) for one, other in cursor.execute(_FOREIGN_KEYS)]
            written = {name for _, name in self.written}
            linked = {one for pair in pairs for one in pair if written & set(pair)}
            self.read = {name for name in self.read if name[1] not in linked}
            cursor.close()

    def _note(self, action: int, first: str | None, _second: str | None, database: str | None, _by: str | None) -> int:
        if first is not None and not first.startswith(("sqlite_", "pragma_")):
            name = (None if database in (None, "main", "temp") else database, first.lower())
            if action in _WRITES:
                self.written.add(name)
            elif action == sqlite3.SQLITE_READ and database is not None:
                self.read.add(name)
        return sqlite3.SQLITE_OK


class Locks:
    """What the transaction that is open on a connection of PostgreSQL has locked so far."""

    def __init__(self, connection: Any, default: str | None) -> None:
        self.read: set[TableName] = set()
        self.written: set[TableName] = set()
        with connection.cursor() as cursor:
            cursor.execute(_LOCKS)
            for schema, table, modes in cursor.fetchall():
                name = (None if schema == default else schema.lower(), table.lower())
                if _WRITING_LOCK in modes:
                    self.written.add(name)
                elif _READING_LOCK in modes:
                    self.read.add(name)


def rows_of(connection: sqlite3.Connection, table: sa.Table) -> dict[tuple[Any, ...], tuple[Any, ...]] | None:
    """The rows of a table by primary key, as SQLite keeps them; None if it cannot be read so."""
    key = [column.name for column in sorted(table.primary_key.columns, key=lambda column: column.name)]
    names = [_quoted(table.name)] if table.schema is None else [_quoted(table.schema), _quoted(table.name)]
    cursor = connection.cursor()
    cursor.row_factory = None
    factory, connection.text_factory = connection.text_factory, lambda raw: raw.decode(errors="surrogateescape")
    try:
        cursor.execute(f"SELECT {', '.join(map(_quoted, key))}, * FROM {'.'.join(names)}")
        return {tuple(row[: len(key)]): tuple(row[len(key) :]) for row in cursor.fetchall()}
    except sqlite3.Error:
        return None
    finally:
        connection.text_factory = factory
        cursor.close()


def columns_of(connection: sqlite3.Connection, table: sa.Table) -> list[str]:
    """The names of a table's columns, in lower case, in the order in which `rows_of` has them; none if it is gone."""
    names = [_quoted(table.name)] if table.schema is None else [_quoted(table.schema), _quoted(table.name)]
    cursor = connection.cursor()
    try:
        cursor.execute(f"SELECT * FROM {'.'.join(names)} LIMIT 0")
        return [str(column[0]).lower() for column in cursor.description]
    except sqlite3.Error:
        return []
    finally:
        cursor.close()


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
