"""What the running load reads: the load is told, so that its entry depends on it and is not considered newer than it.

The races, and what is done about each:

- The loader reads in a transaction that has changed those very rows. Nobody else may see them yet, and perhaps nobody
  ever will: only this caller gets the value.
- The transaction keeps one snapshot (REPEATABLE READ, and SQLite) that it took before the load began. A write between
  the two is missing from what is read, although its stamp is below the load's own `as_of`: so the load counts as of the
  snapshot. On SQLite there may be a transaction without a snapshot: see `_transactions/snapshots.py`.
- An object that the session holds already is met again, by a query, `session.get` or a relationship: its attributes are
  as old as its own load, whatever the row says now. See `_tracking/identity_map.py`.
"""

from collections.abc import Iterable
from contextvars import ContextVar

from frescor._calls.loading import CurrentLoad
from frescor.sqlalchemy._private import new_runid
from frescor.sqlalchemy._statements.tags import MOST_ROWS
from frescor.sqlalchemy._transactions.context import changed
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

# As with rows: beyond this many tags of a table's slices, the load depends on the table's own tag instead.
MOST_SLICE_TAGS = 64


class Seen:
    """What one load has been told so far. mark: objects loaded by a query since then have a higher number (`runid`)."""

    def __init__(self, load: CurrentLoad) -> None:
        self.load = load
        self.mark = new_runid()
        self.tags: set[str] = set()
        self.rows: dict[str, int] = {}
        self.slices: dict[str, int] = {}
        # The states of the objects that were met, which keeps their ids from being used again.
        self.met: dict[int, object] = {}

    def depend(self, tags: Iterable[str]) -> None:
        """Let the load depend on these tags; each is told once."""
        new = [tag for tag in tags if tag not in self.tags]
        if new:
            self.tags.update(new)
            self.load.depends_on(*new)

    def depend_on_rows(self, table: str, rows: list[str]) -> tuple[str, ...]:
        """Let it depend on rows of the table with this tag, or on the table if they are many; returns the tags."""
        if table in self.tags:
            return (table,)
        count = self.rows.get(table, 0) + len(rows)
        if count > MOST_ROWS:
            tags: tuple[str, ...] = (table,)
        else:
            self.rows[table] = count
            tags = (*rows, f"{table}#")
        self.depend(tags)
        return tags

    def depend_on_slices(self, table: str, tags: tuple[str, ...]) -> tuple[str, ...]:
        """As `depend_on_rows`, for slices of the table, with the tags that stand for unknown slices."""
        if table in self.tags:
            return (table,)
        count = self.slices.get(table, 0) + sum(tag not in self.tags for tag in tags)
        if count > MOST_SLICE_TAGS:
            tags = (table,)
        else:
            self.slices[table] = count
        self.depend(tags)
        return tags


_SEEN: ContextVar[Seen | None] = ContextVar("frescor_seen", default=None)


def seen_by(load: CurrentLoad) -> Seen:
    """What this load has been told. It starts anew after another load ran in between, which only costs repetitions."""
    seen = _SEEN.get()
    if seen is None or seen.load is not load:
        seen = Seen(load)
        _SEEN.set(seen)
    return seen


def read_on(transaction: TrackedTransaction, load: CurrentLoad, tags: Iterable[str], *, old: bool) -> None:
    """A statement of this load, with these tags, reads in this transaction. old: from the transaction's snapshot."""
    if transaction.changed(tags) or transaction.uncommitted:
        load.keep_private()
    if old:
        load.is_as_of(transaction.began or 0)


def met(load: CurrentLoad, tags: Iterable[str], filled: int) -> None:
    """An object was met whose values are as old as `filled`, a reading of the store's clock."""
    if changed(tuple(tags)):
        load.keep_private()
    load.is_as_of(filled)
