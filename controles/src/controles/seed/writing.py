"""Writes many rows fast: without indexes meanwhile, without the ORM, and within the caller's transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import Connection as PsycopgConnection
from psycopg import sql
from sqlalchemy import Connection, Engine, Table, func, select, text

from controles.db import Base
from controles.seed.rows import COLUMNS, Row

# A statement whose lines are deleted could otherwise not be imported again.
_EMPTIED_TOO = {"extrato"}


def _written_or_pointing_there() -> Iterator[Table]:
    """The tables that are filled, and those that refer to people, cotas or payments: these are only emptied.

    PostgreSQL does not truncate a table that another one refers to, even an empty one. Users refer to núcleos, and
    stay.
    """
    goes = set(COLUMNS) - {"nucleo"}
    for table in Base.metadata.sorted_tables:
        points_at = {key.column.table.name for key in table.foreign_keys}
        if table.name in _EMPTIED_TOO.union(COLUMNS) or points_at & goes:
            goes |= {table.name} - {"nucleo"}
            yield table


# All tables that a seed fills or empties, referenced ones first. Users and the audit chain are not among them.
TABLES: tuple[Table, ...] = tuple(_written_or_pointing_there())


class Writer:
    """Appends rows to tables; there is a subclass for each database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, table: str, rows: Sequence[Row]) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Finish the tables: ids continue after the rows, and the planner gets statistics."""
        raise NotImplementedError


class SqliteWriter(Writer):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._statements = {name: _insert(name, columns) for name, columns in COLUMNS.items()}

    def write(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            # Through the driver itself: converting each value would take longer than writing it.
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
        # The rows' instants are in UTC, without a zone.
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
    """Drop the tables' indexes, and create them again once the rows are in: sorting once is faster than inserting each
    row.

    Keys and unique columns stay. This is within the caller's transaction: nobody sees the tables without indexes, and
    on PostgreSQL readers wait.
    """
    indexes = [index for table in TABLES for index in sorted(table.indexes, key=lambda index: str(index.name))]
    for index in indexes:
        index.drop(connection, checkfirst=True)
    yield
    for index in indexes:
        index.create(connection)


def empty(connection: Connection, kept_nucleos: frozenset[int]) -> None:
    """Remove every row that a seed writes, except these núcleos."""
    nucleo, *others = TABLES
    if connection.dialect.name == "postgresql":
        # A DELETE would check millions of references row by row.
        connection.execute(text(f"TRUNCATE {', '.join(table.name for table in others)}"))
    else:
        for table in reversed(others):
            connection.execute(table.delete())
    # The remaining ones lose their parents, which are deleted next.
    connection.execute(nucleo.update().values(pai_id=None))
    connection.execute(nucleo.delete().where(nucleo.c.id.not_in(kept_nucleos)))


def settle(engine: Engine) -> None:
    """After the commit: release the disk space used by the write, and enable index-only scans."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"VACUUM (ANALYZE) {', '.join(table.name for table in TABLES)}"))
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
