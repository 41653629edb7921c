"""What an operator does with a database: make the outbox, look at it, put triggers on tables. For the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from frescor.errors import CacheError, PolicyError
from frescor.sqlalchemy.outbox import TABLE, database_now, has_outbox, missing, outbox_table


@dataclass(frozen=True, slots=True)
class OutboxState:
    """rows: all that is kept. unmarked: what waits to be applied. oldest: the age of the oldest of these, seconds."""

    rows: int
    unmarked: int
    oldest: float | None


@contextmanager
def administering(url: str) -> Iterator[sa.Connection]:
    """A connection to a database in one transaction, committed at the end.

    Raises PolicyError for a URL that cannot be right, and CacheError with the reason when the database does not answer
    or refuses.
    """
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise PolicyError(
            f"{_without_password(url)!r} is no address of a database, or its driver is not installed: {error}. Write "
            "postgresql+psycopg://user@host/name or sqlite:////path/to/file."
        ) from error
    if engine.dialect.is_async:
        raise PolicyError(f"this command waits: use a driver for it, not {engine.dialect.driver}.")
    if not has_outbox(engine):
        raise PolicyError("a database in memory ends with this command: name a file.")
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        raise CacheError(
            f"the database {engine.url.render_as_string()} refuses, or does not answer: {error.orig}. Check its "
            "address, and that this user owns the tables."
        ) from error


def create_outbox(connection: sa.Connection, name: str = TABLE, schema: str | None = None) -> bool:
    """Make the outbox; False if it is there."""
    table = outbox_table(sa.MetaData(), name, schema)
    if sa.inspect(connection).has_table(name, schema=schema):
        return False
    table.create(connection)
    return True


def outbox_state(connection: sa.Connection, name: str = TABLE, schema: str | None = None) -> OutboxState:
    """What is in the outbox. Raises PolicyError if there is none."""
    table = outbox_table(sa.MetaData(), name, schema)
    if not sa.inspect(connection).has_table(name, schema=schema):
        raise PolicyError(missing(table))
    waits = table.c.applied_at.is_(None)
    count = sa.func.count()
    rows = connection.scalar(sa.select(count).select_from(table)) or 0
    unmarked = connection.scalar(sa.select(count).select_from(table).where(waits)) or 0
    age = connection.scalar(sa.select(database_now() - sa.func.min(table.c.created_at)).where(waits))
    return OutboxState(rows, unmarked, None if age is None else age / 1_000_000)


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string()
    except sa.exc.ArgumentError:
        return url.split("@")[-1]
