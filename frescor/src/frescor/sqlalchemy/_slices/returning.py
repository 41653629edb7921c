"""Rows that a write returns to Frescor alone: the application gets the result of the statement that it sent.

RETURNING is appended to the text on its way to the driver, and its rows are fetched before SQLAlchemy looks at the
cursor, which is told to expect no rows. The number of changed rows is the number of rows returned.
"""

from collections.abc import Callable, Sequence
from typing import Any

from frescor.sqlalchemy._private import executions_of, expect_no_rows, spread_parameters
from frescor.sqlalchemy._slices.written import Plan
from frescor.sqlalchemy._transactions.touched import Touched

# The attribute of an execution that holds its plan.
RETURNING = "frescor_returning"
# Drivers whose executemany can return rows, and drivers whose executemany is a loop over execute.
_GIVES_MANY, _LOOPS = ("psycopg",), ("pysqlite",)


def gives_rows(execution: Any) -> bool:
    """Whether the rows of an execution can be returned."""
    if not execution.executemany:
        return True
    # SQLAlchemy's cursor for event loops takes no `returning`.
    return execution.dialect.driver in _LOOPS or (
        execution.dialect.driver in _GIVES_MANY and not execution.dialect.is_async
    )


def told(plan: Plan, execution: Any, rows: Sequence[Any], digest: Callable[[Any], str]) -> Touched:
    """The slices that an execution touched, given the rows that it returned."""
    return plan.touched(executions_of(execution), spread_parameters(execution) or {}, rows, digest)


def execute_returning(
    execute: Callable[..., None], cursor: Any, sql: str, parameters: Any, execution: Any, plan: Plan
) -> list[Any] | None:
    """Execute a statement and fetch the rows that it returns; None if a row has a value that Python cannot represent,
    such as PostgreSQL's date `infinity`. Raises the driver's errors."""
    sql += plan.returning
    dialect = execution.dialect
    if not execution.executemany:
        execute(cursor, sql, parameters, execution)
        rows, changed = _taken(cursor, dialect)
    elif dialect.driver in _LOOPS:
        rows, changed = [], 0
        for one in parameters:
            cursor.execute(sql, one)
            found, count = _taken(cursor, dialect)
            rows, changed = _both(rows, found), changed + count
    else:
        cursor.executemany(sql, parameters, returning=True)
        rows, changed = _taken(cursor, dialect)
        while cursor.nextset():
            found, count = _taken(cursor, dialect)
            rows, changed = _both(rows, found), changed + count
    expect_no_rows(execution, changed)
    return rows


def _taken(cursor: Any, dialect: Any) -> tuple[list[Any] | None, int]:
    """The rows of one result, and their number."""
    try:
        rows = cursor.fetchall()
    except getattr(dialect.dbapi, "DataError", ()):
        # The statement was executed and its rows exist; its sender is told their number.
        return None, cursor.rowcount
    return rows, len(rows)


def _both(one: list[Any] | None, other: list[Any] | None) -> list[Any] | None:
    return None if one is None or other is None else one + other
