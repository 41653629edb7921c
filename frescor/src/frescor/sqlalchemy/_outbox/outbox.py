"""The outbox: a table in which a transaction keeps what it invalidates, so that its commit decides on both.

A row is written in the transaction. Right after the commit, the process that wrote it applies it; later a relay marks
applied rows, in batches (`relay.py` explains why none is lost). All times are read from the database's clock, in µs, so
the clocks of different machines are never compared.
"""

import contextlib
import json
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from frescor._calls.policy import check_tag
from frescor._clocks import Steady
from frescor._store.server.recovery import MARK_SECONDS
from frescor.errors import CacheError, PolicyError
from frescor.sqlalchemy._engine.drivers import driver_connection
from frescor.sqlalchemy._outbox.row_with_commit import commit_with_row, takes_several
from frescor.sqlalchemy._statements.tags import EVERYTHING

logger = logging.getLogger("frescor")

TABLE = "frescor_outbox"
# Who wrote a row: a process, which applies it itself, or a trigger. TAKEN: a trigger's row that a relay is applying.
PROCESS, TRIGGER, TAKEN = "process", "trigger", "taken"
# One special row says that invalidations are made which no outbox records. It counts as marked, at a time in the
# future.
UNRECORDED, _UNRECORDED_ID = "unrecorded", -1
_UNRECORDED_SECONDS = MARK_SECONDS + 10 * 86_400
# Rows in one statement.
_AT_ONCE = 500
# Seconds until the next check whether the missing table has been created.
_LOOK_AGAIN = 5.0
_DIALECTS = ("sqlite", "postgresql")
# Bytes of one row's tags. A transaction's tags are limited far below this.
_LONGEST_TAGS = 1_000_000
_ANY_AGE = 2**62
_EVERYTHING = f'"{EVERYTHING}"'


class database_now(FunctionElement[int]):  # noqa: N801  # reads as SQL's own functions do
    """The database's clock at this statement, not at the transaction's beginning; µs since 1970."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(_element: database_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(database_now, "postgresql")
def _postgresql_now(_element: database_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"


class as_bytes(FunctionElement[Any]):  # noqa: N801  # reads as SQL's own functions do
    """Text as bytes where SQLite stores it: a text column there may hold anything, which a driver may fail to
    decode."""

    inherit_cache = True


@compiles(as_bytes, "sqlite")
def _sqlite_bytes(element: as_bytes, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(as_bytes)
def _bytes(element: as_bytes, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


def outbox_table(metadata: sa.MetaData, name: str = TABLE, schema: str | None = None) -> sa.Table:
    """The outbox's table, for `metadata.create_all` or a migration.

    id: chosen by the writer, so that no statement has to return it. tags: a JSON array. created_at and applied_at: the
    database's clock, µs; applied_at is NULL until the invalidation is known to have arrived.
    """
    unmarked = sa.text("applied_at IS NULL")
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("applied_at", sa.BigInteger),
        # Finds waiting rows without reading the applied ones.
        sa.Index(f"ix_{name}_unmarked", "created_at", sqlite_where=unmarked, postgresql_where=unmarked),
        schema=schema,
    )


def has_outbox(engine: sa.Engine) -> bool:
    """Whether a database can have an outbox. One in this process's memory cannot: nobody else could read it. Raises
    PolicyError for a kind of database that the outbox does not support."""
    if engine.dialect.name not in _DIALECTS:
        raise PolicyError(
            f"an outbox is kept in PostgreSQL or SQLite, not in {engine.dialect.name}: track the engine with "
            "outbox=False, and know that a process killed between commit and invalidation leaves old values behind."
        )
    return is_shared(engine)


def is_shared(engine: sa.Engine) -> bool:
    """Whether other processes can reach the database; False for an SQLite database in this process's memory."""
    database = engine.url.database or ""
    in_memory = database == "" or ":memory:" in database or engine.url.query.get("mode") == "memory"
    return engine.dialect.name != "sqlite" or not in_memory


