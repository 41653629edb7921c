"""Which slices a statement reads, by the conditions on each occurrence of a table in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import types

from frescor._values.tags import SLICED
from frescor.sqlalchemy._slices.columns import SliceColumn, group_of_bucket
from frescor.sqlalchemy._slices.quiet import blind_tags
from frescor.sqlalchemy._statements.facts import Bounds, Field, Place

# A range of more buckets than this reads the whole table, since each bucket is one more tag for every read of the
# entry.
MOST_BUCKETS = 64


@dataclass(frozen=True, slots=True)
class SlicedRead:
    """A read of a table, with this tag, in slices of one of these columns: those of its parameters' values. variants:
    of the table's tags, those in which they are read."""

    table: str
    choices: tuple[tuple[SliceColumn, Field | Bounds], ...]
    variants: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class ReadSlices:
    """What one execution reads there: slices of one column. ids: of the column, in each variant. tags: all that an
    entry depends on because of it."""

    column: SliceColumn
    ids: tuple[str, ...]
    tags: tuple[str, ...]


def sliced_read(place: Place, table: str, columns: Iterable[SliceColumn]) -> SlicedRead | None:
    """How an occurrence of a table is read in slices; None if none of these columns is bound there.

    Of several columns the one with the fewest tags is chosen: a single value before a list, a value before a bucket.
    """
    bound: dict[str, list[Field | Bounds]] = {}
    for name, one in place.bound:
        bound.setdefault(name.lower(), []).append(one)
    found = [
        (column, one)
        for column in columns
        for one in bound.get(column.name.lower(), ())
        if isinstance(one, Field) or _has_order(column, one)
    ]
    return SlicedRead(table, tuple(sorted(found, key=_tags_to_expect))) if found else None


def _tags_to_expect(choice: tuple[SliceColumn, Field | Bounds]) -> tuple[bool, bool, str]:
    column, one = choice
    return (isinstance(one, Bounds) or one.many, column.kind != "value", column.id)


def _has_order(column: SliceColumn, bounds: Bounds) -> bool:
    """Whether values within these bounds fall into the buckets within theirs. Not if only one side has a time zone:
    they are compared in the session's zone, which is unknown."""
    if column.kind == "value":
        return False
    times = [one.kind for one in (bounds.low, bounds.high) if isinstance(one.kind, types.DateTime)]
    return not isinstance(column.type, types.DateTime) or all(one.timezone == column.type.timezone for one in times)


def read_slices(
    read: SlicedRead,
    executions: Sequence[Mapping[str, Any]],
    spread: Mapping[str, Sequence[str]],
    digest: Callable[[Any], str],
) -> ReadSlices | None:
    """What an execution depends on there; None if no slice is certain. spread: the parameters that each list was
    expanded to."""
    best: tuple[SliceColumn, Iterable[str]] | None = None
    fewest = MOST_BUCKETS + 1
    exact: set[str] = set()
    for column, one in read.choices:
        if column.name in exact and isinstance(one, Field):
            # Fewer tags, but of a bucket that many other values fall into.
            continue
        found = (
            _groups_between(column, one, executions)
            if isinstance(one, Bounds)
            else _groups(column, one, executions, spread, digest)
        )
        if found is not None and len(found) < fewest:
            best, fewest = (column, found), len(found)
            if column.kind == "value":
                exact.add(column.name)
            if fewest <= 1:
                break
    if best is None:
        return None
    column, groups = best
    ids = tuple([f"{column.id}{variant}" for variant in read.variants])
    blind = blind_tags(read.table, ids)
    return ReadSlices(column, ids, (*[f"{one}={group}" for one in blind for group in groups], *blind, SLICED))


def _groups(
    column: SliceColumn,
    field: Field,
    executions: Sequence[Mapping[str, Any]],
    spread: Mapping[str, Sequence[str]],
    digest: Callable[[Any], str],
) -> dict[str, None] | None:
    groups: dict[str, None] = {}
    for parameters in executions:
        names = spread.get(field.parameter) if field.many else (field.parameter,)
        if names is None:
            # The values of this list are in the text.
            return None
        for name in names:
            group = column.group(parameters[name], digest) if name in parameters else None
            if group is None:
                return None
            groups[group] = None
    return groups


def _groups_between(
    column: SliceColumn, bounds: Bounds, executions: Sequence[Mapping[str, Any]]
) -> dict[str, None] | None:
    groups: dict[str, None] = {}
    for parameters in executions:
        low, high = (parameters.get(one.parameter) for one in (bounds.low, bounds.high))
        numbers = column.buckets(low, high, low_is_open=bounds.low_is_open, high_is_open=bounds.high_is_open)
        if numbers is None or len(numbers) > MOST_BUCKETS:
            return None
        groups.update(dict.fromkeys(map(group_of_bucket, numbers)))
    return groups
