"""A tracked engine: running loads are told of its reads, and its commits invalidate what it wrote.

Where its statements and commits are seen (see `_engine/hooks.py`):

- `do_execute` and the like see every statement of the ORM, of Core and of text. The tags of a write are noted before it
  runs: noting one for a write that fails costs an invalidation, forgetting one costs a stale read. Savepoints are seen
  as statements, too, after they ran, because SQLAlchemy's own calls for them do not show everything.
- The first statement on a DBAPI connection starts the record of its transaction (`TrackedTransaction`); a commit or a
  rollback ends it. When a connection is invalidated, or given back by the garbage collector, the pool's events end it.
- `do_commit` writes the outbox's row, in one round trip with the COMMIT if the driver can do that. It invalidates after
  the commit and before it returns to the caller.

The order after a commit. Between the COMMIT and the invalidation others still read the old entry. That is harmless: the
commit has not returned to its caller yet, so they might as well have read earlier. If the COMMIT raises, it is unknown
whether it happened. Then the tags are raised all the same, and the outbox's row, if it was committed, is left for the
relay. A task that is cancelled at this point cannot wait for the store: the invalidation continues in a task of its
own, and until it is done this process does not trust the store.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.util import await_only

from frescor._calls.borrowed import name_engine
from frescor._runtime.engine import Engine as CacheEngine
from frescor._surface.cache import Cache
from frescor._values.tags import NAMESPACE_TAG, with_blind_tags
from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.catalog import Catalog, Declared
from frescor.sqlalchemy._engine.hooks import Hooks
from frescor.sqlalchemy._engine.statement_listeners import keep_given, keeping_batches
from frescor.sqlalchemy._outbox.outbox import Outbox, is_shared
from frescor.sqlalchemy._outbox.relay import Relay
from frescor.sqlalchemy._outbox.relay_connection import LEARN_WITHIN
from frescor.sqlalchemy._private import AdhocProxiedConnection, level_on_connect, telling_of_inserts
from frescor.sqlalchemy._slices.declared import DeclaredQuiet, DeclaredSlices
from frescor.sqlalchemy._slices.explained import Written, explained
from frescor.sqlalchemy._slices.returning import RETURNING, execute_returning
from frescor.sqlalchemy._slices.tracked import Slices
from frescor.sqlalchemy._statements.compiler_notes import watch
from frescor.sqlalchemy._statements.tags import TableName, Tags, store_tags
from frescor.sqlalchemy._tracking.identity_map import watch_sessions
from frescor.sqlalchemy._tracking.statements import COMMITS_BY_ITSELF, KEEPS_PATH, Statements
from frescor.sqlalchemy._transactions import context
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

logger = logging.getLogger("frescor")

DATABASES: dict[sa.Dialect, "Tracking"] = {}
# The relay's statements, each of which commits by itself.
_OF_RELAY = TrackedTransaction(old=False, uncommitted=False, autocommit=True)
_FRESH = ("READ COMMITTED", "READ UNCOMMITTED", "AUTOCOMMIT")


class Tracking:
    """What `track` returns. Keep it as long as the engine is used; `close` stops the tracking."""

    def __init__(
        self,
        engine: sa.Engine,
        cache: Cache | Callable[[], Cache],
        *,
        awaits: bool,
        name: str,
        outbox: Outbox | None,
        relay: Relay | None,
        views: Declared | None,
        functions: Declared | None,
        slices: DeclaredSlices | None = None,
        quiet: DeclaredQuiet | None = None,
    ) -> None:
        self.engine = engine
        self.outbox = outbox
        self.relay = relay
        # A fixed cache asks for uncommitted changes from now on; with a function, each cache that it returns does.
        self._fixed = cache if isinstance(cache, Cache) else None
        self._source = cache if callable(cache) else lambda: cache
        self._awaits = awaits
        self._name = name
        self._lock = threading.Lock()
        self._last_write: tuple[tuple[str, ...], Mapping[str, str]] = ((), {})
        self._asked: set[CacheEngine] = set()
        self._tasks: set[asyncio.Task[bool]] = set()
        self._is_sqlite = engine.dialect.name == "sqlite"
        self.catalog = Catalog(views, functions)
        self.slices = Slices(slices, engine.dialect, lambda: self.cache.store, awaits=awaits, quiet=quiet)
        self._statements = Statements(self, self.catalog)
        if relay is not None and engine.dialect.name == "postgresql":
            relay.schema_changed = self.catalog.refresh
            relay.raised_above = self._raised_above
        dialect = engine.dialect
        self._hooks = Hooks(dialect)
        # Without a relay nobody else makes the first connection.
        self._server_known = threading.Event()
        self._knows_server = relay is None or "server_version_info" in vars(dialect)
        if relay is not None and not self._knows_server:
            relay.server_known = self._server_known
        if self._fixed is not None:
            self._take(self._fixed)

    @property
    def cache(self) -> Cache:
        """The cache that is invalidated."""
        if self._fixed is not None:
            return self._fixed
        cache = self._source()
        if cache._engine not in self._asked:
            self._asked.add(cache._engine)
            self._take(cache)
        return cache

    def _take(self, cache: Cache) -> None:
        cache._engine.dirty_check = _dirty_check
        if not cache.store.namespace and is_shared(self.engine):
            logger.warning(
                "the cache of a tracked database is at memory://, in this process alone: it does not hear of what "
                "other processes commit, and serves old values then. Run one process, or give a server's URL."
            )

    @cached_property
    def tags(self) -> Tags:
        """Makes the tags of this database."""
        return Tags(self._name, self.cache.key_secret, dialect=self.engine.dialect.name)

    @property
    def default_schema(self) -> str | None:
        """The schema of tables that are named without one."""
        return self.engine.dialect.default_schema_name

    def last_write(self) -> Written:
        """The tags that the last commit of any thread raised; for tests. Empty until a commit changed something.

        Printed, or by its `reasons`, it says of each tag why: which column and bucket, and why slices are unknown. At
        level DEBUG, the logger `frescor` says of each commit what it raises.
        """
        return Written.of(*self._last_write)

    def behind(self, name: TableName) -> tuple[TableName, ...] | None:
        """All tables that are read when this one is; None if the catalogue has changed and was not read since. Raises
        PolicyError for what changes without any sign."""
        known = self.catalog.at_hand
        return None if known is None else tuple(known.behind([name], ()).tables)

    def learn(self, connection: sa.Connection) -> None:
        """Read the catalogue on a connection, if its transaction has run a statement: PostgreSQL takes some settings of
        a transaction only before the first one. Not on an asynchronous one, which may not be awaited here."""
        transaction: TrackedTransaction | None = connection.info.get(self)
        if transaction is not None and transaction.began is not None and not self._awaits:
            self.catalog.known(connection, transaction)

    def _raised_above(self, connection: sa.Connection) -> dict[str, tuple[str, ...]]:
        """By the tag of a table that is a part of others: what a write to it raises of these."""
        known, tags = self.catalog.known(connection, _OF_RELAY), self.tags
        return {
            tags.table(part): with_blind_tags(
                tag for name in known.above(part) for tag in (tags.table(name), tags.rows(name))
            )
            for part in known.description.parents
        }

    def clock_seen(self) -> int:
        """A lower bound of the store's clock."""
        cache = self._fixed or self.cache
        return cache._engine.clock_seen

    def start(self) -> None:
        """Start the tracking."""
        if DATABASES.setdefault(self.engine.dialect, self) is not self:
            raise PolicyError("this engine is tracked already: track it once, and close() that before another.")
        name_engine(self.engine.dialect, self._name)
        watch_sessions(DATABASES)
        watch(self.engine.dialect)
        # Statements in this cache were compiled without notes.
        self.engine.clear_compiled_cache()
        for name, listener in self._listeners():
            event.listen(self.engine, name, listener)
        self._hooks.install(
            {
                "initialize": self._learn_server,
                "do_execute": self._executing("do_execute"),
                "do_executemany": self._executing("do_executemany"),
                "do_execute_no_params": self._executing_alone(),
                "_deliver_insertmanyvalues_batches": keeping_batches(
                    lambda *given: self._hooks.below("_deliver_insertmanyvalues_batches")(*given)
                ),
                "do_commit": self._commit_and_apply,
                "do_rollback": self._roll_back,
                "do_begin_twophase": self._refuse_two_phase,
                "execution_ctx_cls": telling_of_inserts(
                    self.engine.dialect.execution_ctx_cls, keep_given, self._statements.inserted
                ),
            }
        )

    def close(self) -> None:
        """Stop the tracking: commits invalidate nothing from now on. What was read stays cached."""
        if DATABASES.get(self.engine.dialect) is not self:
            return
        if self.relay is not None:
            self.relay.close()
        del DATABASES[self.engine.dialect]
        for name, listener in self._listeners():
            event.remove(self.engine, name, listener)
        self._hooks.remove()

    def after_commit(self, row_id: int | None, *, stored: bool) -> None:
        """The invalidation after a commit was made; `stored`: the store accepted it."""
        if stored and self.outbox is not None:
            self.outbox.applied(row_id)
        if self.relay is not None:
            self.relay.start()

    def transaction_of(self, connection: sa.Connection) -> TrackedTransaction:
        """The open transaction of a connection; it begins with the first statement that is examined."""
        info = connection.info
        transaction: TrackedTransaction | None = info.get(self)
        if transaction is None:
            transaction = info[self] = self._begin(connection)
            transaction.has_path = KEEPS_PATH in info
        return transaction

    def _listeners(self) -> tuple[tuple[str, Callable[..., None]], ...]:
        return (("reset", self._given_back), ("invalidate", self._given_up))

    def _executing(self, name: str) -> Callable[..., None]:
        """One of the dialect's methods that execute, with what is done before and after it."""
        statements, hooks = self._statements, self._hooks
        alone = name == "do_execute_no_params"

        def look_and_execute(cursor: Any, sql: str, parameters: Any, context: Any = None) -> None:
            transaction = statements.before(sql, parameters, context) if hooks.active else None
            plan = None if transaction is None else context.__dict__.pop(RETURNING, None)
            execute = hooks.below(name)
            try:
                if plan is not None and transaction is not None and not alone:
                    rows = execute_returning(execute, cursor, sql, parameters, context, plan)
                    statements.told(transaction, context, plan, rows)
                elif alone:
                    execute(cursor, sql, context)
                else:
                    execute(cursor, sql, parameters, context)
            except BaseException:
                if plan is not None and transaction is not None:
                    statements.told(transaction, context, plan, None)
                if transaction is not None and transaction.at_once:
                    self._apply_at_once(transaction)
                raise
            if transaction is not None:
                statements.after(transaction, cursor, sql, context)
                if transaction.at_once:
                    self._apply_at_once(transaction)

        return look_and_execute

    def _executing_alone(self) -> Callable[..., None]:
        """As `_executing`, for the method without parameters."""
        executing = self._executing("do_execute_no_params")

        def look_and_execute(cursor: Any, sql: str, context: Any = None) -> None:
            executing(cursor, sql, (), context)

        return look_and_execute

    def _learn_server(self, connection: sa.Connection) -> None:
        self._hooks.below("initialize")(connection)
        self._knows_server = True
        self._server_known.set()

    def _begin(self, connection: sa.Connection) -> TrackedTransaction:
        if not self._knows_server and not self._server_known.wait(LEARN_WITHIN):
            # It was the relay's, and failed. The relay tries again.
            raise sa.exc.TimeoutError("the first connection to the database has not been made in time: try again")
        options, dialect = connection.get_execution_options(), self.engine.dialect
        level = options.get("isolation_level") or level_on_connect(dialect)
        level = level or getattr(dialect, "default_isolation_level", None)
        return TrackedTransaction(
            old=level not in _FRESH,
            uncommitted=level == "READ UNCOMMITTED" and dialect.name != "postgresql",
            autocommit=level == "AUTOCOMMIT",
        )

    def _roll_back(self, connection: sa.PoolProxiedConnection) -> None:
        # An ad-hoc connection is used for a dialect's first look at a server.
        if not isinstance(connection, AdhocProxiedConnection) and self in (info := connection.info):
            self._end(info)
        self._hooks.below("do_rollback")(connection)

    def _refuse_two_phase(self, connection: sa.Connection, xid: object) -> None:
        if not self._hooks.active:
            self._hooks.below("do_begin_twophase")(connection, xid)
            return
        raise PolicyError(
            "a two-phase transaction may be committed later, by anybody, unseen: Frescor cannot invalidate after it. "
            "Use a plain transaction on a tracked engine, or another engine, and invalidate by hand after the last "
            "commit."
        )

    # SQLAlchemy calls these two listeners with arguments of these names.
    def _given_back(self, dbapi_connection: Any, connection_record: Any, reset_state: Any) -> None:  # noqa: ARG002
        # In most cases a commit has ended the transaction.
        if self in connection_record.info:
            self._end(connection_record.info)

    def _given_up(self, dbapi_connection: Any, connection_record: Any, exception: Any) -> None:  # noqa: ARG002
        self._end(connection_record.info)

    def _end(self, info: Any) -> None:
        transaction: TrackedTransaction | None = info.pop(self, None)
        if transaction is not None:
            transaction.end()

    def _commit_and_apply(self, connection: Any) -> None:
        commit = self._hooks.below("do_commit")
        if not self._hooks.active:
            commit(connection)
            return
        info = connection.info
        transaction: TrackedTransaction | None = info.get(self)
        if (
            transaction is not None
            and transaction.changes_seen is not None
            and (self._is_sqlite or transaction.changes_seen != self.catalog.changes)
            and self._statements.is_outdated(transaction, connection)
        ):
            transaction.write_everything()
        if transaction is not None and transaction.changes_schema and self.outbox is not None:
            self.outbox.look_again()
        tags = () if transaction is None else tuple(sorted(transaction.tags()))
        raised = store_tags(tags) if tags else ()
        if tags:
            self._last_write = tags, {} if transaction is None else transaction.why
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug(
                    "a commit invalidates %s", explained(tags, transaction.why if transaction is not None else {})
                )
        row_id = None
        try:
            if tags and self.outbox is not None:
                row_id = self.outbox.commit(connection, self.engine.dialect, tags, commit)
            else:
                commit(connection)
        except BaseException:
            if transaction is not None and transaction.changes_schema:
                self._statements.schema_changed()
            if tags:
                # If the transaction was committed, so was its row.
                self._apply_unknown_outcome(raised, durable=self.outbox is not None and self.outbox.is_there)
            raise
        finally:
            if transaction is not None and info.get(self) is transaction:
                self._end(info)
                if transaction.changes_schema:
                    # Before the tags are raised, so that whoever notes a write after that knows the new schema.
                    self._statements.schema_changed()
        if tags:
            self.after_commit(row_id, stored=self._apply(raised, durable=row_id is not None))

    def _apply_at_once(self, transaction: TrackedTransaction) -> None:
        """The database itself committed with this statement, so nothing of it can be in the outbox."""
        transaction.at_once = False
        if transaction.changes_schema:
            self._statements.schema_changed()
            if self.outbox is not None:
                self.outbox.look_again()
        tags = tuple(sorted(transaction.tags()))
        if self.engine.dialect.name not in COMMITS_BY_ITSELF:
            # On these databases the statement may not have committed: then a commit, or nothing, follows.
            transaction.start_again()
        if tags:
            self._apply(store_tags(tags), durable=False)

    def invalidate_everything(self) -> None:
        """The schema is not the one that was known: invalidate everything that was derived from it."""
        self._apply((NAMESPACE_TAG,), durable=False)

    def _apply(self, tags: tuple[str, ...], *, durable: bool) -> bool:
        cache = self._fixed or self.cache
        if not self._awaits:
            return cache._invalidate(tags=tags, durable=durable)
        task = self._spawn(cache.aio._invalidate(tags=tags, durable=durable))
        try:
            return bool(await_only(asyncio.shield(task)))
        except BaseException:
            cache._engine.pending.add(tags=tags, durable=durable)
            raise

    def _apply_unknown_outcome(self, tags: tuple[str, ...], *, durable: bool) -> None:
        cache = self.cache
        if not self._awaits:
            cache._invalidate(tags=tags, durable=durable)
            return
        cache._engine.pending.add(tags=tags, durable=durable)
        with contextlib.suppress(RuntimeError):  # without a loop it waits for this process's next call
            self._spawn(cache.aio._invalidate(tags=tags, durable=durable))

    def _spawn(self, work: Coroutine[Any, Any, bool]) -> "asyncio.Task[bool]":
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:
            work.close()
            raise
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _dirty_check(tags: tuple[str, ...]) -> bool:
    return context.changed(tags) if tags else context.is_dirty()
