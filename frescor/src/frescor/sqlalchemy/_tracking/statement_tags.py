"""The tags of a statement in one database: those of its tables, and of the tables that change along with them.

They are found once for each statement, and kept until the catalogue changes. Not under a schema_translate_map, where
the same statement may mean several tables.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.catalog import Catalog, named
from frescor.sqlalchemy._catalog.dependencies import Dependencies, WrittenAlong
from frescor.sqlalchemy._slices.sliced_reads import SlicedRead, sliced_read
from frescor.sqlalchemy._slices.written import Plan
from frescor.sqlalchemy._statements.facts import Facts, LookUp, Named, Place, Target, Untranslated
from frescor.sqlalchemy._statements.tags import TableName, table_name
from frescor.sqlalchemy._statements.text_parameters import place_in, target_in, without_bindings
from frescor.sqlalchemy._tracking.tracked_engine import TrackedEngine
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

READS, WRITES = "frescor_reads", "frescor_writes"
_TRANSLATED = "schema_translate_map"
_TEMPORARY = ("temp", "pg_temp", "main")
# The number of statements that are kept for a database; when it is reached, all are dropped and found anew.
_MOST = 2000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effect:
    """A write to one table: the table's tag, and the tags of the tables that the database changes along with it. whole:
    the write may touch more rows than the statement names. slices: how to learn which slices it touches, if
    possible. why: if not, the reason, in words."""

    target: Target
    table: str
    others: tuple[str, ...]
    whole: bool = False
    slices: Plan | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """All writes of a statement. others: tags of what the functions that it calls write. untold: in words, each thing
    whose effect is unknown. stays: whether a rollback may not undo some of it."""

    each: tuple[Effect, ...] = ()
    others: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    stays: bool = False


@dataclass(frozen=True, slots=True)
class ReadTags:
    """The tags of the tables that are read as a whole, and the look-ups of rows, each with its table's tag. untold: the
    functions of which it is unknown what they read. sliced: the reads of slices of a table. variants: by the tag of a
    table with quiet columns, the variants of its tags that the statement depends on, instead of all its writes. partly:
    of these tables, those that are read as a whole."""

    wholes: tuple[str, ...]
    lookups: tuple[tuple[LookUp, str], ...] = ()
    untold: tuple[str, ...] = ()
    sliced: tuple[SlicedRead, ...] = ()
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    partly: tuple[str, ...] = ()


class _Kept(Generic[T]):
    """What was found for each statement's facts, under one version of the catalogue."""

    def __init__(self, catalog: Catalog, find: Callable[[Facts, sa.Connection, TrackedTransaction, Any], T]) -> None:
        self._catalog = catalog
        self._find = find
        # By the id of the facts, which are kept so that no other object gets the same id.
        self._found: dict[int, tuple[Facts, int, T]] = {}

    def get(self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any) -> T:
        if transaction.changes_schema or transaction.has_path or execution.execution_options.get(_TRANSLATED):
            return self._find(facts, connection, transaction, execution)
        kept = self._found.get(id(facts))
        if kept is not None and kept[0] is facts and kept[1] == self._catalog.version:
            return kept[2]
        while True:
            version = self._catalog.version
            found = self._find(facts, connection, transaction, execution)
            # Finding it may have read the catalogue and changed its version.
            if version == self._catalog.version:
                break
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[id(facts)] = (facts, version, found)
        return found


