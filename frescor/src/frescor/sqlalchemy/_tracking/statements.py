"""What is done with each statement of a tracked engine: the running load is told of reads, and writes are noted."""

import logging
import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from frescor._calls.loading import CurrentLoad, enclosing_load
from frescor._values.tags import SLICED
from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.catalog import Catalog
from frescor.sqlalchemy._engine.drivers import driver_connection, is_autocommit_of_mysql
from frescor.sqlalchemy._engine.statement_listeners import GIVEN
from frescor.sqlalchemy._private import begins_by_itself
from frescor.sqlalchemy._slices.quiet import blind_tags, ids_of, rows_in
from frescor.sqlalchemy._slices.returning import RETURNING, gives_rows, told
from frescor.sqlalchemy._slices.sliced_reads import SlicedRead, read_slices
from frescor.sqlalchemy._slices.written import Plan
from frescor.sqlalchemy._statements.analysis import facts_of
from frescor.sqlalchemy._statements.facts import Facts
from frescor.sqlalchemy._statements.tags import table_name
from frescor.sqlalchemy._statements.text import facts_of_text
from frescor.sqlalchemy._tracking.capture import read_on, seen_by
from frescor.sqlalchemy._tracking.row_keys import Executions, Lists, has_zero, keys_made_by, parameters_of, row_keys
from frescor.sqlalchemy._tracking.statement_tags import READS, WRITES, Effect, ReadTags, StatementTags
from frescor.sqlalchemy._tracking.tracked_engine import TrackedEngine
from frescor.sqlalchemy._tracking.why_read import why_read
from frescor.sqlalchemy._tracking.why_unbound import why_unbound
from frescor.sqlalchemy._transactions.snapshots import begin_before_savepoint, keeps_snapshot
from frescor.sqlalchemy._transactions.touched import LATER, Touched
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

logger = logging.getLogger("frescor")

_SAVEPOINT = re.compile(
    r'\s*(SAVEPOINT|RELEASE(?: SAVEPOINT)?|ROLLBACK TO(?: SAVEPOINT)?)\s+"?([^";]+)"?', re.IGNORECASE
)
_MAY_SAVE = ("SA", "Sa", "sA", "sa")
_KEEPS_ISOLATION = "frescor_isolation"
KEEPS_PATH = "frescor_path"
MYSQL = ("mysql", "mariadb")
# Databases that commit the open transaction with each statement that changes the schema.
COMMITS_BY_ITSELF = (*MYSQL, "oracle")
_MOST_SAID = 1000
# The statements before which Python's driver for SQLite begins a transaction.
_BEGINS = ("INSERT", "UPDATE", "DELETE", "REPLAC")
_HOW_TO_DECLARE = (
    "Declare the tables that it writes to: track(engine, cache, functions={'function': ('table', …)}), or "
    "execution_options(frescor_writes=['table', …]) on the statement."
)


