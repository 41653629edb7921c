"""The relay: a thread that applies rows which others left in an outbox, marks applied rows, and replays after a loss.

Why no invalidation is lost. A row is inserted by the transaction that makes it necessary. From then on it is in one of
four states, and each is covered:

1. *Not committed.* A crash or a rollback removes the row together with the writes: nothing has to be invalidated.
2. *Committed and unmarked.* Its process applies it right after the commit, and marks it later. The row stays unmarked
   if that process is killed before the application or between application and marking, or if the store refuses it.
   Then any relay applies the row 400 ms after it was written (a trigger's row at once), and marks it. Applying a row
   twice makes some values load once more; nothing becomes stale. A relay that cannot apply a row adds it to its
   process's pending invalidations, and the process does not trust the store until it has accepted them.
3. *Applied and marked.* `applied_at` is the database's clock at the marking, so it is later than the application. If
   the server then loses its last writes (see `_store/server/recovery.py`), the watermark that it still has was set
   before the loss: everything done before that clock survived. Rows with an `applied_at` at that clock or later, and
   unmarked rows, are applied again before the server is trusted.
4. *Pruned*, once it has been marked for longer than the retention. With a watermark older than that, nobody can tell
   what is missing, and everything is invalidated. Unmarked rows are never pruned.

The races:

- Ids are random, and rows become visible in the order of their commits, not of ids or of `created_at`. So a relay does
  not remember how far it has read: it asks for all unmarked rows, whenever they were written.
- Two relays take the same row: both apply it, the first one marks it. A row is never marked before the store was told.
- A row is committed while a replay reads. If the row's process has already found the server again, it sends the
  invalidation itself, which a suspect server accepts. If not, the commit came before the replay, which reads the row
  (see `_store/server/recovery.py` again).
- A watermark is read from the database before it is sent, and may arrive late, or after a newer one. It is then older
  than it could be, and never claims that something arrived which did not.
- The database's clock steps back: rows are then marked with a time before the watermark. Each relay compares the
  database's clock with its process's. After a step back of more than a second, replays answer "cannot tell" until the
  retention has passed; so they do for a watermark that is not in the past. `MARGIN` covers smaller steps.
- A replica that lags behind takes over: it has everything up to some moment, as in state 3.
- A fork inherits neither the thread nor its connection, and starts its own when it needs one.
"""

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import sqlalchemy as sa

from frescor._clocks import Steady
from frescor._store.base import PossibleLoss
from frescor._store.server.recovery import TELL_WITHIN
from frescor._surface.cache import Cache
from frescor._values.tags import NAMESPACE_TAG
from frescor.errors import CacheError
from frescor.sqlalchemy._engine.database_id import database_id
from frescor.sqlalchemy._outbox.database_clock import DatabaseClock
from frescor.sqlalchemy._outbox.outbox import TRIGGER, MissingTable, Outbox, Row
from frescor.sqlalchemy._outbox.relay_connection import RelayConnection, Wake
from frescor.sqlalchemy._slices.reported import raised_by
from frescor.sqlalchemy._statements.tags import EVERYTHING, Tags, store_tags

logger = logging.getLogger("frescor")

# Seconds: between two reads of the outbox; age at which a process's row is applied by others; how long marked rows are
# kept.
POLL, LEFT_OVER, RETENTION = 0.25, 0.4, 600.0
# Seconds between two checks for the mark of unrecorded invalidations: whoever sets that mark first waits for them.
LOOK = 1.0
# Seconds between two checks whether somebody has changed the schema.
SCHEMA = 1.0
# Seconds between two watermarks while there is work, and while there is none; between two prunings.
WATERMARK, IDLE_WATERMARK, PRUNE = 1.0, 60.0, 30.0
# Seconds subtracted from a watermark, so that small steps of the database's clock, which go unnoticed, do no harm.
MARGIN = 5.0
# Seconds that a replay may take before everything is invalidated instead; seconds that closing a relay may take.
_REPLAY_WITHIN, _CLOSE_WITHIN = 2.0, 2.0
_FIRST_RETRY, _LAST_RETRY = 0.25, 5.0
_ROWS_AT_ONCE, _TAGS_AT_ONCE, _MOST_REPLAYED = 1000, 500, 20_000
_MICRO = 1_000_000


