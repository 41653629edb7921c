"""Rows that a write gives back to Frescor alone: the application gets the result of the statement that it sent.

RETURNING is put behind the text on its way to the driver, and its rows are taken before SQLAlchemy looks at the cursor,
which it is told to expect nothing from. How many rows were changed is how many came back.
"""

from collections.abc import Callable, Sequence
from typing import Any

from frescor.sqlalchemy._private import expect_no_rows, spread_parameters
from frescor.sqlalchemy._slices.written import Plan
from frescor.sqlalchemy._transactions.touched import Touched

# What an execution keeps its plan as.
RETURNING = "frescor_returning"
# Drivers whose executemany can give rows back, or is a loop over execute.
_GIVES_MANY, _LOOPS = ("psycopg",), ("pysqlite",)


def gives_rows(execution: Any) -> bool:
    """Whether the rows of an execution can be had."""
    return not execution.executemany or execution.dialect.driver in (*_GIVES_MANY, *_LOOPS)


def told(plan: Plan, execution: Any, rows: Sequence[Any], digest: Callable[[Any], str]) -> Touched:
    """The slices that an execution touched, with the rows that it gave back."""
    return plan.touched(execution.compiled_parameters, spread_parameters(execution), rows, digest)


def execute_returning(
    execute: Callable[..., None], cursor: Any, sql: str, parameters: Any, execution: Any, plan: Plan
) -> list[Any]:
    """Execute a statement and take the rows that it gives back. Raises the driver's errors."""
    sql += plan.returning
    rows: list[Any] = []
    if not execution.executemany:
        execute(cursor, sql, parameters, execution)
        rows = cursor.fetchall()
    elif execution.dialect.driver in _LOOPS:
        for one in parameters:
            cursor.execute(sql, one)
            rows += cursor.fetchall()
    else:
        cursor.executemany(sql, parameters, returning=True)
        rows = cursor.fetchall()
        while cursor.nextset():
            rows += cursor.fetchall()
    expect_no_rows(execution, len(rows))
    return rows
