"""Transactions on SQLite: whether one keeps a snapshot of the database, and where one has to be begun.

Python's driver begins a transaction at the first write. Before that, every SELECT is a transaction of its own: it sees
what was committed when it began, and its snapshot lives until its result has been read to the end or thrown away. So a
load that begins while no transaction is open and no result is half read sees what is committed at that moment, however
long ago the session executed its first statement.

The driver does not tell whether a result was read to its end. Its cursor is gone as soon as nobody holds the result, so
a cursor that still exists counts as half read. Cursors that the application gets from the driver itself are not seen.
"""

import sqlite3
import weakref
from typing import Any

import sqlalchemy as sa


class Cursors:
    """The cursors of one connection that may have rows left."""

    def __init__(self) -> None:
        self._refs: list[weakref.ref[Any]] = []

    def executed(self, cursor: Any) -> None:
        """A statement ran on this cursor."""
        if isinstance(cursor, sqlite3.Cursor) and cursor.description is not None:
            self._refs = [found for found in self._refs if found() is not None]
            self._refs.append(weakref.ref(cursor))

    @property
    def any_left(self) -> bool:
        """Whether one of them still exists."""
        return any(found() is not None for found in self._refs)


def begin_before_savepoint(connection: sa.Connection, word: str) -> None:
    """Begin a transaction of SQLite before its first savepoint.

    Python's driver leaves the beginning to the SAVEPOINT. Then the release of the outermost savepoint commits, whatever
    the session does afterwards (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html, "Transactions with SQLite and
    the sqlite3 driver"): a later rollback would undo nothing, and nobody would have invalidated what was written.
    """
    driver: Any = connection.connection.driver_connection
    if word.upper() == "SAVEPOINT" and connection.dialect.name == "sqlite" and not driver.in_transaction:
        cursor = connection.connection.cursor()
        cursor.execute("BEGIN")
        cursor.close()


def keeps_snapshot(connection: sa.Connection, cursors: Cursors) -> bool:
    """Whether what is read on this connection of SQLite may be older than now."""
    driver = connection.connection.driver_connection
    # How other drivers handle transactions is not known.
    return not isinstance(driver, sqlite3.Connection) or driver.in_transaction or cursors.any_left
