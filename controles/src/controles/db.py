"""The database session, the base class of all models, shared column types, and how a write begins."""

import datetime as dt
import hashlib
import inspect
import sqlite3
from enum import StrEnum
from typing import Any, ClassVar

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Enum,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    event,
    func,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeEngine

# Alembic can alter or drop a constraint only by its name.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite generates ids only for a column declared as INTEGER.
BigId = BigInteger().with_variant(Integer(), "sqlite")
# Money is an integer number of centavos; sums over a large organisation need more than 32 bits.
Centavos = BigInteger()

# An id in an address can be any number; one that the column cannot hold causes an error in the driver.
MAX_ID = 2**31 - 1
MAX_BIG_ID = 2**63 - 1

# How long a write on SQLite waits for another one to finish.
SQLITE_BUSY_MS = 15_000


def bytewise(length: int) -> TypeEngine[str]:
    """Text that every database orders byte by byte: SQLite does so, while PostgreSQL orders by language."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def stored_by_value(kind: type[StrEnum], name: str, *, length: int = 16) -> Enum:
    """A column that holds the values of `kind` as text with a CHECK of this name: not every database can alter an enum
    type within a transaction."""
    return Enum(
        kind,
        native_enum=False,
        length=length,
        values_callable=lambda members: [member.value for member in members],
        create_constraint=True,
        name=name,
    )


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An instant: accepts only aware datetimes, and returns them in UTC, on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone: use datetime.now(UTC), not datetime.now()")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dt.datetime: UtcDateTime()}

    def __repr__(self) -> str:
        identity: Any = getattr(self, "id", None)
        return f"<{type(self).__name__} {identity}>"


class Database(SQLAlchemy):
    """Flask-SQLAlchemy-Lite, with SQLite connections set up for several processes that read and write."""

    def init_app(self, app: Flask) -> None:  # type: ignore[override]
        before = set(app.teardown_appcontext_funcs)
        super().init_app(app)
        # This would create an event loop to close asynchronous sessions, which are not used: 2 ms per request.
        app.teardown_appcontext_funcs = [
            teardown
            for teardown in app.teardown_appcontext_funcs
            if teardown in before or not inspect.iscoroutinefunction(teardown)
        ]
        with app.app_context():
            engines = tuple(self.engines.values())
        for engine in engines:
            if engine.dialect.name == "sqlite":
                event.listen(engine, "connect", _prepare_sqlite)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
    _use_wal(cursor)
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    # A whole panel reads some 30 MB of indexes; with the default cache of 2 MB each is read from the file again.
    cursor.execute("PRAGMA cache_size = -32768")
    cursor.execute("PRAGMA mmap_size = 268435456")
    cursor.close()


def _use_wal(cursor: DBAPICursor) -> None:
    """WAL: readers do not wait for the writer, nor the writer for them. The setting is stored in the file."""
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # If two processes open a new file at once, SQLite lets neither wait for the other here. One succeeds, and this
        # connection uses the file's mode from its next statement on.
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise


db = Database(engine_options={"pool_pre_ping": True})


def begin_write(session: Session) -> None:
    """Make the rest of this transaction safe for reading, deciding and writing.

    SQLite cannot lock rows, so the whole database is locked before the first read, and other writers wait here.
    (Python's driver begins a transaction only at the first write, so earlier reads would be of another time.) On
    PostgreSQL nothing happens here: rows are locked where they are read.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        _take_sqlite(connection)


def serialise(connection: Connection, name: str) -> None:
    """Serialise transactions with this `name`, in all processes, from here to their end."""
    if connection.dialect.name == "sqlite":
        _take_sqlite(connection)
    else:
        connection.execute(select(func.pg_advisory_xact_lock(_lock_number(name))))


def share(connection: Connection, name: str) -> None:
    """Allow any number of transactions to share this `name` from here to their end, but none that serialises by it.

    Call it before any row is locked, so that a transaction that waits here holds nothing that others wait for.
    """
    if connection.dialect.name == "sqlite":
        _take_sqlite(connection)
    else:
        connection.execute(select(func.pg_advisory_xact_lock_shared(_lock_number(name))))


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _take_sqlite(connection: Connection) -> None:
    driver_connection = connection.connection.driver_connection
    # An open transaction has already written, so it holds the lock.
    if driver_connection is not None and not driver_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
