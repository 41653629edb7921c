"""What a transaction raises, in words."""

import pytest

from frescor.sqlalchemy._slices.explained import explained


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ((), ""),
        (("sql:due", "sql:due#0a"), "sql:due (1 row)"),
        (("sql:due", "sql:due#0a", "sql:due#0b"), "sql:due (2 rows)"),
        (("sql:due", "sql:due#"), "sql:due (rows unknown)"),
        (("sql:due#", "sql:due#0a"), "sql:due (rows unknown)"),
        (("sql:due", "sql:due#@!month", "sql:due#@month=1", "sql:due#0a"), "sql:due (1 row; month: 1 slice)"),
        (
            ("sql:due", "sql:due#0a", "sql:due#@month", "sql:due#@b=1", "sql:due#@b=2"),
            "sql:due (1 row; b: 2 slices; month: unknown)",
        ),
        (("sql:pay", "sql:due"), "sql:due (0 rows), sql:pay (0 rows)"),
    ],
)
def test_each_table_is_told_with_its_rows_and_slices(tags: tuple[str, ...], said: str) -> None:
    assert explained(tags) == said
