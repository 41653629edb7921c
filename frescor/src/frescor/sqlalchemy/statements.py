"""What is done at each statement of a tracked engine: told to the load that runs, or noted for the commit."""

import re
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.loading import CurrentLoad, enclosing_load
from frescor.sqlalchemy.analysis import facts_of
from frescor.sqlalchemy.capture import read_on, seen_by
from frescor.sqlalchemy.catalog import Catalog, named
from frescor.sqlalchemy.facts import Facts, LookUp, Named, Target
from frescor.sqlalchemy.snapshots import begin_before_savepoint, keeps_snapshot
from frescor.sqlalchemy.tags import Identity, TableName, identity_of, table_name
from frescor.sqlalchemy.unit import Unit

if TYPE_CHECKING:
    from frescor.sqlalchemy.tracking import Tracking

READS, WRITES = "frescor_reads", "frescor_writes"
_SAVEPOINT = re.compile(
    r'\s*(SAVEPOINT|RELEASE(?: SAVEPOINT)?|ROLLBACK TO(?: SAVEPOINT)?)\s+"?([^";]+)"?', re.IGNORECASE
)
_KEEPS_ISOLATION = "frescor_isolation"


class Statements:
    """Looks at the statements of one tracked engine."""

    def __init__(self, tracking: "Tracking", catalog: Catalog) -> None:
        self._tracking = tracking
        self._catalog = catalog

    def before(
        self, connection: sa.Connection, _cursor: Any, sql: str, _parameters: Any, execution: Any, _many: bool
    ) -> None:
        """`before_cursor_execute`."""
        unit = self._tracking.unit_of(connection)
        if unit.quiet or (unit.last is not None and unit.last() is execution):
            return
        load = enclosing_load()
        if unit.began is None:
            unit.began = self._tracking.clock_seen()
        options = execution.execution_options
        facts = self._facts(execution, sql, options)
        if facts.control is not None:
            raise PolicyError(
                f"{facts.control} as text ends a transaction unseen: use commit() or rollback() of the session or "
                "connection."
            )
        if facts.isolation:
            # A level for the session outlives this transaction: from here on all of this connection count as old.
            connection.info[_KEEPS_ISOLATION] = True
        unit.changes_schema = unit.changes_schema or facts.changes_schema
        if not unit.autocommit and sql[:1] in "Ss" and (found := _SAVEPOINT.match(sql)) is not None:
            begin_before_savepoint(connection, found.group(1))
        if facts.writes or options.get(WRITES):
            self._note(connection, unit, facts, execution)
        if unit.dirty:
            unit.join()
        if load is not None:
            if self._tracking.relay is not None:
                self._tracking.relay.start()
            unit.old = unit.old or _KEEPS_ISOLATION in connection.info
            tags = self._tell(connection, unit, load, facts, execution)
            old = unit.old and (connection.dialect.name != "sqlite" or keeps_snapshot(connection, unit.cursors))
            read_on(unit, load, tags, old=old)
        unit.last = weakref.ref(execution)

    def after(
        self, connection: sa.Connection, cursor: Any, sql: str, _parameters: Any, _execution: Any, _many: bool
    ) -> None:
        """`after_cursor_execute`: savepoints, once the database has made them."""
        unit = self._tracking.unit_of(connection)
        if unit.quiet:
            return
        unit.cursors.executed(cursor)
        if unit.changes_schema:
            self._catalog.forget()
        if sql[:1] not in "SRsr \n" or (found := _SAVEPOINT.match(sql)) is None:
            return
        word, name = found.group(1).upper(), found.group(2).strip().lower()
        if word == "SAVEPOINT":
            unit.savepoint(name)
        elif word.startswith("RELEASE"):
            unit.release(name)
        else:
            unit.rollback_to(name)

    def executed(
        self, connection: sa.Connection, _element: Any, _many: Any, _given: Any, options: Any, result: Any
    ) -> None:
        """`after_execute`: the keys that the database made."""
        execution = result.context
        unit = connection.info.get(self._tracking)
        if unit is None or execution is None or not getattr(execution, "isinsert", False) or WRITES in options:
            return
        for target in self._facts(execution, "", options).writes:
            if target.generated and target.rows is not None:
                name = self._name(target.table, execution)
                rows = _made(target, execution)
                tags = self._tracking.tags
                told = None if rows is None else [tags.row(name, row) for row in rows]
                unit.keys_told(execution, tags.table(name), told)

    def ended(self, unit: Unit) -> None:
        """A transaction is over: what others have read of the schema meanwhile may not be what they will see."""
        if unit.changes_schema:
            self._catalog.forget()

    def _facts(self, execution: Any, sql: str, options: Mapping[str, Any]) -> Facts:
        if WRITES in options and (READS in options or enclosing_load() is None):
            return Facts()
        return facts_of(execution.compiled, sql, self._tracking.engine.dialect.name)

    # -- writes ------------------------------------------------------------------------------------------------------

    def _note(self, connection: sa.Connection, unit: Unit, facts: Facts, execution: Any) -> None:
        declared = execution.execution_options.get(WRITES)
        default = self._tracking.default_schema
        self._catalog.meet(target.declared for target in facts.writes if target.declared is not None)
        targets: Iterable[Target] = facts.writes
        if declared is not None:
            targets = [Target(named(one, default), "delete") for one in _listed(declared, WRITES)]
        for target in targets:
            name = self._name(target.table, execution)
            self._know(connection, unit, name)
            _refuse_autocommit(connection, unit, name)
            self._write(unit, target, name, execution)
            for other in self._catalog.touched(name, target.kind, target.columns, default):
                unit.write(self._tracking.tags.table(other), None)
            for behind in self._catalog.expand([name], (), default):
                if behind != name:
                    unit.write(self._tracking.tags.table(behind), None)

    def _write(self, unit: Unit, target: Target, name: TableName, execution: Any) -> None:
        tags = self._tracking.tags
        table = tags.table(name)
        rows = None if target.rows is None else _identities(target.rows, execution.compiled_parameters)
        if rows is not None:
            unit.write(table, [tags.row(name, row) for row in rows])
        elif target.generated:
            unit.await_keys(execution, table)
        else:
            unit.write(table, None)

    # -- reads -------------------------------------------------------------------------------------------------------

    def _tell(
        self, connection: sa.Connection, unit: Unit, load: CurrentLoad, facts: Facts, execution: Any
    ) -> Sequence[str]:
        """Tell the load what the statement reads; the tags."""
        tags, default = self._tracking.tags, self._tracking.default_schema
        seen = seen_by(load)
        declared = execution.execution_options.get(READS)
        if declared is not None:
            whole = [named(one, default) for one in _listed(declared, READS)]
        else:
            names = [*facts.reads, *(target.table for target in facts.writes if facts.returning)]
            whole = [self._name(name, execution) for name in names]
        for name in whole:
            self._know(connection, unit, name)
        found: list[str] = []
        for lookup in () if declared is not None else facts.lookups:
            name = self._name(lookup.table, execution)
            self._know(connection, unit, name)
            behind = self._catalog.expand([name], (), default)
            rows = _identities(lookup, execution.compiled_parameters)
            if rows is None or len(behind) > 1:
                whole += behind
            else:
                found += seen.depend_on_rows(tags.table(name), [tags.row(name, row) for row in rows])
        functions = () if declared is not None else facts.functions
        wholes = [tags.table(name) for name in self._catalog.expand(whole, functions, default)]
        seen.depend(wholes)
        return (*found, *wholes)

    # -- names -------------------------------------------------------------------------------------------------------

    def _name(self, name: Named, execution: Any) -> TableName:
        schema, table = name
        translated = execution.execution_options.get("schema_translate_map")
        if translated and execution.compiled is not None:
            schema = translated.get(schema, schema)
        return table_name(schema, table, self._tracking.default_schema)

    def _know(self, connection: sa.Connection, unit: Unit, name: TableName) -> None:
        if self._catalog.knows(name[0]):
            return
        unit.quiet = True
        try:
            self._catalog.read(connection, name[0])
        finally:
            unit.quiet = False


