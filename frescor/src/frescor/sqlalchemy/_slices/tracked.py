"""The slice columns of one tracked database, and their registration in the store."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from frescor._clocks import Steady
from frescor._store.base import Store
from frescor._values.tags import declared_tag
from frescor.errors import CacheError
from frescor.sqlalchemy._catalog.dependencies import Dependencies
from frescor.sqlalchemy._slices.columns import SliceColumn, slice_columns
from frescor.sqlalchemy._slices.declared import (
    DIALECTS,
    DeclaredQuiet,
    DeclaredSlices,
    declared_quiet,
    declared_slices,
)
from frescor.sqlalchemy._slices.quiet import Quiet, blind_tags, quiet_of
from frescor.sqlalchemy._slices.written import Plan, plan_for
from frescor.sqlalchemy._statements.facts import Target
from frescor.sqlalchemy._statements.tags import TableName

# Seconds after which columns are registered again: the store may have lost them, and then stores no entry with slices.
_AGAIN = 1.0


class Slices:
    """The slice columns of one tracked database. `declared`: None for no slices at all."""

    def __init__(
        self,
        declared: DeclaredSlices | None,
        dialect: sa.Dialect,
        store: Callable[[], Store],
        *,
        awaits: bool,
        quiet: DeclaredQuiet | None = None,
    ) -> None:
        self._dialect = dialect
        self._store = store
        self._awaits = awaits
        self._declared = None if declared is None else declared_slices(declared, dialect)
        self._declared_quiet = declared_quiet(quiet or {}, dialect)
        self._has_any = dialect.name in DIALECTS
        self._columns: WeakKeyDictionary[sa.Table, tuple[SliceColumn, ...]] = WeakKeyDictionary()
        self._quiet: WeakKeyDictionary[sa.Table, Quiet | None] = WeakKeyDictionary()
        self._wanted: dict[str, tuple[str, ...]] = {}
        # The blind tags that are registered, as far as this process knows, by store: a test may replace the cache by
        # another, and each application of a process has its own. A registration replaces it.
        self.standing: WeakKeyDictionary[Store, frozenset[str]] = WeakKeyDictionary()
        self._asked_at = float("-inf")
        self._lock = threading.Lock()

    def columns(self, table: sa.Table) -> tuple[SliceColumn, ...]:
        """The slice columns of a declared table. Raises PolicyError for a wrong declaration."""
        if self._declared is None:
            return ()
        found = self._columns.get(table)
        if found is None:
            declared, quiet = self._declared.of(table), self.quiet(table)
            names = () if quiet is None else quiet.names
            found = self._columns[table] = slice_columns(table, self._dialect, declared, names)
        return found

    def quiet(self, table: sa.Table) -> Quiet | None:
        """The quiet columns of a declared table; None if it has none. Raises PolicyError for a wrong declaration."""
        if not self._has_any:
            return None
        try:
            return self._quiet[table]
        except KeyError:
            sliced = {} if self._declared is None else self._declared.of(table)
            names = [name for name, kinds in sliced.items() if kinds]
            found = self._quiet[table] = quiet_of(table, self._declared_quiet.of(table), names)
            return found

    def check(self, known: Dependencies, tables: Iterable[sa.Table]) -> None:
        """Raise PolicyError if a table is declared that does not exist; `tables`: some of the models'."""
        self._declared_quiet.check(known, tables)
        if self._declared is not None:
            self._declared.check(known, tables)

    def plan(self, target: Target, name: TableName, table: str, known: Dependencies, *, uncertain: bool) -> Plan | None:
        """As `plan_for`, for a write."""
        if target.declared is None:
            return None
        columns = self.columns(target.declared)
        return plan_for(
            target, columns, self.quiet(target.declared), name, table, known, self._dialect, uncertain=uncertain
        )

    def ready(self, table: str, ids: tuple[str, ...]) -> bool:
        """Whether an entry may depend on slices of columns with these ids of the table with this tag: whether every
        writer is known to raise them. If not, they will be registered.

        A wrong answer means only that a value is not stored, because the store checks for itself.
        """
        store = self._store()
        is_new = store not in self.standing or not set(self._wanted.get(table, ())).issuperset(ids)
        stands = self.standing.setdefault(store, frozenset()).issuperset(blind_tags(table, ids))
        if is_new or Steady.monotonic() > self._asked_at + _AGAIN:
            self._want(table, ids)
        return stands

    def _want(self, table: str, ids: tuple[str, ...]) -> None:
        with self._lock:
            self._wanted[table] = tuple(dict.fromkeys((*self._wanted.get(table, ()), *ids)))
            self._asked_at = Steady.monotonic()
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
            store = self._store()
            if store.register_slices(by_tag):
                standing = frozenset(f"{table}#@{one}" for table, ids in wanted.items() for one in ids)
                self.standing = WeakKeyDictionary({**self.standing, store: standing})