class MissingTable(CacheError):
    """The database has no outbox."""


@dataclass(frozen=True, slots=True)
class Row:
    """An invalidation. id: None if it is not a number. tags: as declared; None if they cannot be read. age: µs since it
    was written."""

    id: int | None
    tags: tuple[str, ...] | None
    origin: str
    age: int


class Outbox:
    """One database's outbox, as one process uses it."""

    def __init__(self, *, name: str = TABLE, schema: str | None = None) -> None:
        self.table = outbox_table(sa.MetaData(), name, schema)
        self._inserts: dict[sa.Dialect, tuple[str, Sequence[str] | None]] = {}
        self._templates: dict[sa.Dialect, str] = {}
        # Whether the table is known to exist.
        self.is_there = False
        self._looked_at = float("-inf")
        self.start_again()

    def start_again(self) -> None:
        """After a fork: the applied rows are the parent's to mark."""
        self._applied: deque[int] = deque()
        # A generator of its own: an application that seeds `random` would get the same ids again in each process.
        self._ids = random.Random()  # noqa: S311  # they have to differ, and may be guessed

    # -- on a connection of the application ---------------------------------------------------------------------------

    def commit(
        self,
        connection: sa.PoolProxiedConnection,
        dialect: sa.Dialect,
        tags: Iterable[str],
        commit: Callable[[Any], None],
    ) -> int | None:
        """Write a row with these tags into the transaction that is open on this connection, commit it, and return the
        row's id.

        Both go in one round trip if the driver can send both at once and nobody has wrapped the commit. Otherwise the
        row is written as by `write`, and `commit` is called.
        """
        # `write` finds out, once, whether the table exists.
        if self.is_there and takes_several(commit, dialect, raw := driver_connection(connection, dialect)):
            row = self._new_row(tags)
            commit_with_row(dialect, raw, self._template_for(dialect), row)
            return int(row["id"])
        row_id = self.write(connection, dialect, tags)
        commit(connection)
        return row_id

    def write(self, connection: sa.PoolProxiedConnection, dialect: sa.Dialect, tags: Iterable[str]) -> int | None:
        """Write a row with these tags into the transaction that is open on this connection, and return its id.

        One INSERT on the driver's cursor, which no SQLAlchemy event sees. If the table does not exist, that is logged
        and None is returned: the invalidation is then not durable, and nothing else changes. Raises SQLAlchemy's
        errors.
        """
        cursor = connection.cursor()
        statement, parameters = "", None
        try:
            if not self.is_there and not self._look(cursor, dialect):
                return None
            statement, order = self._insert_for(dialect)
            row = self._new_row(tags)
            parameters = row if order is None else tuple(row[name] for name in order)
            cursor.execute(statement, parameters)
        except dialect.loaded_dbapi.Error as error:
            raise sa.exc.DBAPIError.instance(
                statement, parameters, error, dialect.loaded_dbapi.Error, dialect=dialect
            ) from error
        finally:
            cursor.close()
        return int(row["id"])

    def look_again(self) -> None:
        """The table may have been created or dropped: let the next transaction find out."""
        self.is_there = False
        self._looked_at = float("-inf")

    def applied(self, row_id: int | None) -> None:
        """The store accepted this row's invalidation, so it is to be marked. Does no I/O."""
        if row_id is not None:
            self._applied.append(row_id)

    def take_applied(self) -> list[int]:
        """The rows to be marked; this forgets them."""
        found = []
        while self._applied:
            found.append(self._applied.popleft())
        return found

    def give_back(self, ids: Iterable[int]) -> None:
        """These rows could not be marked: keep them for the next attempt."""
        self._applied.extend(ids)

    # -- on a relay's connection, where every statement commits by itself ---------------------------------------------

    def check(self, connection: sa.Connection) -> None:
        """Raise MissingTable if the outbox does not exist."""
        if not sa.inspect(connection).has_table(self.table.name, schema=self.table.schema):
            raise MissingTable(missing(self.table))

    def now(self, connection: sa.Connection) -> int:
        """The database's clock, µs."""
        return int(connection.scalar(sa.select(database_now())) or 0)

    def declare_unrecorded(self, connection: sa.Connection) -> None:
        """Record that invalidations are made which no outbox holds. From now on `not_before` cannot tell what is
        missing, for at least as long as the store keeps its mark."""
        columns = self.table.c
        ends = database_now() + round(_UNRECORDED_SECONDS * 1_000_000)
        renewed = sa.update(self.table).where(columns.id == _UNRECORDED_ID).values(applied_at=ends)
        if connection.execute(renewed).rowcount == 0:
            declared = {"id": _UNRECORDED_ID, "tags": "", "origin": UNRECORDED}
            # Another relay may have inserted it first, which is just as good.
            with contextlib.suppress(sa.exc.IntegrityError):
                connection.execute(sa.insert(self.table).values(**declared, created_at=database_now(), applied_at=ends))

    def unmarked(self, connection: sa.Connection, limit: int) -> list[Row]:
        """Rows that nobody has marked, oldest first.

        On SQLite a trigger adds no row while an equal one waits, so a row is first set to TAKEN before it is applied.
        SQLite has one writer at a time: a writer that saw the row waiting had committed before it was taken.
        """
        columns = self.table.c
        age = database_now() - columns.created_at
        by_trigger = sa.case((columns.origin == TRIGGER, True), else_=False)
        waiting = sa.select(columns.id, self._tags_as_bytes(), by_trigger.label("by_trigger"), age.label("age")).where(
            columns.applied_at.is_(None)
        )
        found = connection.execute(waiting.order_by(columns.created_at).limit(limit)).all()
        if connection.dialect.name == "sqlite":
            self._take(connection, [row.id for row in found if row.by_trigger])
        return [
            Row(
                row.id if type(row.id) is int else None,
                _read(row.tags),
                TRIGGER if row.by_trigger else PROCESS,
                # A row whose age is unknown is due at once.
                row.age if type(row.age) is int else _ANY_AGE,
            )
            for row in found
        ]

    def mark(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        """The invalidations of these rows have arrived in the store."""
        columns = self.table.c
        for part in _parts(ids):
            here = columns.id.in_(part) & columns.applied_at.is_(None)
            connection.execute(sa.update(self.table).where(here).values(applied_at=database_now()))

    def mark_without_id(self, connection: sa.Connection) -> None:
        """As `mark`, for rows that another program wrote and whose id is no number."""
        columns = self.table.c
        no_number: sa.ColumnElement[bool] = columns.id.is_(None)
        if connection.dialect.name == "sqlite":
            no_number |= sa.func.typeof(columns.id) != "integer"
        here = no_number & columns.applied_at.is_(None)
        connection.execute(sa.update(self.table).where(here).values(applied_at=database_now()))

    def prune(self, connection: sa.Connection, keep: int) -> int:
        """Delete rows that were marked more than this many µs ago; returns their number."""
        old = self.table.c.applied_at < database_now() - keep
        return connection.execute(sa.delete(self.table).where(old)).rowcount

    def not_before(self, connection: sa.Connection, at: int | None, limit: int) -> list[tuple[str, ...] | None]:
        """The tags of the rows that are unmarked, or were marked at this clock or later; each set of tags once."""
        columns = self.table.c
        unmarked = columns.applied_at.is_(None)
        wanted = unmarked if at is None else sa.or_(unmarked, columns.applied_at >= at)
        found = connection.scalars(sa.select(self._tags_as_bytes()).where(wanted).distinct().limit(limit))
        return [_read(tags) for tags in found]

    def _tags_as_bytes(self) -> sa.Label[Any]:
        """The stored tags as bytes; NULL if they are longer than any that Frescor writes."""
        tags = self.table.c.tags
        return sa.case((sa.func.length(tags) <= _LONGEST_TAGS, as_bytes(tags))).label("tags")

    def _take(self, connection: sa.Connection, ids: Sequence[int]) -> None:
        columns = self.table.c
        for part in _parts(ids):
            here = columns.id.in_(part) & (columns.origin == TRIGGER)
            connection.execute(sa.update(self.table).where(here).values(origin=TAKEN))

    def _insert_for(self, dialect: sa.Dialect) -> tuple[str, Sequence[str] | None]:
        """The INSERT for a driver, and the order of its parameters; None if they are named."""
        known = self._inserts.get(dialect)
        if known is None:
            columns = self.table.c
            insert = sa.insert(self.table).values(
                {
                    columns.id: sa.bindparam("id"),
                    columns.tags: sa.bindparam("tags"),
                    columns.origin: sa.bindparam("origin"),
                    columns.created_at: database_now(),
                }
            )
            compiled: Any = insert.compile(dialect=dialect)
            known = self._inserts[dialect] = str(compiled), compiled.positiontup if compiled.positional else None
        return known

    def _new_row(self, tags: Iterable[str]) -> dict[str, Any]:
        # Not an array, to stand for everything: a relay of an earlier release cannot read it, and then invalidates all.
        names = tuple(tags)
        written = msgspec.json.encode(EVERYTHING if EVERYTHING in names else names).decode()
        if not written.isascii():
            # ASCII, so that the connection's encoding does not matter.
            written = json.dumps(names, separators=(",", ":"))
        return {"id": self._ids.getrandbits(62), "tags": written, "origin": PROCESS}

    def _template_for(self, dialect: sa.Dialect) -> str:
        """The INSERT as text with named fields for `str.format`, without the casts that bound parameters need."""
        known = self._templates.get(dialect)
        if known is None:
            columns = self.table.c
            fields: dict[Any, Any] = {
                columns[name]: sa.literal_column(f"{{{name}}}") for name in ("id", "tags", "origin")
            }
            # `inline`: nothing has to be returned.
            insert = sa.insert(self.table).inline().values({**fields, columns.created_at: database_now()})
            known = self._templates[dialect] = str(insert.compile(dialect=dialect))
        return known

    def _look(self, cursor: Any, dialect: sa.Dialect) -> bool:
        """Whether the table exists, asked in a way that does not break the transaction if it does not."""
        if Steady.monotonic() < self._looked_at + _LOOK_AGAIN:
            return False
        prepared = dialect.identifier_preparer
        if dialect.name == "sqlite":
            catalog = f"{prepared.quote(self.table.schema or 'main')}.sqlite_master"
            found = f"SELECT 1 FROM {catalog} WHERE name = {_literal(self.table.name)}"  # noqa: S608  # quoted
        else:
            found = f"SELECT 1 WHERE to_regclass({_literal(prepared.format_table(self.table))}) IS NOT NULL"
        cursor.execute(found)
        self.is_there = cursor.fetchone() is not None
        if not self.is_there:
            if self._looked_at == float("-inf"):
                logger.warning("%s", missing(self.table))
            self._looked_at = Steady.monotonic()
        return self.is_there


def missing(table: sa.Table) -> str:
    """The sentence for a missing outbox table."""
    return (
        f"the outbox {table.fullname} does not exist, so an invalidation is lost with a process that is killed before "
        "it is applied. Make it by a migration with frescor.sqlalchemy.outbox_table(metadata), or by "
        "`frescor outbox create --database URL`."
    )


def _read(tags: object) -> tuple[str, ...] | None:
    """The tags that a row holds; None if they cannot be read."""
    if tags == _EVERYTHING:
        return (EVERYTHING,)
    try:
        # Raises TypeError for a number or NULL.
        found = msgspec.json.decode(tags, type=tuple[str, ...])  # type: ignore[call-overload]
        return tuple([tag if tag == EVERYTHING else check_tag(tag) for tag in found])
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, RecursionError, PolicyError):
        return None


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _literal(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"'{quoted}'"
