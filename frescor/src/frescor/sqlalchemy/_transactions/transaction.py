"""What one database transaction has changed so far, and how old the snapshot is that it reads from.

Its tags are kept by savepoint: `ROLLBACK TO` drops those of what was changed since the savepoint, `RELEASE` hands them
to the level below, and the transaction's end drops or applies them all. If several savepoints have one name, the name
means the last of them, as in SQL.

If the database generates a row's key, the key is known only after the INSERT. Until then, and for good if the driver
does not tell it, the table's rows count as unknown. So do the slices of the rows before an UPDATE or DELETE, until the
statement returns them.
"""

import weakref
from collections.abc import Iterable
from typing import Any

from frescor._values.tags import BUT, SLICES
from frescor.sqlalchemy._statements.tags import EVERYTHING, MOST_ROWS
from frescor.sqlalchemy._transactions.context import WorkContext, current_context
from frescor.sqlalchemy._transactions.snapshots import Cursors
from frescor.sqlalchemy._transactions.touched import LATER, Touched, both, raised_tags


class _Level:
    """The changes since one savepoint, by the table's tag. rows: the rows' tags; None if the rows are not known.
    slices: as `Touched`; None if the slices of no column are known."""

    __slots__ = ("name", "rows", "slices", "slices_waiting", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[str, set[str] | None] = {}
        self.slices: dict[str, Touched | None] = {}
        self.waiting: dict[int, str] = {}
        self.slices_waiting: dict[int, str] = {}

    def add(self, table: str, rows: Iterable[str] | None) -> None:
        known = self.rows.setdefault(table, set())
        if known is None:
            return
        if rows is not None:
            known.update(rows)
        if rows is None or len(known) > MOST_ROWS:
            self.rows[table] = None

    def touch(self, table: str, slices: Touched | None) -> None:
        if table not in self.slices:
            self.slices[table] = slices
        elif (known := self.slices[table]) is not None:
            self.slices[table] = None if slices is None else both(known, slices)

    def merge(self, upper: "_Level") -> None:
        for table, rows in upper.rows.items():
            self.add(table, rows)
        for table, slices in upper.slices.items():
            self.touch(table, slices)
        self.waiting.update(upper.waiting)
        self.slices_waiting.update(upper.slices_waiting)


class TrackedTransaction:
    """One open transaction of a database connection.

    began: a lower bound of the store's clock when the first statement ran; None before that. old: the snapshot is kept
    from then on. uncommitted: the transaction may see what others have not committed.
    """

    __slots__ = (
        "__weakref__",
        "_contexts",
        "_levels",
        "_tags",
        "_told",
        "at_once",
        "autocommit",
        "began",
        "changes_schema",
        "changes_seen",
        "cursors",
        "has_path",
        "known",
        "last",
        "old",
        "path",
        "quiet",
        "uncommitted",
        "why",
    )

    def __init__(self, *, old: bool, uncommitted: bool, autocommit: bool) -> None:
        self.began: int | None = None
        self.old = old
        self.uncommitted = uncommitted
        self.autocommit = autocommit
        # True while a statement of Frescor's own runs on the connection.
        self.quiet = False
        # The execution that was examined last: an executemany reports each of its batches. A weak reference, because
        # the execution holds the connection, which the garbage collector could then never return to the pool.
        self.last: weakref.ref[object] | None = None
        # Whether the database itself commits the running statement, and with it everything changed before.
        self.at_once = False
        # The catalogue as seen by a transaction that changes the schema; and how many changes the shared catalogue had
        # seen when the first write was noted.
        self.known: Any = None
        self.changes_seen: int | None = None
        # Whether this connection searches other schemas for names without one than other connections do; and which.
        self.has_path = False
        self.path: tuple[str | None, ...] | None = None
        # Whether it has created, altered or dropped tables, views or the like.
        self.changes_schema = False
        self.cursors = Cursors()
        self._levels = [_Level("")]
        self._contexts: set[WorkContext] = set()
        self._tags: frozenset[str] | None = frozenset()
        # Why the slices of some columns are unknown, in words, by their blind tag or the table's tag.
        self.why: dict[str, str] = {}
        # By table: the blind tags of the columns for which `_tags` names the written slices.
        self._told: dict[str, Touched] = {}

    @property
    def dirty(self) -> bool:
        """Whether it has changes that a commit would make visible to others."""
        for level in self._levels:  # noqa: SIM110  # asked at every statement: a generator takes thrice as long
            if level.rows:
                return True
        return False

    def tags(self) -> frozenset[str]:
        """The tags that a commit at this moment would raise."""
        if self._tags is None:
            whole = self._levels[0]
            if len(self._levels) > 1 or whole.waiting or whole.slices_waiting:
                whole = _Level("")
                for level in self._levels:
                    whole.merge(level)
            for table in whole.waiting.values():
                whole.add(table, None)
            for table in whole.slices_waiting.values():
                whole.touch(table, None)
            found = set()
            self._told = {}
            for table, rows in whole.rows.items():
                found.add(table)
                found.update((f"{table}#",) if rows is None else rows)
                if table != EVERYTHING:
                    self._told[table] = slices = whole.slices.get(table) or {}
                    if slices:
                        found.update(raised_tags(table, slices, rows))
                    else:
                        found.add(f"{table}{BUT}")
            self._tags = frozenset((EVERYTHING,) if EVERYTHING in found else found)
        return self._tags

    def changed(self, tags: Iterable[str]) -> bool:
        """Whether a commit would raise one of these tags."""
        raised = self.tags()
        if not raised:
            return False
        return EVERYTHING in raised or not raised.isdisjoint(tags) or any(map(self._is_untold, tags))

    def _is_untold(self, tag: str) -> bool:
        """Whether the tag is of a slice column that a write to its table has told nothing about."""
        table, sign, column = tag.partition(SLICES)
        told = self._told.get(table) if sign else None
        return told is not None and f"{table}{SLICES}{column.partition('=')[0]}" not in told

    def write(self, table: str, rows: Iterable[str] | None, slices: Touched | None = None) -> None:
        """Note a write to the table with this tag. rows: the written rows' tags; None if they are not known. slices:
        the written slices; None if they are not known, LATER if they are waited for."""
        level = self._levels[-1]
        level.add(table, rows)
        if slices is None:
            level.slices[table] = None
        elif slices is not LATER:
            level.touch(table, slices)
        self._tags = None
        self.join()

    def await_slices(self, execution: object, table: str) -> None:
        """A statement starts that will return the slices of the rows it writes."""
        self._levels[-1].slices_waiting[id(execution)] = table
        self._tags = None

    def slices_told(self, execution: object, table: str, slices: Touched | None) -> None:
        """The slices that a statement returned; None if they are not known."""
        self._levels[-1].slices_waiting.pop(id(execution), None)
        self._levels[-1].touch(table, slices)
        self._tags = None

    def write_everything(self) -> None:
        """Note a statement that may have changed anything."""
        self.write(EVERYTHING, ())

    def start_again(self) -> None:
        """Everything changed so far has been committed, and the transaction goes on."""
        self._levels = [_Level("")]
        self._tags = frozenset()
        self.end()

    def await_keys(self, execution: object, table: str, slices: Touched | None) -> None:
        """An INSERT starts whose rows' keys will be known afterwards."""
        self._levels[-1].waiting[id(execution)] = table
        self.write(table, (), slices)

    def waits_for(self, execution: object) -> str | None:
        """The table whose new rows' keys this INSERT still has to tell; None if it has nothing to tell."""
        return self._levels[-1].waiting.get(id(execution))

    def keys_told(self, execution: object, table: str, rows: Iterable[str] | None) -> None:
        """The keys that an INSERT told; None if it did not tell them all."""
        self._levels[-1].waiting.pop(id(execution), None)
        self._levels[-1].add(table, rows)
        self._tags = None

    def join(self) -> None:
        """Add this transaction to the current thread's or task's context."""
        here = current_context()
        if here not in self._contexts:
            self._contexts.add(here)
            here.transactions.add(self)

    def savepoint(self, name: str) -> None:
        """A savepoint was set."""
        self._levels.append(_Level(name))

    def release(self, name: str) -> None:
        """A savepoint was released: its changes now belong to the level below."""
        place = self._place(name)
        if place is not None:
            while len(self._levels) > place:
                upper = self._levels.pop()
                self._levels[-1].merge(upper)

    def rollback_to(self, name: str) -> None:
        """The changes since a savepoint were undone; the savepoint itself remains."""
        place = self._place(name)
        if place is not None:
            self.path = self.known = None
            del self._levels[place + 1 :]
            self._levels[place] = _Level(name)
            self._tags = None

    def end(self) -> None:
        """The transaction is over and belongs to no context any more."""
        for found in self._contexts:
            found.transactions.discard(self)
        self._contexts.clear()

    def _place(self, name: str) -> int | None:
        for place in range(len(self._levels) - 1, 0, -1):
            if self._levels[place].name == name:
                return place
        return None
