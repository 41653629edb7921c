"""Updates the database's tables. The revisions are part of the package, in `migrations/`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from flask import Flask
from sqlalchemy import Connection, inspect
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.db import MAX_BIG_ID, db, serialise
from controles.domain.clock import utc_now
from controles.schema.tables import metadata

_log = structlog.stdlib.get_logger("controles.admin")

REVISIONS = Path(__file__).parents[1] / "migrations"


class UnknownRevisionError(RuntimeError):
    """The database's tables were created by another, probably newer, version of Controles."""


def upgrade(app: Flask) -> None:
    """Run the missing revisions: all of them or, if one fails, none.

    Several processes may start at once: one runs them, the others wait and then find nothing to do. A database that is
    up to date is only read.
    """
    with app.app_context(), db.engine.connect() as connection:
        if is_current(connection):
            return
        connection.rollback()
        with _alone(connection):
            unsealed = _has_unsealed_audit(connection)
            _run(connection, _script(REVISIONS))
            if unsealed:
                _seal_audit(connection)


def is_current(connection: Connection) -> bool:
    """Whether the database has the tables of this version."""
    heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(_script(REVISIONS).get_heads())


def _has_unsealed_audit(connection: Connection) -> bool:
    found = inspect(connection)
    table = Auditoria.__tablename__
    return found.has_table(table) and Auditoria.selo.key not in {column["name"] for column in found.get_columns(table)}


def _seal_audit(connection: Connection) -> None:
    """Vouch for the existing audit, once, when it gets its seals."""
    with Session(connection, join_transaction_mode="rollback_only") as session:
        result = audit.vouch(session, agora=utc_now(), unsealed_upto=MAX_BIG_ID)
        session.flush()
    if not result.ok:
        # Not vouched for, so every later check reports it, too.
        _log.error("audit_not_whole", first_bad_id=result.first_bad_id, reason=result.reason)


@cache
def _script(revisions: Path) -> ScriptDirectory:
    return ScriptDirectory(str(revisions), version_locations=[str(revisions)])


def _run(connection: Connection, script: ScriptDirectory) -> None:
    # Alembic annotates this function with a list of a private class.
    def missing(heads: Any, _context: MigrationContext) -> Any:
        return script._upgrade_revs("heads", heads)

    context = MigrationContext.configure(
        connection, opts={"fn": missing, "script": script, "target_metadata": metadata}
    )
    try:
        with Operations.context(context):
            context.run_migrations()
    except CommandError as error:
        raise UnknownRevisionError(
            f"The database is at revision {', '.join(context.get_current_heads())}, which this version of Controles "
            "does not know. Start the version that made it, or a newer one; the database was not changed."
        ) from error


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """One transaction around all revisions, without another process doing the same."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        # SQLite changes a table by copying it, which foreign keys would prevent; within a transaction they cannot be
        # switched off.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    try:
        serialise(connection, "migrations")
        yield
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()) is not None:
            raise RuntimeError(
                f"A migration would leave a row of {broken[0]!r} that refers to nothing in {broken[2]!r}; it was "
                "undone. Please report this, with the version that made the database."
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        if sqlite:
            # The pool opens a new connection, with foreign keys on.
            connection.invalidate()
