"""A row of the outbox that goes to PostgreSQL together with its transaction's COMMIT: one round trip for both.

A server takes several statements in one message
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT). The first that fails ends
the message, so what could not keep its row is not committed. psycopg sends its own COMMIT in such a message, and this
one is sent the same way; other drivers, and SQLite, are given the INSERT by itself. The values, in ASCII, are written
into the text, quoted by the driver's library where they need it.

What it is worth: a transaction that reads, changes and commits takes four round trips to the database, and five with a
row by itself. Where the database is a network away that alone is a quarter more. On a socket of the same machine it
takes 0.01 of the transaction's time off, and 0.04 of its processor's.
"""

import functools
import logging
from collections.abc import Callable, Generator, Mapping
from types import FunctionType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import await_only

logger = logging.getLogger("frescor")

_DRIVERS = ("psycopg", "psycopg_async")
# PGRES_COMMAND_OK, PGRES_TUPLES_OK; PQTRANS_INTRANS.
_DONE, _IN_TRANSACTION = (1, 2), 2


def takes_several(commit: Callable[[Any], None], dialect: sa.Dialect, raw: Any) -> bool:
    """Whether several statements may be sent at once to the transaction that is open on this driver's connection, in
    place of `commit`: not where a tool, a subclass or an instance has its own, which is to be called."""
    if dialect.driver not in _DRIVERS or not _is_of("sqlalchemy.engine.default", getattr(commit, "__func__", None)):
        return False
    if not _is_of("psycopg.", getattr(type(raw), "commit", None)) or "commit" in vars(raw):
        return False
    if not _has_generators():
        return False
    server = raw.pgconn
    # In a pipeline each message holds one statement.
    return bool(server.transaction_status == _IN_TRANSACTION and not server.pipeline_status)


def commit_with_row(dialect: sa.Dialect, raw: Any, insert: str, row: Mapping[str, Any]) -> None:
    """Write a row and commit, on psycopg's connection. Raises its errors: then neither happened, or nobody knows about
    both.

    `insert` is the statement as text, with a named field for each value of the row, as `str.format` fills them.
    """
    values = {name: str(value) if type(value) is int else _literal(raw, value) for name, value in row.items()}
    query = f"{insert.format_map(values)}; COMMIT".encode("ascii")
    if dialect.is_async:
        await_only(_committed(raw, query))
    else:
        with raw.lock:
            raw.wait(_exchange(raw, query))


async def _committed(raw: Any, query: bytes) -> None:
    async with raw.lock:
        await raw.wait(_exchange(raw, query))


def _exchange(raw: Any, query: bytes) -> Generator[Any, Any, None]:
    errors, generators = _psycopg()
    raw.pgconn.send_query(query)
    for result in (yield from generators.execute(raw.pgconn)):
        if result.status not in _DONE:
            raise errors.error_from_result(result, encoding=raw.info.encoding)


def _is_of(module: str, function: object) -> bool:
    """Whether a function was written there: one that is put around it may have its name, not its globals."""
    return type(function) is FunctionType and function.__globals__["__name__"].startswith(module)


@functools.cache
def _psycopg() -> tuple[Any, Any]:
    from psycopg import errors, generators  # whoever uses this dialect has it

    return errors, generators


@functools.cache
def _has_generators() -> bool:
    """Whether psycopg has what drives an exchange, a private part of it; said once where it has not."""
    _, generators = _psycopg()
    found = hasattr(generators, "execute")
    if not found:
        logger.warning(
            "Frescor knows psycopg 3.2 and 3.3; this one has no generators.execute: the outbox's row takes a round "
            "trip of its own at each commit. Nothing is lost by it."
        )
    return found


def _literal(raw: Any, text: str) -> str:
    if "'" not in text and "\\" not in text:
        # Means itself, however the server reads literals.
        return f"'{text}'"
    from psycopg.pq import Escaping

    quoted: bytes = bytes(Escaping(raw.pgconn).escape_literal(text.encode("ascii")))
    return quoted.decode("ascii")
