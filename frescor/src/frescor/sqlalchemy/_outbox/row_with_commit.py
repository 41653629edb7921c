"""A row of the outbox that goes to PostgreSQL together with its transaction's COMMIT: one round trip for both.

A server accepts several statements in one message
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT). The first that fails ends
the message, so nothing is committed whose row could not be written. psycopg sends its own COMMIT in such a message, and
this module does the same. Other drivers, and SQLite, execute the INSERT by itself. The values are ASCII and are written
into the text, quoted by the driver's library where they need it.

What it gains: a transaction that reads, changes and commits takes four round trips to the database instead of five.
With a database across a network that is a fifth of its time. Over a socket on the same machine it saves 0.01 of the
transaction's time and 0.04 of its processor time.
"""

import functools
import logging
from collections.abc import Callable, Generator, Mapping
from types import FunctionType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import await_only

logger = logging.getLogger("frescor")

SUPPORTED = "psycopg>=3.2,<3.4"
_DRIVERS = ("psycopg", "psycopg_async")
# PGRES_COMMAND_OK, PGRES_TUPLES_OK; PQTRANS_INTRANS.
_DONE, _IN_TRANSACTION = (1, 2), 2


def takes_several(commit: Callable[[Any], None], dialect: sa.Dialect, raw: Any) -> bool:
    """Whether the INSERT and the COMMIT may go to the driver's connection together, in place of `commit`. Not if a
    tool, a subclass or an instance has replaced the commit: then theirs has to be called."""
    if dialect.driver not in _DRIVERS or not _is_of("sqlalchemy.engine.default", getattr(commit, "__func__", None)):
        return False
    if not _is_of("psycopg.", getattr(type(raw), "commit", None)) or "commit" in vars(raw):
        return False
    if not has_private_parts():
        return False
    server = raw.pgconn
    # In a pipeline each message may hold only one statement.
    return bool(server.transaction_status == _IN_TRANSACTION and not server.pipeline_status)


def commit_with_row(dialect: sa.Dialect, raw: Any, insert: str, row: Mapping[str, Any]) -> None:
    """Write a row and commit, on psycopg's connection. Raises psycopg's errors: then either neither happened, or it is
    unknown whether both did.

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
    """Whether a function is defined in that module. A wrapper may copy the function's name, but not its globals."""
    return type(function) is FunctionType and function.__globals__["__name__"].startswith(module)


@functools.cache
def _psycopg() -> tuple[Any, Any]:
    from psycopg import errors, generators  # whoever uses this dialect has it

    return errors, generators


@functools.cache
def has_private_parts() -> bool:
    """Whether psycopg still has the private parts that carry out an exchange; if not, that is logged once."""
    errors, generators = _psycopg()
    missing = [
        name
        for module, name in ((generators, "execute"), (errors, "error_from_result"))
        if not callable(getattr(module, name, None))
    ]
    if missing:
        logger.warning(
            "Frescor knows %s; this one has no %s: the outbox's row takes a round trip of its own at each commit. "
            "Nothing is lost by it.",
            SUPPORTED,
            ", ".join(missing),
        )
    return not missing


def _literal(raw: Any, text: str) -> str:
    if "'" not in text and "\\" not in text:
        # Without a backslash or a quote it needs no quoting, whatever the server's settings for literals.
        return f"'{text}'"
    from psycopg.pq import Escaping

    quoted: bytes = bytes(Escaping(raw.pgconn).escape_literal(text.encode("ascii")))
    return quoted.decode("ascii")
