"""What a transaction raises, in words: for tests, and for the log."""

from collections import defaultdict
from collections.abc import Sequence

from frescor._values.tags import BUT, SLICES


def explained(tags: Sequence[str]) -> str:
    """Each table with the rows and slices that were written, if known: `sql:due (1 row; member_id: 1 slice)`."""
    tables: dict[str, dict[str, int | None]] = defaultdict(dict)
    rows: dict[str, int | None] = defaultdict(int)
    for tag in tags:
        table, sign, rest = tag.partition("#")
        known = tables[table]
        if tag.startswith(f"{table}{BUT}"):
            continue
        if not rest.startswith("@"):
            count = rows[table]
            rows[table] = count if not sign else None if not rest or count is None else count + 1
            continue
        column, _, group = tag.partition(SLICES)[2].partition("=")
        before = known.get(column, 0)
        known[column] = None if not group or before is None else before + 1
    return ", ".join(f"{table} ({_of_table(rows[table], known)})" for table, known in sorted(tables.items()))


def _of_table(rows: int | None, columns: dict[str, int | None]) -> str:
    parts = ["rows unknown" if rows is None else _counted(rows, "row")]
    parts += [
        f"{column}: {'unknown' if count is None else _counted(count, 'slice')}"
        for column, count in sorted(columns.items())
    ]
    return "; ".join(parts)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
