"""What an operator does with a database from the command line: create or inspect the outbox, install triggers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from frescor.errors import CacheError, PolicyError
from frescor.sqlalchemy._outbox.outbox import TABLE, database_now, has_outbox, missing, outbox_table


@dataclass(frozen=True, slots=True)
class OutboxState:
    """rows: all rows. unmarked: those that are still to be applied. oldest: the age of the oldest of these, seconds."""

    rows: int
    unmarked: int
    oldest: float | None


@contextmanager
def administering(url: str) -> Iterator[sa.Connection]:
    """A connection to a database in one transaction, committed at the end.

    Raises PolicyError for an invalid URL, and CacheError with the reason if the database does not answer or refuses.
    """
    engine = _engine_at(url)
    if engine.dialect.is_async:
        raise PolicyError(f"this command needs a synchronous driver, not {engine.dialect.driver}.")
    if not has_outbox(engine):
        raise PolicyError("a database in memory ends with this command: name a file.")
    with _connected(engine) as connection:
        try:
            with connection.begin():
                yield connection
        except sa.exc.DBAPIError as error:
            raise CacheError(
                f"the database {_shown(engine.url)} refuses, or does not answer: {error.orig}. Check that this user "
                "owns the tables."
            ) from error


def _connected(engine: sa.Engine) -> sa.Connection:
    try:
        return engine.connect()
    except sa.exc.DBAPIError as error:
        said = _said(engine.url, error)
    # Outside of `except`: a driver's exception may quote the address, and would be attached to this error.
    raise CacheError(
        f"the database {_shown(engine.url)} does not answer, or refuses the login: {said}. Check its address, user "
        "and password."
    )


def _engine_at(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True)
        # If a password contains an '@', what follows it is taken for the host; and hosts are shown.
        if "@" not in (engine.url.host or "") and not {"/", "?", "#"} & set(engine.url.host or ""):
            return engine
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError, TypeError):
        pass
    # Neither the URL nor a library's error is shown: any part of it may be part of a password.
    raise PolicyError(
        "this is not the address of a database, or its driver is not installed. Write "
        "postgresql+psycopg://user@host/name or sqlite:////path/to/file; in a password, write / as %2F, @ as %40, : as "
        "%3A and % as %25."
    )


def _shown(url: sa.URL) -> str:
    """The address without its password and its options, one of which may be another password."""
    return sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database).render_as_string()


def _said(url: sa.URL, error: sa.exc.DBAPIError) -> str:
    """The driver's message, unless it contains a part of a password."""
    said = str(error.orig)
    # Names of options, too: if a password contains a '?', what follows it is taken for an option.
    secrets = [str(url.password or ""), *url.query, *(str(value) for value in url.query.values())]
    for secret in secrets:
        if any(secret[start : start + 4] in said for start in range(max(1, len(secret) - 3)) if secret):
            return type(error.orig).__name__
    return said


def create_outbox(connection: sa.Connection, name: str = TABLE, schema: str | None = None) -> bool:
    """Create the outbox; False if it exists already."""
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
