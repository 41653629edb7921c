"""What an application declares about its tables, kinds of slices and quiet columns, checked as early as possible.

The form and the kinds are checked by `track`, columns at the first statement that names the table, and tables at the
first statement of a load: before that, a migration may not have created them.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Generic, TypeVar

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.dependencies import Dependencies
from frescor.sqlalchemy._catalog.description import TABLE
from frescor.sqlalchemy._statements.tags import TableName, table_name

DIALECTS = ("postgresql", "sqlite")
# The names of the kinds for `track` and `Column.info`; a range has its width in parentheses.
KIND = re.compile(r"value|month|day|range\(([1-9][0-9]{0,11})\)")
# The kind or kinds of a column; an empty list means none.
Kinds = str | Sequence[str]
DeclaredSlices = Mapping[str, Mapping[str, Kinds]]
# No more than the foreign keys, which have slices unless `slices=None`.
FOREIGN_KEYS: DeclaredSlices = MappingProxyType({})
DeclaredQuiet = Mapping[str, Collection[str]]
_EXAMPLES = {
    "slices": '{"payment": {"paid_on": "month", "member_id": ["value", "range(1000)"]}}',
    "quiet": '{"account": ["seen_at", "visits"]}',
}
# More names than this make a sentence unreadable.
_SHOWN = 40
T = TypeVar("T")


class Declarations(Generic[T]):
    """What one option of `track` declares for columns, by table and by the columns' names in lower case."""

    def __init__(self, option: str, by_table: Mapping[str, Mapping[str, T]], dialect: sa.Dialect) -> None:
        self._option = option
        self._dialect = dialect
        self._by_table = by_table
        # The catalogue in which all tables were found: most statements of a process see the same one.
        self._checked: Dependencies | None = None
        if by_table and dialect.name not in DIALECTS:
            raise PolicyError(
                f"there are slices and quiet columns on PostgreSQL and SQLite, not on {dialect.name}: leave out "
                f"`{option}=`, or pass it for the other databases alone."
            )

    def of(self, table: sa.Table) -> Mapping[str, T]:
        """What was declared for this table. Raises PolicyError for a column that the table does not have."""
        # The default schema is known only after the first connection.
        default = self._dialect.default_schema_name
        name = table_name(table.schema, table.name, default)
        declared = next((found for given, found in self._by_table.items() if _named(given, default) == name), {})
        there = {str.lower(column.name): column.name for column in table.columns}
        for column in declared:
            if column not in there:
                raise PolicyError(
                    f"`{self._option}=` names the column {column!r} of the table {table.name!r}, which has no such "
                    f"column. It has: {', '.join(sorted(there.values()))}. Correct the name at `track`."
                )
        return declared

    def check(self, known: Dependencies, tables: Iterable[sa.Table]) -> None:
        """Raise PolicyError for a table that exists neither in the database nor in the models of these tables."""
        if known is self._checked:
            return
        default = self._dialect.default_schema_name
        missing = [name for name in self._by_table if not _is_there(_named(name, default), known)]
        if not missing:
            self._checked = known
            return
        # A schema of a `schema_translate_map` is only known from the models.
        declared = {
            table_name(table.schema, table.name, default)
            for metadata in {table.metadata for table in tables}
            for table in metadata.tables.values()
        }
        for name in missing:
            if _named(name, default) not in declared:
                raise PolicyError(f"`{self._option}=` names {_missing(name, _named(name, default), known, declared)}")


def declared_slices(given: object, dialect: sa.Dialect) -> Declarations[Kinds]:
    """What `slices=` declares. Raises PolicyError for anything but tables, columns and kinds."""

    def kinds_of(table: str, columns: object) -> list[tuple[str, Kinds]]:
        if not isinstance(columns, Mapping):
            raise PolicyError(_wrong("slices", {table: columns}))
        for column, kinds in columns.items():
            for kind in listed(kinds, f"{table}.{column}"):
                if not isinstance(kind, str) or KIND.fullmatch(kind) is None:
                    raise PolicyError(kinds_there_are(f"{table}.{column}", kind))
        return list(columns.items())

    return Declarations("slices", _by_table("slices", given, kinds_of), dialect)


def declared_quiet(given: object, dialect: sa.Dialect) -> Declarations[None]:
    """What `quiet=` declares. Raises PolicyError for anything but tables and lists of columns."""

    def columns_of(table: str, columns: object) -> list[tuple[str, None]]:
        if not isinstance(columns, list | tuple | set | frozenset):
            raise PolicyError(_wrong("quiet", {table: columns}))
        return [(column, None) for column in columns]

    return Declarations("quiet", _by_table("quiet", given, columns_of), dialect)


def _by_table(
    option: str, given: object, columns_of: Callable[[str, object], list[tuple[str, T]]]
) -> dict[str, dict[str, T]]:
    if not isinstance(given, Mapping):
        raise PolicyError(_wrong(option, given))
    found: dict[str, dict[str, T]] = {}
    for table, columns in given.items():
        if not isinstance(table, str) or not table:
            raise PolicyError(_wrong(option, {table: columns}))
        if any(one.lower() == table.lower() for one in found):
            raise PolicyError(f"`{option}=` names the table {table!r} twice: join its columns.")
        found[table] = {}
        for column, value in columns_of(table, columns):
            if not isinstance(column, str):
                raise PolicyError(_wrong(option, {table: columns}))
            if column.lower() in found[table]:
                raise PolicyError(f"`{option}=` names the column {table}.{column} twice: name it once.")
            found[table][column.lower()] = value
    return found


def _wrong(option: str, given: object) -> str:
    return f"`{option}=` takes tables and columns by their names, such as {_EXAMPLES[option]}; got {given!r}."


def _named(name: str, default: str | None) -> TableName:
    schema, _, table = name.rpartition(".")
    return table_name(schema or None, table, default)


def _is_there(name: TableName, known: Dependencies) -> bool:
    relations = known.description.relations
    if name[0] is not None:
        return relations.get(name) == TABLE
    return any(one[1] == name[1] and kind == TABLE for one, kind in relations.items())


def _missing(name: str, found: TableName, known: Dependencies, declared: Collection[TableName]) -> str:
    relations = known.description.relations
    if (kind := relations.get(found)) is not None:
        return f"{name!r}, which is a {kind}: name the tables behind it, since those are written to."
    names = {one for one, kind in relations.items() if kind == TABLE} | set(declared)
    shown = sorted(table if schema is None else f"{schema}.{table}" for schema, table in names)
    there = f"{', '.join(shown[:_SHOWN])}{', …' if len(shown) > _SHOWN else ''}"
    return (
        f"the table {name!r}, which does not exist. Correct the name at `track`, or create the table first. There are: "
        f"{there or 'none'}."
    )


def listed(kinds: object, column: str) -> Iterable[object]:
    """The kinds that were given for a column. Raises PolicyError if they are not text or a list."""
    if isinstance(kinds, str):
        return (kinds,)
    if isinstance(kinds, list | tuple | set | frozenset):
        return kinds
    raise PolicyError(kinds_there_are(column, kinds))


def kinds_there_are(column: str, kind: object) -> str:
    """The error message for an unknown kind."""
    return (
        f"the slices of {column} are of kind 'value', 'month', 'day' or 'range(1000)', or of several in a list; got "
        f"{kind!r}."
    )