def _identities(lookup: LookUp, executions: Sequence[Mapping[str, Any]]) -> list[Identity] | None:
    """The rows that these parameters name; None if one of them does not name a row for certain."""
    found: list[Identity] = []
    kinds = [field.kind for field in lookup.fields]
    for parameters in executions:
        for values in _values(lookup, parameters):
            identity = identity_of(kinds, values)
            if identity is None:
                return None
            found.append(identity)
    return found


def _values(lookup: LookUp, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    field = lookup.fields[0]
    if not field.many:
        return [tuple(parameters.get(field.parameter) for field in lookup.fields)]
    if isinstance(whole := parameters.get(field.parameter), list | tuple):
        return [(value,) for value in whole]
    # The parameters of an IN as SQLAlchemy has spread them out: `name_1`, `name_2`, …
    values: list[tuple[Any, ...]] = []
    while (name := f"{field.parameter}_{len(values) + 1}") in parameters:
        values.append((parameters[name],))
    return values


def _made(target: Target, execution: Any) -> list[Identity] | None:
    """The rows that an INSERT made, as the driver told; None if it did not tell all."""
    assert target.rows is not None
    rows = execution.inserted_primary_key_rows
    if rows is None or target.declared is None:
        return None
    names = [column.key for column in target.declared.primary_key.columns]
    wanted = [field.parameter for field in target.rows.fields]
    kinds = [field.kind for field in target.rows.fields]
    found = []
    for row in rows:
        if row is None or len(row) != len(names):
            return None
        by_name = dict(zip(names, row, strict=True))
        identity = identity_of(kinds, [by_name[name] for name in wanted])
        if identity is None:
            return None
        found.append(identity)
    return found if found else None


def _listed(declared: Any, option: str) -> Sequence[Any]:
    if isinstance(declared, str) or not isinstance(declared, list | tuple | set | frozenset):
        raise PolicyError(f"{option} is a list of tables, such as ['militante']; got {declared!r}.")
    return tuple(declared)


def _refuse_autocommit(connection: sa.Connection, unit: Unit, name: TableName) -> None:
    driver: Any = connection.connection.driver_connection
    at_once = unit.autocommit or getattr(driver, "autocommit", False) is True
    if not at_once and connection.dialect.name == "sqlite":
        at_once = getattr(driver, "isolation_level", "") is None and not driver.in_transaction
    if at_once:
        raise PolicyError(
            f"a write to {name[1]!r} on an AUTOCOMMIT connection is visible at once, before anything can be "
            "invalidated with it: write in a transaction, or on an engine that is not tracked, and invalidate by hand."
        )
