"""The slice columns of one tracked database, and their registration in the store."""

import contextlib
import threading
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from frescor._store.base import Store
from frescor._values.tags import declared_tag
from frescor.errors import CacheError, PolicyError
from frescor.sqlalchemy._catalog.dependencies import Dependencies
from frescor.sqlalchemy._slices.columns import DeclaredSlices, SliceColumn, slice_columns
from frescor.sqlalchemy._slices.written import Plan, plan_for
from frescor.sqlalchemy._statements.facts import Target
from frescor.sqlalchemy._statements.tags import TableName, table_name

# Seconds after which columns are registered again: the store may have lost them, and then stores no entry with slices.
_AGAIN = 1.0


class Slices:
    """The slice columns of one tracked database. `declared`: None for no slices at all."""

    def __init__(
        self, declared: DeclaredSlices | None, dialect: sa.Dialect, store: Callable[[], Store], *, awaits: bool
    ) -> None:
        self._dialect = dialect
        self._store = store
        self._awaits = awaits
        self._is_on = declared is not None
        default = dialect.default_schema_name
        self._declared = {_named(name, default): kinds for name, kinds in (declared or {}).items()}
        self._columns: WeakKeyDictionary[sa.Table, tuple[SliceColumn, ...]] = WeakKeyDictionary()
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._standing: frozenset[str] = frozenset()
        self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def columns(self, table: sa.Table) -> tuple[SliceColumn, ...]:
        """The slice columns of a declared table. Raises PolicyError for a wrong declaration."""
        if not self._is_on:
            return ()
        found = self._columns.get(table)
        if found is None:
            # The default schema may have been unknown when this was declared; now it is known.
            name = table_name(table.schema, table.name, self._dialect.default_schema_name)
            declared = self._declared.get(name)
            unknown = [
                one for one in declared or () if one.lower() not in {str(key.name).lower() for key in table.columns}
            ]
            if unknown:
                raise PolicyError(f"slices of {table.name}.{unknown[0]} are declared, and there is no such column.")
            found = self._columns[table] = slice_columns(table, self._dialect, declared)
        return found

    def plan(self, target: Target, name: TableName, table: str, known: Dependencies, *, uncertain: bool) -> Plan | None:
        """As `plan_for`, for a write."""
        if target.declared is None:
            return None
        columns = self.columns(target.declared)
        return plan_for(target, columns, name, table, known, self._dialect, uncertain=uncertain)

    def ready(self, table: str, columns: tuple[SliceColumn, ...]) -> bool:
        """Whether an entry may depend on slices of these columns of the table with this tag: whether every writer is
        known to raise them. If not, they will be registered.

        A wrong answer means only that a value is not stored, because the store checks for itself.
        """
        blind = [column.blind(table) for column in columns]
        stands = self._standing.issuperset(blind)
        is_new = any(column.id not in self._wanted.get(table, ()) for column in columns)
        if is_new or time.monotonic() > self._asked_at + _AGAIN:
            self._want(table, columns)
        return stands

    def _want(self, table: str, columns: tuple[SliceColumn, ...]) -> None:
        with self._lock:
            ids = tuple(column.id for column in columns)
            self._wanted[table] = tuple(dict.fromkeys((*self._wanted.get(table, ()), *ids)))
            self._asked_at = time.monotonic()
        if self._awaits:
            # In a thread, because the store's driver would block the event loop.
            threading.Thread(target=self._register, name="frescor-slices", daemon=True).start()
        else:
            self._register()

    def _register(self) -> None:
        with self._lock:
            wanted = dict(self._wanted)
        # With the store down nothing is stored; this is tried again in a second.
        with contextlib.suppress(CacheError):
            by_tag = {declared_tag(table): ids for table, ids in wanted.items()}
            if self._store().register_slices(by_tag):
                self._standing = frozenset(f"{table}#@{one}" for table, ids in wanted.items() for one in ids)


def _named(name: str, default: str | None) -> TableName:
    schema, _, table = name.rpartition(".")
    return table_name(schema or None, table, default)
