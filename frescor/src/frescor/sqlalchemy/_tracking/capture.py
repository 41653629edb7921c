"""What the load that runs here reads: told to it, so that its entry depends on it and is not younger than it.

The races, and what is done about each:

- The loader reads on a transaction that has changed those very rows. Nobody else may see them yet, and perhaps never:
  the value stays with this caller.
- The transaction keeps one snapshot (REPEATABLE READ, and SQLite) and took it before the load began. A write between
  the two is not in what is read, though its stamp is below the load's own `as_of`: the load is as of the snapshot.
  On SQLite there need be no snapshot though there is a transaction: see `sqlalchemy._transactions.snapshots`.
- An object that the session holds is met again, by a query, `session.get` or a relationship: its attributes are those
  of the time when it was loaded, whatever the row says now. See `sqlalchemy._tracking.identity_map`.
"""

from collections.abc import Iterable
from contextvars import ContextVar

from frescor._calls.loading import CurrentLoad
from frescor.sqlalchemy._private import new_runid
from frescor.sqlalchemy._statements.tags import MOST_ROWS
from frescor.sqlalchemy._transactions.context import changed
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

# As with rows: more tags of a table's slices than this are its own tag.
MOST_SLICE_TAGS = 24


class Seen:
    """What one load was told already. mark: objects that a query loaded since have a higher number (`runid`)."""

    def __init__(self, load: CurrentLoad) -> None:
        self.load = load
        self.mark = new_runid()
        self.tags: set[str] = set()
        self.rows: dict[str, int] = {}
        self.slices: dict[str, int] = {}
        # The states of objects that were met; held, so that no other takes one's place in memory.
        self.met: dict[int, object] = {}

    def depend(self, tags: Iterable[str]) -> None:
        """Let the load depend on these, each told once."""
        new = [tag for tag in tags if tag not in self.tags]
        if new:
            self.tags.update(new)
            self.load.depends_on(*new)

    def depend_on_rows(self, table: str, rows: list[str]) -> tuple[str, ...]:
        """Let it depend on rows of the table with this tag, or on the table if there are many; on what it was."""
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
        """As `depend_on_rows`, of slices of the table: with the tags that stand for slices that are not known."""
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
    """What this load was told; begins anew when another load ran in between, which costs repetitions."""
    seen = _SEEN.get()
    if seen is None or seen.load is not load:
        seen = Seen(load)
        _SEEN.set(seen)
    return seen


def read_on(transaction: TrackedTransaction, load: CurrentLoad, tags: Iterable[str], *, old: bool) -> None:
    """A statement of this load, which depends on these tags, reads on this transaction; `old`: in its snapshot."""
    if transaction.changed(tags) or transaction.uncommitted:
        load.keep_private()
    if old:
        load.is_as_of(transaction.began or 0)


def met(load: CurrentLoad, tags: Iterable[str], filled: int) -> None:
    """An object was met whose values are as old as this reading of the store's clock."""
    if changed(tuple(tags)):
        load.keep_private()
    load.is_as_of(filled)
