"""The database's catalogue as this process has read it, and how the process learns that it has changed.

The catalogue is read on the connection of the first statement that needs it, on the driver's cursor, where no listener
of the application sees it. What models declare counts as well: a foreign key's action that only one of the two knows
costs at most a needless invalidation.

A schema may be changed by this process, by another one that tracks the database, or by one that does not. Until this
process knows of the change, a read may depend on too little (a view now reads another table), and a write may raise too
little (a foreign key, trigger or partition is new). So every change has two effects: what was noted with the old
catalogue is not trusted, and all entries that came from it are invalidated.

- *Within the transaction that changes the schema*, each statement is analysed with the catalogue as this transaction
  sees it. No other transaction uses that, since it may be rolled back. When it ends, the catalogue is read again and
  then the transaction's tags are raised; a transaction that noted its writes before that invalidates everything.
- *On SQLite* each snapshot holds a number of its schema. The number is checked after each statement of a load, and in
  each writing transaction just before its commit, when nobody else can change it any more.
- *On PostgreSQL* no check is that cheap. Once a second the relay asks for a digest of the catalogue (without a relay,
  the next statement does). If the digest differs, the catalogue is read again, and if it says something else,
  everything is invalidated once, after the new one is in use. So what was stored, or not invalidated, within that
  second is stale for at most that second; transactions that noted their writes before are not trusted, as above.
- *Other databases*: only changes made by this process are seen.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from frescor._clocks import Steady
from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.dependencies import Dependencies, Path, declared_references
from frescor.sqlalchemy._catalog.description import Description
from frescor.sqlalchemy._catalog.description_others import describe
from frescor.sqlalchemy._catalog.description_postgresql import (
    describe_postgresql,
    mark_of_postgresql,
    path_of_postgresql,
)
from frescor.sqlalchemy._catalog.description_sqlite import describe_sqlite, files_of_sqlite, mark_of_sqlite
from frescor.sqlalchemy._private import mapped_metadata
from frescor.sqlalchemy._statements.tags import TableName, table_name
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

T = TypeVar("T")
Declared = Mapping[str, Iterable[Any]]

# Seconds between two checks whether the catalogue has changed, if nothing announces it.
LOOK_AGAIN = 1.0
_OLDEST_POSTGRESQL = (12,)


class Catalog:
    """One database's catalogue."""

    def __init__(self, views: Declared | None, functions: Declared | None) -> None:
        self._declared_views = views or {}
        self._declared_functions = functions or {}
        self._lock = threading.Lock()
        # In the order in which they were met.
        self._metadata: dict[sa.MetaData, None] = {}
        self._schemas: set[str | None] = {None}
        # Raised with every change: conclusions drawn under an older number may be wrong.
        self.version = 0
        # As `version`, but it counts only changes that the database itself reported.
        self.changes = 0
        self._description: Description | None = None
        self._mark: object = None
        # Names of the attached databases, for SQLite.
        self._files: tuple[str, ...] = ("main",)
        self._looked_at = float("-inf")
        # The dependencies of tables, if they are known without a query.
        self.at_hand: Dependencies | None = None

    def forget(self) -> None:
        """The schema has changed: read the catalogue again when it is needed."""
        with self._lock:
            self.version += 1
            self.changes += 1
            self._description = self.at_hand = None

    def known(
        self, connection: sa.Connection, transaction: TrackedTransaction, schema: str | None = None
    ) -> Dependencies:
        """The dependencies of tables. Queries the database if necessary, and raises SQLAlchemy's errors."""
        if transaction.changes_schema:
            if transaction.known is None:
                transaction.known = self._dependencies(self._describe(connection, transaction), connection)
            found: Dependencies = transaction.known
            return found
        if schema not in self._schemas and _others(connection.dialect):
            with self._lock:
                self._schemas = {*self._schemas, schema}
                self._description = self.at_hand = None
        known = self.at_hand
        if known is None:
            if self._description is None:
                self._read(connection, transaction)
            with self._lock:
                description, version = self._description, self.version
            if description is None:
                return self.known(connection, transaction, schema)
            known = self._dependencies(description, connection)
            with self._lock:
                if version == self.version:
                    self.at_hand = known
        return known

    def refresh(self, connection: sa.Connection, transaction: TrackedTransaction | None = None) -> bool:
        """Check whether the catalogue has changed and read it again if so; returns whether it says something else."""
        if self._description is None:
            return False
        self._looked_at = Steady.monotonic()
        mark = self._ask_mark(connection)
        return mark != self._mark and self._read(connection, transaction)

    def is_due(self) -> bool:
        """Whether it is time for another check, where no relay does that."""
        return self._description is not None and Steady.monotonic() > self._looked_at + LOOK_AGAIN

    def has_changed(self, connection: sa.PoolProxiedConnection) -> bool:
        """Whether the schema that this SQLite connection sees differs from the one that is known."""
        if self._description is None:
            return False
        cursor = connection.cursor()
        try:
            return mark_of_sqlite(cursor, self._files) != self._mark
        finally:
            cursor.close()

    def meet(self, tables: Iterable[sa.Table]) -> None:
        """Take in declared tables, whose metadata may know more foreign keys than the database."""
        for table in tables:
            if table.metadata not in self._metadata:
                with self._lock:
                    self.version += 1
                    self._metadata = {**self._metadata, table.metadata: None}
                    self.at_hand = None

    def declared(self, name: TableName, default: str | None) -> sa.Table | None:
        """The table of that name that a text means: of those that statements have met, or of all mapped classes' if
        only one is named so. None if there is none, or several."""
        for metadata in self._metadata:
            for table in metadata.tables.values():
                if table_name(table.schema, table.name, default) == name:
                    return table
        mapped = [
            table
            for metadata in mapped_metadata()
            for table in metadata.tables.values()
            if table_name(table.schema, table.name, default) == name
        ]
        return mapped[0] if len(mapped) == 1 else None

    def path(self, connection: sa.Connection) -> Path:
        """The schemas that this connection searches for names without one, at this moment."""
        default = connection.dialect.default_schema_name
        if connection.dialect.name == "postgresql":
            return ask(connection, lambda cursor: path_of_postgresql(cursor, default))
        if connection.dialect.name in ("mysql", "mariadb"):
            schema = ask(connection, lambda cursor: (cursor.execute("SELECT DATABASE()"), cursor.fetchone())[1][0])
            return (table_name(schema, "", default)[0],)
        return (None,)

    def _read(self, connection: sa.Connection, transaction: TrackedTransaction | None) -> bool:
        # Before reading: a change that comes in between is found by the next check.
        if connection.dialect.name == "sqlite":
            self._files = ask(connection, files_of_sqlite)
        mark = self._ask_mark(connection)
        found = self._describe(connection, transaction)
        with self._lock:
            before, self._description, self._mark = self._description, found, mark
            self._looked_at = Steady.monotonic()
            if before == found:
                return False
            self.version += 1
            self.at_hand = None
            if before is None:
                return False
            self.changes += 1
            return True

    def _ask_mark(self, connection: sa.Connection) -> object:
        if connection.dialect.name == "sqlite":
            return ask(connection, lambda cursor: mark_of_sqlite(cursor, self._files))
        return None if _others(connection.dialect) else ask(connection, mark_of_postgresql)

    def _describe(self, connection: sa.Connection, transaction: TrackedTransaction | None) -> Description:
        dialect = connection.dialect
        if dialect.name == "sqlite":
            return ask(connection, describe_sqlite)
        if not _others(dialect):
            default, base = dialect.default_schema_name, transaction is not None and transaction.has_path
            return ask(connection, lambda cursor: describe_postgresql(cursor, default, base=base))
        if transaction is None:
            return describe(connection, self._schemas)
        transaction.quiet = True
        try:
            return describe(connection, self._schemas)
        finally:
            transaction.quiet = False

    def _dependencies(self, description: Description, connection: sa.Connection) -> Dependencies:
        default = connection.dialect.default_schema_name
        references = [pair for metadata in self._metadata for pair in declared_references(metadata, default)]
        views = {named(name, default): _tables_of(tables, default) for name, tables in self._declared_views.items()}
        functions = {name.lower(): _tables_of(tables, default) for name, tables in self._declared_functions.items()}
        return Dependencies(description, views, functions, references)


def ask(connection: sa.Connection, question: Callable[[Any], T]) -> T:
    """The answer to a question, asked on the driver's cursor of this connection. Raises SQLAlchemy's errors."""
    dialect = connection.dialect
    cursor = connection.connection.cursor()
    try:
        return question(cursor)
    except dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError.instance("", None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error
    finally:
        cursor.close()


def named(table: Any, default: str | None) -> TableName:
    """The table that an application names by text, Table or mapped class. Raises PolicyError for anything else."""
    if isinstance(table, str):
        schema, _, name = table.rpartition(".")
        return table_name(schema or None, name, default)
    found = getattr(table, "__table__", table)
    if not isinstance(found, sa.Table):
        raise PolicyError(f"a table is named by text, a Table or a mapped class; got {table!r}.")
    return table_name(found.schema, found.name, default)


def _others(dialect: sa.Dialect) -> bool:
    if dialect.name == "postgresql":
        version = getattr(dialect, "server_version_info", None)
        return version is not None and version < _OLDEST_POSTGRESQL
    return dialect.name != "sqlite"


def _tables_of(declared: Any, default: str | None) -> tuple[TableName, ...]:
    return tuple(named(one, default) for one in ([declared] if isinstance(declared, str) else declared))
