"""Many rows into a database, fast: without indexes meanwhile, past the ORM, inside the caller's transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import Connection as PsycopgConnection
from psycopg import sql
from sqlalchemy import Connection, Engine, Table, func, select, text

from controles.db import Base
from controles.seed.rows import COLUMNS, Row

# A statement whose lines are gone would refuse to be imported again.
_EMPTIED_TOO = {"extrato"}


def _written_or_pointing_there() -> Iterator[Table]:
    """Nothing is made up for what points at people, cotas or payments, but it goes when they do.

    PostgreSQL truncates no table that another one points at, not even an empty one. Users point at núcleos and stay.
    """
    goes = set(COLUMNS) - {"nucleo"}
    for table in Base.metadata.sorted_tables:
        points_at = {key.column.table.name for key in table.foreign_keys}
        if table.name in _EMPTIED_TOO.union(COLUMNS) or points_at & goes:
            goes |= {table.name} - {"nucleo"}
            yield table


# All that a seed fills or empties, parents first. Users and the audit chain are not its business.
TABLES: tuple[Table, ...] = tuple(_written_or_pointing_there())


class Writer:
    """Appends rows to tables; a subclass knows one database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, table: str, rows: Sequence[Row]) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Make the tables ready for readers: numbering goes on after the rows, the planner knows their numbers."""
        raise NotImplementedError


class SqliteWriter(Writer):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._statements = {name: _insert(name, columns) for name, columns in COLUMNS.items()}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            # The driver itself: converting each value would take longer than writing it.
            self._connection.exec_driver_sql(self._statements[table], list(rows))

    def finish(self) -> None:
        self._connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
        self._connection.exec_driver_sql("ANALYZE")


class PostgresWriter(Writer):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, PsycopgConnection)
        self._driver = driver
        # The rows' instants are UTC without saying so.
        connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))

    def write(self, table: str, rows: Sequence[Row]) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        with self._driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        for table in (table for table in TABLES if table.name in COLUMNS):
            highest = self._connection.execute(select(func.max(table.c.id))).scalar_one()
            if highest is not None:
                sequence = func.pg_get_serial_sequence(table.name, "id")
                self._connection.execute(select(func.setval(sequence, highest)))
        names = ", ".join(table.name for table in TABLES)
        self._connection.execute(text(f"ANALYZE {names}"))


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names from rows.py


def writer_for(connection: Connection) -> Writer:
    return PostgresWriter(connection) if connection.dialect.name == "postgresql" else SqliteWriter(connection)


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """Drop the tables' indexes and make them again after the rows are in: sorting once is faster than inserting each.

    Keys and unique columns stay. Within the caller's transaction: nobody ever sees the tables without them, and on
    PostgreSQL readers wait.
    """
    indexes = [index for table in TABLES for index in sorted(table.indexes, key=lambda index: str(index.name))]
    for index in indexes:
        index.drop(connection, checkfirst=True)
    yield
    for index in indexes:
        index.create(connection)


def empty(connection: Connection, kept_nucleos: frozenset[int]) -> None:
    """Remove every row that a seed writes, but for these núcleos."""
    nucleo, *others = TABLES
    if connection.dialect.name == "postgresql":
        # Row by row it would check millions of references.
        connection.execute(text(f"TRUNCATE {', '.join(table.name for table in others)}"))
    else:
        for table in reversed(others):
            connection.execute(table.delete())
    # Before their parents go, those that stay become parentless.
    connection.execute(nucleo.update().values(pai_id=None))
    connection.execute(nucleo.delete().where(nucleo.c.id.not_in(kept_nucleos)))


def settle(engine: Engine) -> None:
    """After the commit: give back the disk space of the write, and let scans read indexes alone."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"VACUUM (ANALYZE) {', '.join(table.name for table in TABLES)}"))
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