class StatementTags:
    """Finds the tags of statements in a tracked database."""

    def __init__(self, tracking: TrackedEngine, catalog: Catalog) -> None:
        self._tracking = tracking
        self._catalog = catalog
        self._effects = _Kept(catalog, self._find_effects)
        self._readings = _Kept(catalog, self._find_reading)

    def effects(
        self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> Effects:
        """What an execution writes. Raises PolicyError for a wrong declaration."""
        declared = execution.execution_options.get(WRITES)
        if declared is None:
            return self._effects.get(facts, connection, transaction, execution)
        tables = (named(one, self._tracking.default_schema) for one in _listed(declared, WRITES))
        targets = tuple(Target(table, "delete") for table in tables)
        return self._find_effects(Facts(writes=targets, translated=True), connection, transaction, execution)

    def reading(
        self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> ReadTags:
        """What an execution reads. Raises PolicyError as `effects` does, for a view of which it is unknown what it
        reads, and for the database's own catalogue."""
        declared = execution.execution_options.get(READS)
        if declared is None:
            return self._readings.get(facts, connection, transaction, execution)
        default = self._tracking.default_schema
        tables = tuple(named(one, default) for one in _listed(declared, READS))
        return self._find_reading(Facts(reads=tables, translated=True), connection, transaction, execution)

    def _find_effects(
        self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> Effects:
        self._catalog.meet(target.declared for target in facts.writes if target.declared is not None)
        untold: dict[str, None] = {}
        each = tuple(self._effect(target, facts, connection, transaction, execution, untold) for target in facts.writes)
        others: tuple[str, ...] = ()
        if facts.functions or facts.procedures:
            known = self._catalog.known(connection, transaction)
            for along in (
                known.of_functions(facts.functions),
                known.of_functions(facts.procedures, procedures=True),
            ):
                others += self._tags(known, along.tables)
                untold.update(along.untold)
        staying = self._catalog.known(connection, transaction).description.without_rollback if each or others else ()
        tags = {self._tracking.tags.table(name) for name in staying}
        stays = not tags.isdisjoint((*others, *(tag for one in each for tag in (one.table, *one.others))))
        return Effects(each, tuple(dict.fromkeys(others)), tuple(untold), stays)

    def _effect(
        self,
        target: Target,
        facts: Facts,
        connection: sa.Connection,
        transaction: TrackedTransaction,
        execution: Any,
        untold: dict[str, None],
    ) -> Effect:
        name, known = self._resolved(target.table, facts, connection, transaction, execution)
        if target.declared is None and target.values is not None:
            table_there = self._catalog.declared(name, self._tracking.default_schema)
            dialect = self._tracking.engine.dialect
            target = without_bindings(target) if table_there is None else target_in(target, table_there, dialect)
        along = known.along(name, target.kind, target.columns)
        untold.update(along.untold)
        tags = self._tracking.tags
        table = tags.table(name)
        others = dict.fromkeys((*self._tags(known, along.tables), *map(tags.table, known.aliases(name))))
        others[tags.table_by_schema(name)] = None
        others.pop(table, None)
        uncertain = along.whole or bool(along.untold) or known.is_divided(name) or name in known.description.alters
        slices = self._tracking.slices.plan(target, name, table, known, uncertain=uncertain)
        if slices is not None and (facts.literals or facts.lists):
            slices = replace(slices, literals=facts.literals, lists=facts.lists)
        why = None if slices is not None else _why_unknown(target, along, name, known)
        return Effect(target, table, tuple(others), along.whole, slices, why)

    def _find_reading(
        self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> ReadTags:
        if not facts.needs_catalog:
            # Reading the catalogue is a query, after which PostgreSQL takes no SET TRANSACTION.
            return ReadTags(())
        known = self._catalog.known(connection, transaction)
        self._tracking.slices.check(known, facts.declared)
        # The application learns at least how many rows were written, so a write counts as a read.
        sliced = self._sliced(facts, connection, transaction, execution)
        others = [name for name in facts.reads if name not in sliced]
        in_parts = [one for some in sliced.values() for one in some]
        named_here = [*others, *(target.table for target in facts.writes)]
        whole = [self._resolved(name, facts, connection, transaction, execution)[0] for name in named_here]
        variants = self._variants(facts, connection, transaction, execution)
        lookups = [one for one in in_parts if not isinstance(one, SlicedRead)]
        for lookup in facts.lookups:
            name, known = self._resolved(lookup.table, facts, connection, transaction, execution)
            if [*known.behind([name], ()).tables] == [name]:
                lookups.append((lookup, self._tracking.tags.table(name)))
            else:
                whole.append(name)
        partly = dict.fromkeys(name for name in whole if name in variants)
        behind = known.behind([name for name in whole if name not in variants], facts.functions, facts.loose)
        tag = self._tracking.tags.table
        by_tag = {tag(name): found for name, found in variants.items() if name not in behind.tables}
        in_slices = tuple(
            replace(one, variants=by_tag.get(one.table, ("",))) for one in in_parts if isinstance(one, SlicedRead)
        )
        return ReadTags(
            self._tags(known, behind.tables),
            tuple(lookups),
            tuple(behind.untold),
            in_slices,
            by_tag,
            tuple(tag(name) for name in partly if name not in behind.tables),
        )

    def _variants(
        self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> dict[TableName, tuple[str, ...]]:
        """The tables with quiet columns of which the statement names not all, and the variants of their tags."""
        found: dict[TableName, tuple[str, ...]] = {}
        for table in facts.declared if facts.columns is not None else ():
            quiet = self._tracking.slices.quiet(table)
            if quiet is None:
                continue
            name, known = self._resolved((table.schema, table.name), facts, connection, transaction, execution)
            # A policy may look at any column of the rows that it hides.
            if [*known.behind([name], ()).tables] != [name] or name in known.description.policies:
                continue
            named = {str.lower(column) for (_, of), column in facts.columns or () if str.lower(of) == name[1]}
            if variants := quiet.read(named):
                found[name] = variants
        return found

    def _sliced(
        self, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> dict[Named, list[SlicedRead | tuple[LookUp, str]]]:
        """The tables that are read only in slices, in each place where they occur; of a text, also by primary key."""
        found: dict[Named, list[SlicedRead | tuple[LookUp, str]]] = {}
        unbound: set[Named] = set()
        for place in facts.places:
            one = None
            if place.table not in unbound:
                name, known = self._resolved(place.table, facts, connection, transaction, execution)
                one = self._part(place, name)
            if one is None or [*known.behind([name], ()).tables] != [name]:
                unbound.add(place.table)
            else:
                found.setdefault(place.table, []).append(one)
        return {name: reads for name, reads in found.items() if name not in unbound}

    def _part(self, place: Place, name: TableName) -> SlicedRead | tuple[LookUp, str] | None:
        """What is read of a table in one place; None if it is all of it."""
        tag = self._tracking.tags.table(name)
        if place.declared is None:
            table = self._catalog.declared(name, self._tracking.default_schema)
            if table is None:
                return None
            in_table = place_in(place, table, self._tracking.engine.dialect)
            if isinstance(in_table, LookUp):
                return in_table, tag
            place = in_table
        assert place.declared is not None
        columns = self._tracking.slices.columns(place.declared)
        return sliced_read(place, tag, columns) if columns else None

    def _tags(self, known: Dependencies, tables: Iterable[TableName]) -> tuple[str, ...]:
        tag = self._tracking.tags.table
        return tuple(tag(name) for table in tables for name in (table, *known.aliases(table)))

    def _resolved(
        self, name: Named, facts: Facts, connection: sa.Connection, transaction: TrackedTransaction, execution: Any
    ) -> tuple[TableName, Dependencies]:
        """The table that a name in a statement means on this connection."""
        schema, table = name
        translated = execution.execution_options.get(_TRANSLATED)
        if (
            translated
            and execution.compiled is not None
            and not facts.translated
            and not isinstance(table, Untranslated)
        ):
            schema = translated.get(schema, schema)
        plain = table_name(schema, table, self._tracking.default_schema)
        if plain[0] is not None and plain[0] in _TEMPORARY:
            # A temporary table hides another of the same name: both count as one.
            plain = (None, plain[1])
        known = self._catalog.known(connection, transaction, plain[0])
        if transaction.has_path and plain[0] is None and schema is None:
            if transaction.path is None:
                transaction.path = self._catalog.path(connection)
            return known.resolve(plain, transaction.path), known
        return known.resolve(plain), known


def _why_unknown(target: Target, along: WrittenAlong, name: TableName, known: Dependencies) -> str:
    """Why it is unknown which slices a write touches."""
    if along.whole or along.untold:
        return "a trigger, a rule or a foreign key's action may change more of its rows"
    if known.is_divided(name):
        return "it has partitions, or shares rows by inheritance"
    if name in known.description.alters:
        return "a trigger that runs before the write, or a computed column, may change the row"
    if target.declared is None:
        return "no model in use here declares the table"
    if target.values is None:
        return "its rows come from a SELECT, ON CONFLICT or another table, or the statement stands within another"
    return "it has no slice columns here"


def _listed(declared: Any, option: str) -> Sequence[Any]:
    if isinstance(declared, str) or not isinstance(declared, list | tuple | set | frozenset):
        raise PolicyError(f"{option} is a list of tables, such as ['militante']; got {declared!r}.")
    return tuple(declared)
