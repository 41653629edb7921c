"""Compares what the database says with what Frescor named, at every statement of every tracked engine.

Of a statement that reads: each table is among those that a load would depend on. Of one that writes: each table is
among the tags of its transaction; where Frescor names rows or slices, each row that was changed is among them too, and
so is each slice that it was in before or is in after.
"""

import sqlite3
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.pq import TransactionStatus
from sqlalchemy import types

from frescor._values.tags import BUT
from frescor.errors import PolicyError
from frescor.sqlalchemy._engine.drivers import driver_connection
from frescor.sqlalchemy._outbox.outbox import TABLE as OUTBOX
from frescor.sqlalchemy._statements.facts import Facts
from frescor.sqlalchemy._statements.tags import EVERYTHING, TableName, form_of
from frescor.sqlalchemy._tracking.statement_tags import READS, WRITES
from frescor.sqlalchemy._tracking.statements import Statements
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction
from oracle.database import SHADOWS, Authorizer, Locks, columns_of, rows_of

_before, _after, _inserted = Statements.before, Statements.after, Statements.inserted


@dataclass
class Findings:
    """checked: how many statements, tables and rows. unnamed: what Frescor did not name, with the statement."""

    checked: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, sql: str) -> None:
        self.unnamed[f"{what} by {' '.join(sql.split())[:300]!r}"] += 1


@dataclass
class _Look:
    """A statement that is under way. It holds neither its execution nor its transaction: a connection that nobody else
    holds is given back."""

    statements: Statements
    the_execution: weakref.ref[Any]
    sql: str
    readable: set[str] | None = None
    authorizer: Authorizer | None = None
    rows: list[tuple[Any, str, dict[Any, Any]]] = field(default_factory=list)

    @property
    def execution(self) -> Any:
        return self.the_execution()


