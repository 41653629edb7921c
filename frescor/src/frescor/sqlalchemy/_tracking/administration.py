"""What an operator does with a database, by the command line: create the outbox, inspect it, put triggers on tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from frescor.errors import CacheError, PolicyError
from frescor.sqlalchemy._outbox.outbox import TABLE, database_now, has_outbox, missing, outbox_table


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
    engine = _engine_at(url)
    if engine.dialect.is_async:
        raise PolicyError(f"this command waits: use a driver for it, not {engine.dialect.driver}.")
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
    # Not within `except`: what a driver says, and hangs on to, may quote the address.
    raise CacheError(
        f"the database {_shown(engine.url)} does not answer, or refuses the login: {said}. Check its address, user "
        "and password."
    )


def _engine_at(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True)
        # What follows an '@' that a password holds is taken for a host, and hosts are shown.
        if "@" not in (engine.url.host or "") and not {"/", "?", "#"} & set(engine.url.host or ""):
            return engine
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError, TypeError):
        pass
    # Nothing of it is shown, nor what a library said of it: any part may be a part of a password.
    raise PolicyError(
        "this is no address of a database, or its driver is not installed. Write postgresql+psycopg://user@host/name "
        "or sqlite:////path/to/file; in a password, write / as %2F, @ as %40, : as %3A and % as %25."
    )


def _shown(url: sa.URL) -> str:
    """The address without password and options, which may hold another one."""
    return sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database).render_as_string()


def _said(url: sa.URL, error: sa.exc.DBAPIError) -> str:
    """The driver's words, unless a part of a password is among them."""
    said = str(error.orig)
    # A name too: of a password with a '?' in it, what follows is taken for an option.
    secrets = [str(url.password or ""), *url.query, *(str(value) for value in url.query.values())]
    for secret in secrets:
        if any(secret[start : start + 4] in said for start in range(max(1, len(secret) - 3)) if secret):
            return type(error.orig).__name__
    return said


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
