"""What the database itself knows: which names are views, and what a write to one table does to others.

Read once for each schema on the connection of the first statement that needs it, and again after a statement that
changes the schema. Foreign keys count that the database has or the models declare: an action that is in one of
them only costs an invalidation too many.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.reflection import Inspector

from frescor.errors import PolicyError
from frescor.sqlalchemy.facts import Kind
from frescor.sqlalchemy.tags import TableName, table_name

_ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT")
_SYSTEM = ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_sequence")


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key that does something: its table, its columns, those that it refers to, and what it does."""

    table: TableName
    columns: frozenset[str]
    referred: frozenset[str]
    on_delete: str
    on_update: str


Declared = Mapping[str, Iterable[Any]]


class Catalog:
    """Views, functions and foreign keys of one database."""

    def __init__(self, views: Declared | None, functions: Declared | None) -> None:
        self._declared_views = views or {}
        self._declared_functions = functions or {}
        self._lock = threading.Lock()
        self._metadata: set[sa.MetaData] = set()
        # What was concluded under another number may not hold any more.
        self.version = 0
        self.forget()

    def forget(self) -> None:
        """The schema may have changed."""
        with self._lock:
            self.version += 1
            self._read: set[str | None] = set()
            self._views: set[TableName] = set()
            self._in_database: set[tuple[TableName, Reference]] = set()
            self._by_table: dict[TableName, list[Reference]] | None = None

    def knows(self, schema: str | None) -> bool:
        """Whether this schema was read."""
        return schema in self._read

    def read(self, connection: sa.Connection, schema: str | None) -> None:
        """Ask the database. Raises what SQLAlchemy raises."""
        inspector: Inspector = sa.inspect(connection)
        default = connection.dialect.default_schema_name
        names = [*inspector.get_view_names(schema)]
        with contextlib.suppress(NotImplementedError):
            names += inspector.get_materialized_view_names(schema)
        with contextlib.suppress(NotImplementedError):
            names += inspector.get_temp_view_names()
        keys = inspector.get_multi_foreign_keys(schema=schema)
        found = set()
        for (_, table), references in keys.items():
            for key in references:
                options = key.get("options") or {}
                referred = table_name(key["referred_schema"] or schema, key["referred_table"], default)
                reference = Reference(
                    table_name(schema, table, default),
                    frozenset(name.lower() for name in key["constrained_columns"]),
                    frozenset(str(name).lower() for name in key["referred_columns"]),
                    str(options.get("ondelete") or "").upper(),
                    str(options.get("onupdate") or "").upper(),
                )
                found.add((referred, reference))
        with self._lock:
            self.version += 1
            self._views |= {table_name(schema, name, default) for name in names}
            self._in_database |= found
            self._read.add(schema)
            self._by_table = None

    def meet(self, tables: Iterable[sa.Table]) -> None:
        """Declared tables: their metadata says more of foreign keys."""
        for table in tables:
            if table.metadata not in self._metadata:
                with self._lock:
                    self.version += 1
                    self._metadata = {*self._metadata, table.metadata}
                    self._by_table = None

    def expand(self, names: Iterable[TableName], functions: Iterable[str], default: str | None) -> list[TableName]:
        """The tables behind these names and functions. Raises PolicyError for a view that is not declared."""
        found: dict[TableName, None] = {}
        rest = list(names)
        for function in functions:
            rest += self._tables_of(self._declared_functions.get(function, ()), default)
        while rest:
            name = rest.pop(0)
            if name in found:
                continue
            found[name] = None
            if _is_system(name):
                raise PolicyError(
                    f"a cached loader reads {name[1]!r}, the database's own catalogue, of which no change can be seen. "
                    "Read it outside of cached functions, or declare frescor_reads=[] if it does not matter."
                )
            plain = name[1] if name[0] is None else f"{name[0]}.{name[1]}"
            if plain in self._declared_views:
                rest += self._tables_of(self._declared_views[plain], default)
            elif name in self._views:
                raise PolicyError(
                    f"{plain!r} is a view, and what it reads was not declared: "
                    f"track(engine, cache, views={{{plain!r}: ('table', …)}})."
                )
        return list(found)

    def touched(
        self, table: TableName, kind: Kind, columns: Collection[str] | None, default: str | None
    ) -> set[TableName]:
        """The tables that the database changes by itself after such a write; columns: those that are set."""
        done: set[tuple[TableName, Kind, frozenset[str] | None]] = set()
        rest = [(table, kind, None if columns is None else frozenset(column.lower() for column in columns))]
        references = self._references(default)
        while rest:
            step = rest.pop()
            if step in done:
                continue
            done.add(step)
            name, what, those = step
            for reference in references.get(name, ()):
                if what == "delete" and reference.on_delete in _ACTIONS:
                    whole = reference.on_delete == "CASCADE"
                    rest.append((reference.table, "delete", None) if whole else _update(reference))
                elif what == "update" and reference.on_update in _ACTIONS and _meets(those, reference.referred):
                    rest.append(_update(reference))
        return {name for name, _, _ in done} - {table}

    def _references(self, default: str | None) -> dict[TableName, list[Reference]]:
        found = self._by_table
        if found is None:
            with self._lock:
                metadata, pairs = self._metadata, set(self._in_database)
            for one in metadata:
                pairs |= _declared_references(one, default)
            found = defaultdict(list)
            for name, reference in pairs:
                found[name].append(reference)
            self._by_table = found
        return found

    def _tables_of(self, declared: Iterable[Any], default: str | None) -> list[TableName]:
        return [named(one, default) for one in ([declared] if isinstance(declared, str) else declared)]


def named(table: Any, default: str | None) -> TableName:
    """The table that an application names by text, Table or mapped class. Raises PolicyError for anything else."""
    if isinstance(table, str):
        schema, _, name = table.rpartition(".")
        return table_name(schema or None, name, default)
    found = getattr(table, "__table__", table)
    if not isinstance(found, sa.Table):
        raise PolicyError(f"a table is named by text, a Table or a mapped class; got {table!r}.")
    return table_name(found.schema, found.name, default)


def _meets(columns: frozenset[str] | None, referred: frozenset[str]) -> bool:
    return columns is None or bool(columns & referred)


def _update(reference: Reference) -> tuple[TableName, Kind, frozenset[str] | None]:
    return (reference.table, "update", reference.columns)


def _declared_references(metadata: sa.MetaData, default: str | None) -> set[tuple[TableName, Reference]]:
    found = set()
    for table in metadata.tables.values():
        for key in table.foreign_key_constraints:
            actions = str(key.ondelete or "").upper(), str(key.onupdate or "").upper()
            if not set(actions) & set(_ACTIONS):
                continue
            try:
                referred = key.referred_table
            except sa.exc.InvalidRequestError:
                continue  # to a table that is not declared: the database tells
            columns = frozenset(column.name.lower() for column in key.columns)
            refers = frozenset(element.column.name.lower() for element in key.elements)
            reference = Reference(table_name(table.schema, table.name, default), columns, refers, *actions)
            found.add((table_name(referred.schema, referred.name, default), reference))
    return found


def _is_system(name: TableName) -> bool:
    schema, table = name
    return schema in ("pg_catalog", "information_schema") or (
        schema is None and (table in _SYSTEM or table.startswith(("pg_stat", "pragma_")))
    )