class Oracle:
    """Watches from `install` until `remove`."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._looks: weakref.WeakKeyDictionary[TrackedTransaction, _Look] = weakref.WeakKeyDictionary()
        # Of each open transaction; None once it has read what cannot be told.
        self._readable: weakref.WeakKeyDictionary[TrackedTransaction, set[str] | None] = weakref.WeakKeyDictionary()
        # What an open transaction of PostgreSQL had locked when it was first met: by statements before the watch began.
        self._locked_before: weakref.WeakKeyDictionary[TrackedTransaction, Locks | None] = weakref.WeakKeyDictionary()

    def install(self) -> None:
        """Watch every engine that is tracked from now on."""
        oracle = self

        def before(self: Statements, sql: str, parameters: Any, execution: Any) -> TrackedTransaction | None:
            transaction = _before(self, sql, parameters, execution)
            if transaction is not None:
                oracle._begin(self, transaction, sql, execution)
            return transaction

        def after(self: Statements, transaction: TrackedTransaction, cursor: Any, sql: str, execution: Any) -> None:
            oracle._end(transaction)
            _after(self, transaction, cursor, sql, execution)

        def inserted(self: Statements, execution: Any) -> None:
            _inserted(self, execution)
            transaction = execution.root_connection.info.get(self._tracking)
            look = None if transaction is None else oracle._looks.get(transaction)
            if look is not None and look.execution is execution:
                oracle._compare_rows(look, transaction)

        Statements.before, Statements.after, Statements.inserted = before, after, inserted  # type: ignore[method-assign]

    def remove(self) -> None:
        """Watch no more."""
        Statements.before, Statements.after, Statements.inserted = (  # type: ignore[method-assign]
            _before,
            _after,
            _inserted,
        )

    def _begin(self, statements: Statements, transaction: TrackedTransaction, sql: str, execution: Any) -> None:
        connection, options = execution.root_connection, execution.execution_options
        if transaction not in self._locked_before and _shows_locks(connection, transaction):
            # Before the first statement there is nothing, and some may not come after a query.
            begun = connection.connection.dbapi_connection.info.transaction_status is not TransactionStatus.IDLE
            self._locked_before[transaction] = _locks(statements, connection) if begun else None
        if WRITES in options or READS in options:
            # The application says what it is, and answers for it.
            self.findings.checked["declared"] += 1
            self._looks.pop(transaction, None)
            self._readable[transaction] = None
            return
        facts = statements._facts(execution, sql, options)
        look = self._looks[transaction] = _Look(statements, weakref.ref(execution), sql)
        self._note_readable(look, transaction, facts)
        driver = driver_connection(connection.connection, connection.dialect)
        if isinstance(driver, sqlite3.Connection):
            for effect in statements._statement_tags.effects(facts, connection, transaction, execution).each:
                table = effect.target.declared
                named = f"{effect.table}#" not in transaction.tags() or (
                    effect.target.generated and transaction.waits_for(execution)
                )
                named = named or effect.slices is not None
                if named and table is not None and (rows := rows_of(driver, table)) is not None:
                    look.rows.append((table, effect.table, rows))
            look.authorizer = Authorizer(driver)
        self.findings.checked[f"statements on {connection.dialect.name}"] += 1

    def _note_readable(self, look: _Look, transaction: TrackedTransaction, facts: Facts) -> None:
        """The tables that a load of this would depend on, with those of the statements before it in the transaction,
        whose locks PostgreSQL still holds."""
        execution = look.execution
        if facts.unknown is not None:
            self.findings.refused["what this SQL reads and writes cannot be determined"] += 1
            self._readable[transaction] = None
            return
        try:
            reading = look.statements._statement_tags.reading(facts, execution.root_connection, transaction, execution)
        except PolicyError as error:
            self.findings.refused[str(error)[:70]] += 1
            self._readable[transaction] = None
            return
        if facts.changes_schema:
            # What a table is made of is looked at, not its rows.
            return
        look.readable = {
            *reading.wholes,
            *(table for _, table in reading.lookups),
            *(one.table for one in reading.sliced),
            *reading.partly,
        }
        before = self._readable.setdefault(transaction, set())
        if before is not None:
            before |= look.readable

    def _end(self, transaction: TrackedTransaction) -> None:
        look = self._looks.get(transaction)
        if look is None:
            return
        connection = look.execution.root_connection
        if look.authorizer is not None:
            look.authorizer.close()
            self._compare(look, transaction, look.authorizer.written, look.authorizer.read, look.readable)
        elif _shows_locks(connection, transaction) and not transaction.changes_schema:
            locks, before = _locks(look.statements, connection), self._locked_before[transaction]
            if before is not None:
                locks.written -= before.written
                locks.read -= before.read | before.written
            self._compare(look, transaction, locks.written, locks.read, self._readable.get(transaction))
        if not transaction.waits_for(look.execution):
            self._compare_rows(look, transaction)

    def _compare(
        self,
        look: _Look,
        transaction: TrackedTransaction,
        written: set[TableName],
        read: set[TableName],
        readable: set[str] | None,
    ) -> None:
        table, raised = look.statements._tracking.tags.table, transaction.tags()
        catalog, connection = look.statements._catalog, look.execution.root_connection

        def whole(name: TableName) -> tuple[TableName, ...]:
            # A table that this is a part of stands for it.
            return (name, *catalog.known(connection, transaction).above(name))

        # Frescor's own triggers write to its own table, on which no value depends.
        for name in (one for one in written if one[1] != OUTBOX):
            self.findings.checked["tables written"] += 1
            if not any(_is_named(table, one, raised) for one in whole(name)):
                self.findings.add(f"a write to {name}", look.sql)
        if readable is not None:
            for name in (one for one in read if one[1] != OUTBOX):
                self.findings.checked["tables read"] += 1
                if not any(_is_named(table, one, readable | raised) for one in whole(name)):
                    self.findings.add(f"a read of {name}", look.sql)

    def _compare_rows(self, look: _Look, transaction: TrackedTransaction) -> None:
        driver = look.execution.root_connection.connection.dbapi_connection
        raised, row = transaction.tags(), look.statements._tracking.tags.row
        rows, look.rows = look.rows, []
        for table, tag, before in rows:
            after = None if EVERYTHING in raised else rows_of(driver, table)
            changed = (
                [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)] if after else []
            )
            self._compare_slices(
                look, raised, table, tag, [*map(before.get, changed), *map((after or {}).get, changed)]
            )
            for key in () if f"{tag}#" in raised else changed:
                self.findings.checked["rows written"] += 1
                identity = tuple(one if isinstance(one, int | bytes) else form_of(types.String(), one) for one in key)
                if row(tag, identity) not in raised:
                    self.findings.add(f"a write to the row {key} of {table.fullname}", look.sql)

    def _compare_slices(
        self, look: _Look, raised: Collection[str], table: Any, tag: str, rows: Sequence[Sequence[Any] | None]
    ) -> None:
        """Each slice of these rows, as they were and as they are, is raised where Frescor says that it knows them."""
        tracking = look.statements._tracking
        driver = look.execution.root_connection.connection.dbapi_connection
        known = [one.removeprefix(f"{tag}{BUT}").split(",") for one in raised if one.startswith(f"{tag}{BUT}")]
        names = columns_of(driver, table)
        for column in tracking.slices.columns(table):
            if not names or not known or not all(column.id in ids for ids in known) or column.blind(tag) in raised:
                continue
            place = names.index(column.name.lower())
            for row in (row for row in rows if row is not None):
                group = column.group(row[place], tracking.tags.group)
                # A time as SQLite keeps it, for one, is in no slice for Python.
                self.findings.checked["slices written" if group is not None else "slices not told"] += 1
                if group is not None and column.slice(tag, group) not in raised:
                    self.findings.add(
                        f"a write to the slice {column.id} = {row[place]!r} of {table.fullname}", look.sql
                    )


def _shows_locks(connection: Any, transaction: TrackedTransaction) -> bool:
    return connection.dialect.driver == "psycopg" and not transaction.autocommit


def _locks(statements: Statements, connection: Any) -> Locks:
    return Locks(connection.connection.dbapi_connection, statements._tracking.default_schema)


def _is_named(tag: Callable[[TableName], str], name: TableName, tags: Collection[str]) -> bool:
    """Whether the tag of a table is among these, or that of the full-text table that keeps its index in it."""
    schema, table = name
    owner, _, part = table.rpartition("_")
    return EVERYTHING in tags or tag(name) in tags or (part in SHADOWS and tag((schema, owner)) in tags)
