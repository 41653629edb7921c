"""Which slices a statement reads: those that the places in it are bound to where a table stands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frescor._values.tags import SLICED
from frescor.sqlalchemy._slices.columns import SliceColumn
from frescor.sqlalchemy._statements.facts import Field, Place


@dataclass(frozen=True, slots=True)
class SlicedRead:
    """A place whose table, with this tag, is read in slices of this column alone: those of the parameter's values."""

    table: str
    column: SliceColumn
    field: Field


def sliced_read(place: Place, table: str, columns: Iterable[SliceColumn]) -> SlicedRead | None:
    """How a place is read in slices; None if it binds none of these columns.

    Of several columns the one with the fewest tags: one value before a list, a value before a bucket.
    """
    bound = {name.lower(): field for name, field in place.bound}
    found = [(column, field) for column in columns if (field := bound.get(column.name.lower())) is not None]
    if not found:
        return None
    return SlicedRead(table, *min(found, key=lambda one: (one[1].many, one[0].kind != "value", one[0].id)))


def slice_tags(
    read: SlicedRead,
    executions: Sequence[Mapping[str, Any]],
    spread: Mapping[str, Sequence[str]],
    digest: Callable[[Any], str],
) -> tuple[str, ...] | None:
    """What an execution depends on at this place; None if a slice is not certain. `spread`: the parameters that each
    list became."""
    groups: dict[str, None] = {}
    for parameters in executions:
        names = spread.get(read.field.parameter) if read.field.many else (read.field.parameter,)
        if names is None:
            # The values of its list stand in the text.
            return None
        for name in names:
            group = read.column.group(parameters[name], digest) if name in parameters else None
            if group is None:
                return None
            groups[group] = None
    table, column = read.table, read.column
    return (*[column.slice(table, group) for group in groups], column.blind(table), SLICED)
