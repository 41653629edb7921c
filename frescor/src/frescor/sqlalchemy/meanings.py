"""What the facts of a statement come to in one database: the tags of its tables, and of those that change with them.

Found once for each statement, and kept as long as the catalogue says the same. Not under a schema_translate_map: there
one statement may mean several tables.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.sqlalchemy.catalog import Catalog, named
from frescor.sqlalchemy.facts import Facts, LookUp, Named, Target, Untranslated
from frescor.sqlalchemy.tags import TableName, table_name
from frescor.sqlalchemy.unit import Unit

if TYPE_CHECKING:
    from frescor.sqlalchemy.tracking import Tracking

READS, WRITES = "frescor_reads", "frescor_writes"
_TRANSLATED = "schema_translate_map"
# So many statements of a database; then they are found anew.
_MOST = 2000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effect:
    """A write to one table: the table's tag, and the tags of the tables that the database changes along with it."""

    target: Target
    table: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The tags of the tables that are read whole, and the look-ups of rows, each with its table's tag."""

    wholes: tuple[str, ...]
    lookups: tuple[tuple[LookUp, str], ...] = ()


class _Kept(Generic[T]):
    """What was found for each statement's facts, under one version of the catalogue."""

    def __init__(self, catalog: Catalog, find: Callable[[Facts, sa.Connection, Unit, Any], T]) -> None:
        self._catalog = catalog
        self._find = find
        # By the identity of the facts, which are held, so that no others take their place in memory.
        self._found: dict[int, tuple[Facts, int, T]] = {}

    def get(self, facts: Facts, connection: sa.Connection, unit: Unit, execution: Any) -> T:
        if execution.execution_options.get(_TRANSLATED):
            return self._find(facts, connection, unit, execution)
        kept = self._found.get(id(facts))
        if kept is not None and kept[0] is facts and kept[1] == self._catalog.version:
            return kept[2]
        while True:
            version = self._catalog.version
            found = self._find(facts, connection, unit, execution)
            # It may have read the catalogue itself.
            if version == self._catalog.version:
                break
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[id(facts)] = (facts, version, found)
        return found


class Meanings:
    """What statements come to in a tracked database."""

    def __init__(self, tracking: "Tracking", catalog: Catalog) -> None:
        self._tracking = tracking
        self._catalog = catalog
        self._effects = _Kept(catalog, self._find_effects)
        self._readings = _Kept(catalog, self._find_reading)

    def effects(self, facts: Facts, connection: sa.Connection, unit: Unit, execution: Any) -> Sequence[Effect]:
        """What an execution writes. Raises PolicyError for what is declared wrongly, or a view that is not declared."""
        declared = execution.execution_options.get(WRITES)
        if declared is None:
            return self._effects.get(facts, connection, unit, execution)
        tables = (named(one, self._tracking.default_schema) for one in _listed(declared, WRITES))
        targets = tuple(Target(table, "delete") for table in tables)
        return self._find_effects(Facts(writes=targets), connection, unit, execution)

    def reading(self, facts: Facts, connection: sa.Connection, unit: Unit, execution: Any) -> Reading:
        """What an execution reads. Raises PolicyError as `effects`, and for the database's own catalogue."""
        declared = execution.execution_options.get(READS)
        if declared is None:
            return self._readings.get(facts, connection, unit, execution)
        default = self._tracking.default_schema
        tables = [named(one, default) for one in _listed(declared, READS)]
        return Reading(self._whole(connection, unit, tables))

    def name(self, name: Named, options: Mapping[str, Any], *, compiled: bool) -> TableName:
        """The table that a statement names."""
        schema, table = name
        translated = options.get(_TRANSLATED)
        if translated and compiled and not isinstance(table, Untranslated):
            schema = translated.get(schema, schema)
        return table_name(schema, table, self._tracking.default_schema)

    def _find_effects(self, facts: Facts, connection: sa.Connection, unit: Unit, execution: Any) -> tuple[Effect, ...]:
        self._catalog.meet(target.declared for target in facts.writes if target.declared is not None)
        return tuple(self._effect(target, facts, connection, unit, execution) for target in facts.writes)

    def _effect(self, target: Target, facts: Facts, connection: sa.Connection, unit: Unit, execution: Any) -> Effect:
        tags, default = self._tracking.tags, self._tracking.default_schema
        name = self._name(target.table, facts, execution)
        self._know(connection, unit, name)
        changed = self._catalog.touched(name, target.kind, target.columns, default)
        behind = [other for other in self._catalog.expand([name], (), default) if other != name]
        table, by_schema = tags.table(name), tags.table_by_schema(name)
        others = [*map(tags.table, (*changed, *behind)), *(() if by_schema == table else (by_schema,))]
        return Effect(target, table, tuple(others))

    def _find_reading(self, facts: Facts, connection: sa.Connection, unit: Unit, execution: Any) -> Reading:
        # Whoever writes learns how many rows it were, at least.
        names = [*facts.reads, *facts.loose, *(target.table for target in facts.writes)]
        whole = [self._name(name, facts, execution) for name in names]
        lookups = []
        for lookup in facts.lookups:
            name = self._name(lookup.table, facts, execution)
            behind = self._whole(connection, unit, [name])
            if len(behind) == 1:
                lookups.append((lookup, behind[0]))
            else:
                whole.append(name)
        return Reading(self._whole(connection, unit, whole, facts.functions), tuple(lookups))

    def _whole(
        self, connection: sa.Connection, unit: Unit, names: Sequence[TableName], functions: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """The tags of these tables, or of those behind them."""
        for name in names:
            self._know(connection, unit, name)
        tables = self._catalog.expand(names, functions, self._tracking.default_schema)
        return tuple(map(self._tracking.tags.table, tables))

    def _name(self, name: Named, facts: Facts, execution: Any) -> TableName:
        compiled = execution.compiled is not None and not facts.translated
        return self.name(name, execution.execution_options, compiled=compiled)

    def _know(self, connection: sa.Connection, unit: Unit, name: TableName) -> None:
        if self._catalog.knows(name[0]):
            return
        unit.quiet = True
        try:
            self._catalog.read(connection, name[0])
        finally:
            unit.quiet = False


def _listed(declared: Any, option: str) -> Sequence[Any]:
    if isinstance(declared, str) or not isinstance(declared, list | tuple | set | frozenset):
        raise PolicyError(f"{option} is a list of tables, such as ['militante']; got {declared!r}.")
    return tuple(declared)
