"""The slice columns of one tracked database, and their registration in the store."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from frescor._store.base import Store
from frescor._values.tags import declared_tag
from frescor.errors import CacheError
from frescor.sqlalchemy._catalog.dependencies import Dependencies
from frescor.sqlalchemy._slices.columns import SliceColumn, slice_columns
from frescor.sqlalchemy._slices.declared import Declarations, DeclaredSlices
from frescor.sqlalchemy._slices.written import Plan, plan_for
from frescor.sqlalchemy._statements.facts import Target
from frescor.sqlalchemy._statements.tags import TableName

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
        self._declared = None if declared is None else Declarations(declared, dialect)
        self._columns: WeakKeyDictionary[sa.Table, tuple[SliceColumn, ...]] = WeakKeyDictionary()
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._standing: frozenset[str] = frozenset()
        self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def columns(self, table: sa.Table) -> tuple[SliceColumn, ...]:
        """The slice columns of a declared table. Raises PolicyError for a wrong declaration."""
        if self._declared is None:
            return ()
        found = self._columns.get(table)
        if found is None:
            found = self._columns[table] = slice_columns(table, self._dialect, self._declared.of(table))
        return found

    def check(self, known: Dependencies, tables: Iterable[sa.Table]) -> None:
        """Raise PolicyError if slices are declared for a table that does not exist; `tables`: some of the models'."""
        if self._declared is not None:
            self._declared.check(known, tables)

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
