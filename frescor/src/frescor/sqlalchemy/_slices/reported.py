"""The slices that a trigger reports, as tags.

A trigger cannot make the tags of slices, because it does not know their secret. So it writes the values that the rows
had before and have after, each as one text behind the tags of the table:

- `?column?kind`: all values of this slice column follow;
- `?column?kind=value`, or `?column?kind~` for NULL;
- `?column?kind!`: a value that has no certain form.

An earlier release takes these texts for tags that nothing depends on, and invalidates all slices of the table.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import types

from frescor._values.tags import BUT, SLICES, with_blind_tags
from frescor.sqlalchemy._slices.columns import NO_VALUE, group_of_bucket, written_day
from frescor.sqlalchemy._statements.tags import form_of
from frescor.sqlalchemy._transactions.touched import MOST_SLICES

SIGN = "?"
_REPORT = re.compile(
    r"\?([a-z_][a-z0-9_]{0,39}(?::(?:month|day|range[0-9]{1,12})(?:utc)?)?)\?([a-z]+)(?:(=)(.*)|(~)|(!))?"
)
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def raised_by(tags: Sequence[str], digest: Callable[[Any], str]) -> tuple[str, ...]:
    """The tags to raise for a row of the outbox. digest: as `Tags.group`."""
    reports = [tag for tag in tags if tag.startswith(SIGN)]
    if not reports or [*tags[1:2]] != [f"{tags[0]}#"]:
        return with_blind_tags(tags)
    table = tags[0]
    found = _groups(reports, digest)
    known = {column: groups for column, groups in found.items() if groups is not None and len(groups) <= MOST_SLICES}
    slices = [f"{table}{SLICES}{column}={group}" for column, groups in known.items() for group in groups]
    return (table, f"{table}#", *slices, f"{table}{BUT}{','.join(known)}")


def _groups(reports: Sequence[str], digest: Callable[[Any], str]) -> dict[str, dict[str, None] | None]:
    """The slices of each reported column; None if not all of them are certain."""
    found: dict[str, dict[str, None] | None] = {}
    for report in reports:
        parts = _REPORT.fullmatch(report)
        if parts is None:
            # It is unknown of which column.
            return {}
        column, kind, has_value, value, is_null, is_odd = parts.groups()
        groups = found.setdefault(column, {})
        if groups is None or not (has_value or is_null or is_odd):
            continue
        group = NO_VALUE if is_null else _group(kind, value, digest) if has_value else None
        if group is None:
            found[column] = None
        else:
            groups[group] = None
    return found


def _group(kind: str, value: str, digest: Callable[[Any], str]) -> str | None:
    match kind:
        case "int" | "bucket":
            if _NUMBER.fullmatch(value) is None:
                return None
            return digest(int(value)) if kind == "int" else group_of_bucket(int(value))
        case "month":
            month = _MONTH.fullmatch(value)
            return None if month is None else group_of_bucket(int(month[1]) * 12 + int(month[2]) - 1)
        case "day":
            day = written_day(value)
            return None if day is None else group_of_bucket(day.toordinal())
    form: Any = None
    if kind == "date":
        form = form_of(types.Date(), written_day(value))
    elif kind in ("uuid", "text"):
        form = form_of(types.Uuid() if kind == "uuid" else types.String(), value)
    return None if form is None else digest(form)
