"""Rows of a query as records: what a cached function returns in place of ORM objects."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from frescor._values.records import field_names, is_mapped, is_record
from frescor.errors import PolicyError

R = TypeVar("R")


def rows_as(record: type[R]) -> Callable[[Iterable[Any]], list[R]]:
    """A function that makes a list of records of what a query returns: of rows by the names of their columns, of ORM
    objects by their attributes.

    record: a dataclass, a named tuple, a Struct, an attrs class or a Pydantic model. A field with a default may be
    missing in the rows.

    Raises PolicyError for a class without fields; the function raises it for rows that lack a field, and for rows with
    a column that is no field.
    """
    if not is_record(record) or not field_names(record):
        raise PolicyError(
            f"rows_as takes a class with fields, such as a frozen dataclass with the columns that are needed; got "
            f"{record!r}."
        )
    names = field_names(record)

    def make(result: Iterable[Any]) -> list[R]:
        return [_record(record, names, row) for row in result]

    return make


def _record(record: type[R], names: tuple[str, ...], row: Any) -> R:
    found: Mapping[str, Any] | None = getattr(row, "_mapping", None)
    if found is not None and len(found) == 1 and is_mapped(type(row[0])):
        # As `session.execute(select(User))` has them.
        row, found = row[0], None
    if found is None:
        values = {name: getattr(row, name) for name in names if hasattr(row, name)}
    else:
        other = [str(name) for name in found if name not in names]
        if other:
            raise PolicyError(
                f"rows_as({record.__qualname__}): the rows have {', '.join(other)}, and {record.__qualname__} has no "
                "such field. Leave it out of the select, or give the column the field's name with label()."
            )
        values = {str(name): value for name, value in found.items()}
    try:
        return record(**values)
    except TypeError as error:
        missing = ", ".join(name for name in names if name not in values)
        if not missing:
            raise
        raise PolicyError(
            f"rows_as({record.__qualname__}): the rows have no {missing}, and it cannot be made without ({error}). Add "
            "it to the select, or give the column that name with label()."
        ) from error
