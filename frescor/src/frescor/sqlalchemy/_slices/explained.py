"""What a transaction raises, and why, in words: for tests, and for the log."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from frescor._values.tags import BUT, SLICES
from frescor.sqlalchemy._slices.columns import NO_VALUE
from frescor.sqlalchemy._statements.tags import EVERYTHING

_BUCKETS = re.compile(r"(.+):(month|day|range)(?:utc|(\d+))?")
# Slices share 65,536 numbers; of the days that have one number, this is about the earliest that is meant.
_FIRST_DAY, _GROUPS = dt.date(1900, 1, 1).toordinal(), 1 << 16
_NOT_ALL_TELL = "its slices are more than 64, or not every statement tells them"


class Written(tuple[str, ...]):
    """The tags that a commit raised. `reasons` has a sentence for each of them, and `str` shows both."""

    reasons: Mapping[str, str]

    @classmethod
    def of(cls, tags: Iterable[str], why: Mapping[str, str]) -> "Written":
        """why: the reasons for which slices are unknown, by the blind tag or the table's tag."""
        found = cls(tags)
        found.reasons = {tag: _reason(tag, why) for tag in found}
        return found

    def __str__(self) -> str:
        return "\n".join(f"{tag}: {reason}" for tag, reason in self.reasons.items())


def _reason(tag: str, why: Mapping[str, str]) -> str:
    if tag == EVERYTHING:
        return "what a statement changes is unknown"
    table, sign, rest = tag.partition("#")
    if not sign:
        return "the table was written to"
    if tag.startswith(f"{table}{BUT}"):
        if tag != f"{table}{BUT}":
            return "slices that are registered of other columns: this program does not know them"
        return f"all slices, since {why.get(table, 'none are known')}"
    if not rest.startswith("@"):
        return "a row, by its primary key" if rest else "all rows, since the statement does not name their primary keys"
    column, _, group = rest[1:].partition("=")
    name, _, variant = column.partition("~")
    of = "" if not variant else f" of the quiet column {quiet}" if (quiet := variant.partition(".")[2]) else _LOUD
    if not name:
        return f"the table{of}"
    if name == ":row":
        return f"a row{of}, by its primary key" if group else f"all rows{of}"
    if group:
        return f"rows{of} {_slice(name, group)}"
    return f"all slices{of} of {name}, since {_why(f'{table}{SLICES}{name}', table, why)}"


_LOUD = " of the columns that are not quiet"


def _why(blind: str, table: str, why: Mapping[str, str]) -> str:
    return why.get(blind) or why.get(table) or _NOT_ALL_TELL


def _slice(column: str, group: str) -> str:
    """The rows of a slice, in words."""
    found = _BUCKETS.fullmatch(column)
    if group == NO_VALUE:
        return f"in which {found[1] if found else column} is NULL"
    if found is None:
        return f"with one value of {column}"
    name, kind, width = found.groups()
    number = int(group, 16)
    if kind == "month":
        return f"in which {name} is in {number // 12:04}-{number % 12 + 1:02}"
    if kind == "day":
        # Of the days with this number, the one from 1900 to 2079.
        return f"in which {name} is {dt.date.fromordinal(_FIRST_DAY + (number - _FIRST_DAY) % _GROUPS)}"
    return f"in which {name} is from {number * int(width)} to {(number + 1) * int(width) - 1}"


def explained(tags: Sequence[str], why: Mapping[str, str]) -> str:
    """Each table with the rows and slices that were written, if known: `sql:due (1 row; member_id: 1 slice)`."""
    tables: dict[str, dict[str, int | None]] = defaultdict(dict)
    rows: dict[str, int | None] = defaultdict(int)
    untold: dict[str, str] = {}
    for tag in tags:
        table, sign, rest = tag.partition("#")
        known = tables[table]
        if tag == f"{table}{BUT}" and table in why:
            untold[table] = why[table]
        if tag.startswith(f"{table}{BUT}") or "~" in rest:
            continue
        if not rest.startswith("@"):
            count = rows[table]
            rows[table] = count if not sign else None if not rest or count is None else count + 1
            continue
        column, _, group = tag.partition(SLICES)[2].partition("=")
        before = known.get(column, 0)
        known[column] = None if not group or before is None else before + 1
    return ", ".join(
        f"{table} ({_of_table(table, rows[table], known, untold, why)})" for table, known in sorted(tables.items())
    )


def _of_table(
    table: str,
    rows: int | None,
    columns: Mapping[str, int | None],
    untold: Mapping[str, str],
    why: Mapping[str, str],
) -> str:
    parts = ["rows unknown" if rows is None else _counted(rows, "row")]
    for column, count in sorted(columns.items()):
        unknown = "" if count is not None else f"unknown, since {_why(f'{table}{SLICES}{column}', table, why)}"
        parts.append(f"{column}: {unknown or _counted(count or 0, 'slice')}")
    if table in untold:
        parts.append(f"slices unknown, since {untold[table]}")
    return "; ".join(parts)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