class Statements:
    """Examines the statements of one tracked engine."""

    def __init__(self, tracking: TrackedEngine, catalog: Catalog) -> None:
        self._tracking = tracking
        self._catalog = catalog
        self._statement_tags = StatementTags(tracking, catalog)
        self._said: set[str] = set()
        dialect = tracking.engine.dialect.name
        self._is_sqlite = dialect == "sqlite"
        self._is_mysql = dialect in MYSQL
        # Without a relay nobody reports that another process has changed the schema.
        self._looks_by_itself = dialect == "postgresql" and tracking.relay is None

    def before(self, sql: str, parameters: Any, execution: Any) -> TrackedTransaction | None:
        """A statement is about to run. Returns the transaction that it is part of; None if it is not examined."""
        if execution is None or not begins_by_itself(execution.root_connection):
            # A query of the dialect's own, at its first look at a server. It belongs to no transaction.
            return None
        connection = execution.root_connection
        transaction = self._tracking.transaction_of(connection)
        if transaction.quiet:
            return None
        if "statement" not in execution.__dict__:
            # A query for a column's default, which runs while the statement that needs it is being prepared.
            self._look(connection, transaction, sql, execution, rows_known=False)
            transaction.last = None
            return transaction
        given = execution.__dict__.get(GIVEN)
        if given is not None:
            # Listeners may have changed the statement, and each batch of an executemany anew.
            rows = given.is_sent_as(sql) and given.is_sent_with(parameters)
            self._look(connection, transaction, sql, execution, rows_known=rows)
        elif transaction.last is None or transaction.last() is not execution:
            self._look(connection, transaction, sql, execution, rows_known=True)
        return transaction

    def after(self, transaction: TrackedTransaction, cursor: Any, sql: str, execution: Any) -> None:
        """A statement ran: note savepoints, which exist only now, and whether it showed another schema."""
        if transaction.changes_schema:
            transaction.known = None
        if self._is_sqlite:
            transaction.cursors.executed(cursor)
            if enclosing_load() is not None:
                self._look_again(transaction, sql, execution)
        if sql[:1] in "Ss" and sql[:2] not in _MAY_SAVE:
            # A SELECT, in most cases.
            return
        if sql[:1] not in "SRsr \n" or (found := _SAVEPOINT.match(sql)) is None:
            return
        word, name = found.group(1).upper(), found.group(2).strip().lower()
        if word == "SAVEPOINT":
            transaction.savepoint(name)
        elif word.startswith("RELEASE"):
            transaction.release(name)
        else:
            transaction.rollback_to(name)

    def inserted(self, execution: Any) -> None:
        """An INSERT ran, and the keys that the database generated are known."""
        transaction = execution.root_connection.info.get(self._tracking)
        table = None if transaction is None else transaction.waits_for(execution)
        if table is None:
            return
        for target in facts_of(execution.compiled, "", self._tracking.engine.dialect.name).writes:
            if target.generated and target.rows is not None:
                rows = keys_made_by(target, execution)
                if rows is not None and self._is_mysql and has_zero(rows):
                    rows = None
                row_tag = self._tracking.tags.row
                transaction.keys_told(execution, table, None if rows is None else [row_tag(table, row) for row in rows])

    def schema_changed(self) -> None:
        """A transaction that changed the schema was committed: what is known of the schema no longer holds."""
        self._catalog.forget()

    def is_outdated(self, transaction: TrackedTransaction, connection: sa.PoolProxiedConnection) -> bool:
        """Whether a transaction may have noted too little for its writes, because the schema has changed since. On
        SQLite this is queried within the transaction."""
        if transaction.changes_schema:
            return False
        if self._is_sqlite and self._catalog.has_changed(connection):
            self._catalog.forget()
        return transaction.changes_seen != self._catalog.changes

    def _look(
        self, connection: sa.Connection, transaction: TrackedTransaction, sql: str, execution: Any, *, rows_known: bool
    ) -> None:
        load = enclosing_load()
        if transaction.began is None:
            transaction.began = self._tracking.clock_seen()
        options = execution.execution_options
        facts = self._facts(execution, sql, options)
        if facts.control is not None:
            raise PolicyError(
                f"{facts.control} as text ends a transaction unseen: use commit() or rollback() of the session or "
                "connection."
            )
        if facts.isolation:
            # The level is set for the whole session and outlives this transaction: from now on all transactions of this
            # connection count as keeping their snapshot.
            connection.info[_KEEPS_ISOLATION] = True
        transaction.changes_schema = transaction.changes_schema or facts.changes_schema
        if sql[:2] in _MAY_SAVE and not transaction.autocommit and (found := _SAVEPOINT.match(sql)) is not None:
            begin_before_savepoint(connection, found.group(1))
        if facts.unknown is not None:
            self._cannot_tell(facts.unknown, options, load)
        if facts.changes_schema or facts.everything or facts.commits:
            transaction.at_once = self._commits_by_itself(connection, transaction)
        # Not before a ROLLBACK TO: in a transaction with an error the database answers nothing else. Nor before a SET,
        # since PostgreSQL takes some settings of a transaction only before its first query.
        if self._looks_by_itself and self._catalog.is_due() and facts.needs_catalog:
            self._refresh(connection, transaction)
        noted = (
            facts.writes or facts.functions or facts.everything or facts.procedures or options.get(WRITES)
        ) and self._note(connection, transaction, facts, sql, execution, rows_known=rows_known)
        if not noted and transaction.dirty:
            # Perhaps in another thread or task than the one that wrote, or the statement is declared to write nothing.
            transaction.join()
        if load is not None:
            if self._tracking.relay is not None:
                self._tracking.relay.start()
            transaction.old = transaction.old or _KEEPS_ISOLATION in connection.info
            tags = self._tell(connection, transaction, load, facts, execution, rows_known=rows_known)
            old = transaction.old and (
                connection.dialect.name != "sqlite" or keeps_snapshot(connection, transaction.cursors)
            )
            read_on(transaction, load, tags, old=old)
        if facts.changes_path:
            # Until the connection is closed: the setting may end with the transaction, or outlive it.
            connection.info[KEEPS_PATH] = transaction.has_path = True
            transaction.path = None
        transaction.last = weakref.ref(execution)

    def _look_again(self, transaction: TrackedTransaction, sql: str, execution: Any) -> None:
        """A statement of a load read in a snapshot. If the snapshot has another schema than the known one, examine the
        statement again."""
        connection = execution.root_connection
        if not transaction.changes_schema and self._refresh(connection, transaction):
            facts = self._facts(execution, sql, execution.execution_options)
            load = enclosing_load()
            assert load is not None
            self._tell(connection, transaction, load, facts, execution, rows_known=False)

    def _refresh(self, connection: sa.Connection, transaction: TrackedTransaction) -> bool:
        changed = self._catalog.refresh(connection, transaction)
        if changed:
            self._tracking.invalidate_everything()
        return changed

    def _facts(self, execution: Any, sql: str, options: Mapping[str, Any]) -> Facts:
        if WRITES in options and (READS in options or enclosing_load() is None):
            return Facts()
        dialect = self._tracking.engine.dialect.name
        given = execution.__dict__.get(GIVEN)
        # An execution without a statement of its own computes a column's default.
        if "statement" in execution.__dict__ and (given is None or given.is_sent_as(sql)):
            return facts_of(execution.compiled, sql, dialect)
        return replace(facts_of_text(sql, dialect), translated=True)

    def _note(
        self,
        connection: sa.Connection,
        transaction: TrackedTransaction,
        facts: Facts,
        sql: str,
        execution: Any,
        *,
        rows_known: bool,
    ) -> bool:
        """Note, before a statement runs, what it writes; returns whether it writes anything."""
        row_tag = self._tracking.tags.row
        effects = self._statement_tags.effects(facts, connection, transaction, execution)
        everything = facts.everything and WRITES not in execution.execution_options
        if effects.each:
            if not transaction.at_once and _is_autocommit(connection, transaction):
                raise PolicyError(_AUTOCOMMIT.format(effects.each[0].target.table[1]))
            if self._is_sqlite and not transaction.at_once and sql.lstrip()[:6].upper() not in _BEGINS:
                # Otherwise the release of the savepoint would commit the write, whatever the transaction does.
                begin_before_savepoint(connection, "SAVEPOINT")
        elif effects.others or effects.untold:
            # Functions may write on any connection, also on one that commits by itself.
            transaction.at_once = _is_autocommit(connection, transaction)
        for what in effects.untold:
            everything = True
            self._say(f"what {what} does is unknown, in {_shown(sql)!r}. {_HOW_TO_DECLARE}")
        if everything:
            transaction.write_everything()
        if self._is_mysql and (everything or effects.stays or facts.procedures):
            # A rollback may come and not undo it: a routine may commit, and an engine may have no transactions.
            transaction.at_once = True
        if transaction.changes_seen is None and (effects.each or effects.others):
            transaction.changes_seen = self._catalog.changes
        for other in effects.others:
            transaction.write(other, None)
        for effect in effects.each:
            target, table = effect.target, effect.table
            known = rows_known and target.rows is not None and not effect.whole
            rows = None
            if known and target.rows is not None:
                rows = row_keys(target.rows, *parameters_of(facts, execution))
                if rows is not None and self._is_mysql and target.kind == "insert" and has_zero(rows):
                    rows = None
            slices = self._touched(transaction, effect, execution) if effect.slices is not None and rows_known else None
            if slices is None:
                transaction.why[table] = effect.why or "a listener has changed the statement"
            if rows is not None:
                transaction.write(table, [row_tag(table, row) for row in rows], slices)
            elif target.generated and rows_known and not effect.whole:
                transaction.await_keys(execution, table, slices)
            else:
                transaction.write(table, None, slices)
            for other in effect.others:
                transaction.why.setdefault(other, f"it is written to along with {table}")
                transaction.write(other, None)
        return everything or bool(effects.each or effects.others)

    def _touched(self, transaction: TrackedTransaction, effect: Effect, execution: Any) -> Touched | None:
        """The slices that an execution touches, as far as they are known before it; others are noted after it."""
        plan = effect.slices
        assert plan is not None
        if not plan.returning or not gives_rows(execution):
            plan = plan.without_rows() if plan.returning else plan
            slices = told(plan, execution, (), self._tracking.tags.group)
            if None in slices.values():
                transaction.why.update(plan.why(slices))
            return slices
        transaction.await_slices(execution, effect.table)
        execution.__dict__[RETURNING] = plan
        return LATER

    def told(self, transaction: TrackedTransaction, execution: Any, plan: Plan, rows: Sequence[Any] | None) -> None:
        """A statement has returned its rows; None if it failed, and unknown rows may be changed."""
        slices = None if rows is None else told(plan, execution, rows, self._tracking.tags.group)
        if slices is None:
            transaction.why[plan.table] = "a statement failed, or returned a value that Python does not have"
        elif None in slices.values():
            transaction.why.update(plan.why(slices))
        transaction.slices_told(execution, plan.table, slices)

    def _cannot_tell(self, unknown: str, options: Mapping[str, Any], load: CurrentLoad | None) -> None:
        """Refuse a read whose tables are unknown. Outside of loads, log once for each text what that costs."""
        if load is not None and READS not in options:
            raise PolicyError(unknown)
        if WRITES not in options:
            self._say(unknown)

    def _say(self, unknown: str) -> None:
        if unknown not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(unknown)
            logger.warning("%s Until it is declared, each time it is executed everything is invalidated.", unknown)

    def _commits_by_itself(self, connection: sa.Connection, transaction: TrackedTransaction) -> bool:
        """Whether a statement that changes the schema is committed at once, and not with its transaction."""
        if connection.dialect.name == "sqlite":
            # Python's driver begins a transaction only before INSERT, UPDATE, DELETE and REPLACE.
            return not driver_connection(connection.connection, connection.dialect).in_transaction
        return connection.dialect.name in COMMITS_BY_ITSELF or _is_autocommit(connection, transaction)

    def _say_private(self, function: str) -> None:
        if function not in self._said:
            self._said.add(function)
            logger.warning(
                "a cached loader calls the function %r, and it is unknown what that reads: what such a load returns "
                "is not stored. Declare it: track(engine, cache, functions={%r: ('table', …)}).",
                function,
                function,
            )

    def _tell(
        self,
        connection: sa.Connection,
        transaction: TrackedTransaction,
        load: CurrentLoad,
        facts: Facts,
        execution: Any,
        *,
        rows_known: bool,
    ) -> Sequence[str]:
        """Tell the load what the statement reads; returns the tags."""
        row_tag = self._tracking.tags.row
        seen = seen_by(load)
        reading = self._statement_tags.reading(facts, connection, transaction, execution)
        for function in reading.untold:
            load.keep_private()
            self._say_private(function)
        wholes = [*reading.wholes]
        found: list[str] = []
        executions, spread = parameters_of(facts, execution) if reading.lookups or reading.sliced else ((), {})
        for lookup, table in reading.lookups:
            rows = row_keys(lookup, executions, spread) if rows_known else None
            if rows is None:
                wholes.append(table)
                continue
            tags = [row_tag(table, row) for row in rows]
            variants = self._ready_variants(reading, table, rows=True)
            if variants:
                of_rows = (*rows_in(table, tags, variants), *blind_tags(table, variants), SLICED)
                found += seen.depend_on_slices(table, of_rows)
            else:
                found += seen.depend_on_rows(table, tags)
        for read in reading.sliced:
            of_slices = self._slice_tags(read, executions, spread) if rows_known else None
            if of_slices is None:
                wholes.append(read.table)
            else:
                found += seen.depend_on_slices(read.table, of_slices)
        for table in reading.partly:
            variants = self._ready_variants(reading, table) if rows_known else ()
            if variants:
                found += seen.depend_on_slices(table, (*blind_tags(table, variants), SLICED))
            else:
                wholes.append(table)
        seen.depend(wholes)
        if load.reads is not None:

            def unbound(table: str) -> str | None:
                return self._why_unbound(table, facts, execution)

            load.reads += why_read(reading, found, wholes, facts, execution.statement or "", unbound)
        return (*found, *wholes)

    def _why_unbound(self, table: str, facts: Facts, execution: Any) -> str | None:
        """Why the conditions of a statement bind no part of a table; None for text, and for a table that the statement
        does not name itself."""
        for one in facts.declared if execution.compiled is not None else ():
            if self._tracking.tags.table(table_name(one.schema, one.name, self._tracking.default_schema)) == table:
                return why_unbound(execution.compiled.statement, one, self._tracking.slices.columns(one))
        return None

    def _slice_tags(self, read: SlicedRead, executions: Executions, spread: Lists) -> tuple[str, ...] | None:
        found = read_slices(read, executions, spread, self._tracking.tags.group)
        if found is None or not self._tracking.slices.ready(read.table, found.ids):
            return None
        return found.tags

    def _ready_variants(self, reading: ReadTags, table: str, *, rows: bool = False) -> tuple[str, ...]:
        """The ids of the variants of a table's tag, or of its rows' tags, that are read; none if all writes count."""
        ids = ids_of(reading.variants.get(table, ()), rows=rows)
        return ids if ids and self._tracking.slices.ready(table, ids) else ()


def _shown(sql: str | None) -> str:
    shown = " ".join((sql or "").split())
    return f"{shown[:80]}…" if len(shown) > 80 else shown


_AUTOCOMMIT = (
    "a write to {!r} on an AUTOCOMMIT connection is visible at once, before anything can be invalidated with it: write "
    "in a transaction, or on an engine that is not tracked, and invalidate by hand."
)


def _is_autocommit(connection: sa.Connection, transaction: TrackedTransaction) -> bool:
    driver = driver_connection(connection.connection, connection.dialect)
    if transaction.autocommit or getattr(driver, "autocommit", False) is True:
        return True
    name = connection.dialect.name
    if name == "sqlite":
        return getattr(driver, "isolation_level", "") is None and not driver.in_transaction
    return name in MYSQL and is_autocommit_of_mysql(driver)