class _Question:
    """A replay that a caller waits for."""

    def __init__(self, loss: PossibleLoss) -> None:
        self.loss = loss
        self.tags: tuple[str, ...] | None = None
        self.answered = threading.Event()


class Relay:
    """One process's relay for one database: `start` it with the first commit or load, `close` it at the end.

    Safe to share between threads, and after a fork. Nothing here raises because a server or database is away.
    """

    def __init__(
        self,
        engine: sa.Engine,
        cache: Callable[[], Cache],
        outbox: Outbox,
        *,
        database: str = "",
        retention: float = RETENTION,
        poll: float = POLL,
    ) -> None:
        """`engine` is an AsyncEngine's `sync_engine`; `database` the name under which it is tracked. `retention` and
        `poll` are in seconds; the retention must be the same in all processes."""
        self._engine = engine
        self._cache = cache
        self._outbox = outbox
        self.database = database_id(engine, database)
        self._retention = retention
        self._poll = poll
        self._found: Cache | None = None
        self._closed = False
        # Set once the engine's dialect has learned about its server.
        self.server_known = threading.Event()
        self.server_known.set()
        # Called once a second: whether the schema has changed, so that everything has to be invalidated.
        self.schema_changed: Callable[[sa.Connection], bool] | None = None
        # By the tag of a table that is a part of others: what a write to it raises of these. A trigger on a partition
        # knows nothing of the table above, which it may have got since.
        self.raised_above: Callable[[sa.Connection], Mapping[str, Sequence[str]]] | None = None
        self._begin()
        itself = weakref.ref(self)

        def start_again() -> None:
            relay = itself()
            if relay is not None:
                relay._outbox.start_again()
                relay._begin()

        os.register_at_fork(after_in_child=start_again)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._wake = Wake()
        self._thread: threading.Thread | None = None
        self._questions: deque[_Question] = deque()
        self._clock = DatabaseClock()
        self._trouble: str | None = None
        # The rows that could not be read, that were reported, and that are still unmarked.
        self._reported: frozenset[int | None] = frozenset()
        # Whether the last read found rows that are too young, or that could not be applied.
        self._look_again = True
        self._something_happened = True
        self._keeps_watermark = True
        self._watermark_at = self._pruned_at = self._schema_at = float("-inf")
        # The check for unrecorded invalidations: when it was last tried and when it last succeeded, by the monotonic
        # clock; and since when it has succeeded without a gap, by the database's clock.
        self._looked_at: float | None = None
        self._looks_since: int | None = None
        self._last_look = float("-inf")

    def attend(self) -> None:
        """Register with the store, which starts this relay when it opens its first connection."""
        # Resolved here, because the thread has no application context in which the cache could be found.
        self._found = self._cache()
        self._found.store.replay_by(self.database, self)

    def start(self) -> None:
        """Start the thread unless it runs already."""
        if self._thread is not None:
            return
        with self._lock:
            started: threading.Thread | None = self._thread
            if started is None and not self._closed:
                self.attend()
                self._thread = threading.Thread(target=self._run, name="frescor-relay", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End it, after it has marked the rows that it knows to be applied. It does not start again."""
        self._closed = True
        self._wake.set()
        if self._found is not None:
            self._found.store.replay_by(self.database, self, ended=True)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_WITHIN)
        if thread is None or not thread.is_alive():
            self._wake.close()

    def look(self) -> None:
        """Somebody made an invalidation that no outbox records, and waits until this relay knows. Returns at once."""
        self.start()
        self._looked_at = None
        self._wake.set()

    def replay(self, loss: PossibleLoss) -> tuple[str, ...] | None:
        """The store's tags that may be missing from a suspect server; None if that is unknown, or not known in time."""
        # In the child of a fork it may not be running yet.
        self.start()
        question = _Question(loss)
        self._questions.append(question)
        self._wake.set()
        question.answered.wait(_REPLAY_WITHIN)
        return question.tags

    # -- on the relay's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = _FIRST_RETRY
        # In most cases the application is about to make its first connection.
        self.server_known.wait(_FIRST_RETRY)
        while not self._closed:
            try:
                connection = RelayConnection(self._engine, self._wake, self.server_known)
                try:
                    connection.run(self._outbox.check)
                    self._well()
                    pause = _FIRST_RETRY
                    self._serve(connection)
                finally:
                    connection.close()
            except Exception as error:  # noqa: BLE001  # a database has many ways to be away; the relay outlives them
                self._ill(error)
                self._answer_none()
                self._rest(pause)
                pause = min(pause * 2, _LAST_RETRY)
        self._answer_none()

    def _serve(self, connection: RelayConnection) -> None:
        self._look_again = True
        while True:
            closing = self._closed
            while self._questions:
                self._reply(connection, self._questions.popleft())
            self._turn(connection)
            if closing:
                return
            connection.wait(self._poll)

    def _reply(self, connection: RelayConnection, question: _Question) -> None:
        try:
            question.tags = connection.run(lambda own: self._answer(own, question.loss))
        finally:
            question.answered.set()

    def _turn(self, connection: RelayConnection) -> None:
        applied = self._outbox.take_applied()
        if applied:
            self._something_happened = True
            try:
                connection.run(lambda own: self._outbox.mark(own, applied))
            except Exception:
                self._outbox.give_back(applied)
                raise
        if connection.has_changed() or self._look_again:
            connection.run(self._apply_rows)
        now = Steady.monotonic()
        if now - self._pruned_at > PRUNE:
            self._pruned_at = now
            connection.run(lambda own: self._outbox.prune(own, round(self._retention * _MICRO)))
        if self._keeps_watermark and (self._looked_at is None or now - self._looked_at > LOOK):
            connection.run(self._look_for_unrecorded)
        if self.schema_changed is not None and now - self._schema_at > SCHEMA:
            self._schema_at = now
            if connection.run(self.schema_changed):
                self._something_happened = True
                self._tracked().clear_all()
        every = WATERMARK if self._something_happened else IDLE_WATERMARK
        if self._keeps_watermark and now - self._watermark_at > every:
            connection.run(self._set_watermark)

    def _apply_rows(self, connection: sa.Connection) -> None:
        self._look_again = True
        rows = self._outbox.unmarked(connection, _ROWS_AT_ONCE)
        due = [row for row in rows if row.origin == TRIGGER or row.age >= LEFT_OVER * _MICRO]
        if due:
            self._something_happened = True
            if not self._apply(connection, due):
                return
            self._outbox.mark(connection, [row.id for row in due if row.id is not None])
            if any(row.id is None for row in due):
                self._outbox.mark_without_id(connection)
            self._reported = frozenset()
        self._look_again = len(due) < len(rows) or len(rows) == _ROWS_AT_ONCE

    def _apply(self, connection: sa.Connection, rows: Sequence[Row]) -> bool:
        cache = self._tracked()
        whole = frozenset(row.id for row in rows if row.tags is None or EVERYTHING in row.tags)
        if whole:
            self._report(whole)
            return cache._invalidate(tags=(NAMESPACE_TAG,), durable=True, confirm=False)
        every = store_tags(self._raised_by(connection, [row.tags or () for row in rows]))
        parts = [every[start : start + _TAGS_AT_ONCE] for start in range(0, len(every), _TAGS_AT_ONCE)]
        # Without confirmation: whoever committed has returned or is gone, and after an outage everybody waits for this.
        return all(cache._invalidate(tags=part, durable=True, confirm=False) for part in parts)

    def _raised_by(self, connection: sa.Connection, rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
        above = {} if self.raised_above is None else self.raised_above(connection)
        found: dict[str, None] = {}
        for tags in rows:
            found.update(dict.fromkeys(raised_by(tags, self._group)))
            for tag in tags:
                found.update(dict.fromkeys(above.get(tag, ())))
        return tuple(found)

    def _group(self, form: object) -> str:
        # The secret is asked for only if it is needed: a cache without one says so.
        return Tags("", self._tracked().key_secret).group(form)

    def _report(self, whole: frozenset[int | None]) -> None:
        """Log each unreadable row once, however often it is tried until the store accepts it."""
        if new := whole - self._reported:
            logger.warning(
                "%d rows of the outbox cannot be read, or name everything: everything is invalidated, and they are "
                "passed: id %s. Where no statement was logged as the reason, something else writes to that table.",
                len(new),
                ", ".join(sorted(map(repr, new))[:10]),
            )
        self._reported = whole

    def _look_for_unrecorded(self, connection: sa.Connection) -> None:
        """Record in the database that unrecorded invalidations are made, and tell the store that it is recorded."""
        store, before = self._tracked().store, self._last_look
        began = Steady.monotonic()
        self._looked_at = began
        try:
            if store.is_unrecorded(self.database):
                self._outbox.declare_unrecorded(connection)
                store.told(self.database)
        except CacheError as error:
            logger.debug("it cannot be known whether something is invalidated that no outbox keeps: %s", error)
            return
        if self._looks_since is None or began - before > TELL_WITHIN:
            self._looks_since = self._clock.read(self._outbox.now(connection))
        self._last_look = began

    def _set_watermark(self, connection: sa.Connection) -> None:
        happened, self._something_happened = self._something_happened, False
        now = self._clock.read(self._outbox.now(connection))
        try:
            self._keeps_watermark = self._tracked().store.set_watermark(self.database, now)
            self._watermark_at = Steady.monotonic()
        except CacheError as error:
            self._something_happened = happened
            logger.debug("no watermark: %s", error)

    def _answer(self, connection: sa.Connection, loss: PossibleLoss) -> tuple[str, ...] | None:
        since = None
        if loss.lost:
            now = self._clock.read(self._outbox.now(connection))
            if loss.watermark is None or loss.watermark > now or self._clock.went_back_within(self._retention):
                return None
            if self._may_have_missed_a_mark(loss.watermark):
                return None
            since = loss.watermark - round(MARGIN * _MICRO)
            if since < now - round(self._retention * _MICRO):
                return None
        found = self._outbox.not_before(connection, since, _MOST_REPLAYED)
        known = [some for some in found if some is not None]
        if len(known) < len(found) or len(found) == _MOST_REPLAYED:
            return None
        tags = store_tags(self._raised_by(connection, known))
        return None if len(tags) > _MOST_REPLAYED else tags

    def _may_have_missed_a_mark(self, watermark: int) -> bool:
        """Whether an invalidation that no outbox records may have been made since the watermark, unnoticed here."""
        if self._looks_since is None or watermark < self._looks_since:
            return True
        return Steady.monotonic() - self._last_look > TELL_WITHIN

    def _tracked(self) -> Cache:
        assert self._found is not None
        return self._found

    def _answer_none(self) -> None:
        while self._questions:
            self._questions.popleft().answered.set()

    def _rest(self, seconds: float) -> None:
        """Wait; meanwhile answer every replay with "cannot tell"."""
        ends = Steady.monotonic() + seconds
        while not self._closed and (left := ends - Steady.monotonic()) > 0:
            self._wake.wait(left)
            self._answer_none()

    def _ill(self, error: Exception) -> None:
        said = str(error) if isinstance(error, MissingTable) else f"the outbox cannot be read: {error}"
        kind = type(error).__name__
        if kind != self._trouble:
            self._trouble = kind
            logger.warning("%s", said)

    def _well(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            logger.warning("the outbox is read again")
