"""What an application declares of its tables' slices, checked as far as can be when it is declared.

The shape and the kinds are checked by `track`, the columns at the first statement that names the table, and the tables
at the first statement of a load: before that, a migration may not have created them yet.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

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


class Declarations:
    """The columns that were declared at `track`, by table."""

    def __init__(self, declared: object, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._kinds: dict[str, dict[str, Kinds]] = {}
        # The description by which every table was found: most statements of a process see the same one.
        self._checked: Dependencies | None = None
        if not isinstance(declared, Mapping):
            raise PolicyError(f"slices are declared by table: {_EXAMPLE}; got {declared!r}.")
        for table, columns in declared.items():
            if not isinstance(table, str) or not table or not isinstance(columns, Mapping):
                raise PolicyError(
                    f"slices are declared by the table's name and its columns' names: {_EXAMPLE}; got "
                    f"{{{table!r}: {columns!r}}}."
                )
            self._take(table, columns)
        if self._kinds and dialect.name not in DIALECTS:
            raise PolicyError(
                f"there are slices on PostgreSQL and SQLite, not on {dialect.name}: leave out `slices=`, or pass it "
                "for the other databases alone."
            )

    def _take(self, table: str, columns: Mapping[str, Kinds]) -> None:
        found: dict[str, Kinds] = {}
        for column, kinds in columns.items():
            if not isinstance(column, str):
                raise PolicyError(f"slices of {table!r} are declared by a column's name; got {column!r}.")
            for kind in listed(kinds, f"{table}.{column}"):
                if not isinstance(kind, str) or KIND.fullmatch(kind) is None:
                    raise PolicyError(kinds_there_are(f"{table}.{column}", kind))
            if column.lower() in found:
                raise PolicyError(f"slices of {table}.{column} are declared twice: join its kinds in one list.")
            found[column.lower()] = kinds
        if any(one.lower() == table.lower() for one in self._kinds):
            raise PolicyError(f"slices of the table {table!r} are declared twice: join its columns in one mapping.")
        self._kinds[table] = found

    def of(self, table: sa.Table) -> Mapping[str, Kinds]:
        """What was declared for this table, by the columns' names in lower case. Raises PolicyError for a column that
        the table does not have."""
        # The default schema is known only after the first connection.
        default = self._dialect.default_schema_name
        name = table_name(table.schema, table.name, default)
        declared = next((kinds for given, kinds in self._kinds.items() if _named(given, default) == name), {})
        there = {str.lower(column.name): column.name for column in table.columns}
        for column in declared:
            if column not in there:
                raise PolicyError(
                    f"slices are declared for the column {column!r} of the table {table.name!r}, which has no such "
                    f"column. It has: {', '.join(sorted(there.values()))}. Correct the name at `track(…, slices=…)`."
                )
        return declared

    def check(self, known: Dependencies, tables: Iterable[sa.Table]) -> None:
        """Raise PolicyError for a table that neither the database has, nor the models that these tables belong to."""
        if known is self._checked:
            return
        default = self._dialect.default_schema_name
        missing = [name for name in self._kinds if not _is_there(_named(name, default), known)]
        if not missing:
            self._checked = known
            return
        # A schema that stands for others (`schema_translate_map`) is known by the models alone.
        declared = {
            table_name(table.schema, table.name, default)
            for metadata in {table.metadata for table in tables}
            for table in metadata.tables.values()
        }
        for name in missing:
            if _named(name, default) not in declared:
                raise PolicyError(_no_table(name, _named(name, default), known, declared))


_EXAMPLE = '{"payment": {"paid_on": "month", "member_id": ["value", "range(1000)"]}}'


def _named(name: str, default: str | None) -> TableName:
    schema, _, table = name.rpartition(".")
    return table_name(schema or None, table, default)


def _is_there(name: TableName, known: Dependencies) -> bool:
    relations = known.description.relations
    if name[0] is not None:
        return relations.get(name) == TABLE
    return any(one[1] == name[1] and kind == TABLE for one, kind in relations.items())


def _no_table(name: str, found: TableName, known: Dependencies, declared: Collection[TableName]) -> str:
    relations = known.description.relations
    if (kind := relations.get(found)) is not None:
        return (
            f"slices are declared for {name!r}, which is a {kind}: declare them for the tables behind it, since "
            "those are written to."
        )
    names = {one for one, kind in relations.items() if kind == TABLE} | set(declared)
    shown = sorted(table if schema is None else f"{schema}.{table}" for schema, table in names)
    listed_names = f"{', '.join(shown[:_SHOWN])}{', …' if len(shown) > _SHOWN else ''}"
    return (
        f"slices are declared for the table {name!r}, which does not exist. Correct the name at `track(…, slices=…)`, "
        f"or create the table first. There are: {listed_names or 'none'}."
    )


# More names than this make a sentence unreadable.
_SHOWN = 40


def listed(kinds: object, column: str) -> Iterable[object]:
    """The kinds that were given for a column. Raises PolicyError if they are not text or a list."""
    if isinstance(kinds, str):
        return (kinds,)
    if isinstance(kinds, list | tuple | set | frozenset):
        return kinds
    raise PolicyError(kinds_there_are(column, kinds))


def kinds_there_are(column: str, kind: object) -> str:
    """The sentence for a kind that there is not."""
    return (
        f"the slices of {column} are of kind 'value', 'month', 'day' or 'range(1000)', or of several in a list; got "
        f"{kind!r}."
    )
