"""What one database transaction has changed so far, and how old the snapshot is that it reads from.

Its tags are kept by savepoint: `ROLLBACK TO` drops what was changed since, `RELEASE` hands it to the level below, the
transaction's end drops or applies all. A name that stands for several savepoints means the last one, as in SQL.

The key of a row that the database makes is known only after the INSERT. Until then, and if the driver never tells, the
rows of that table count as not known. So do the slices that rows have come from, until the statement gives them back.
"""

import weakref
from collections.abc import Iterable
from typing import Any

from frescor._values.tags import SLICES
from frescor.sqlalchemy._statements.tags import EVERYTHING, MOST_ROWS
from frescor.sqlalchemy._transactions.context import WorkContext, current_context
from frescor.sqlalchemy._transactions.snapshots import Cursors
from frescor.sqlalchemy._transactions.touched import Touched, both, raised_tags


class _Level:
    """The changes since one savepoint, by the table's tag. rows: their tags, or None for rows that are not known.
    slices: as `Touched`; None for slices that are not known, of any column."""

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

    began: what the store's clock had reached at least when the first statement ran; None before. old: its snapshot is
    kept from then on. uncommitted: it may see what others have not committed.
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
    )

    def __init__(self, *, old: bool, uncommitted: bool, autocommit: bool) -> None:
        self.began: int | None = None
        self.old = old
        self.uncommitted = uncommitted
        self.autocommit = autocommit
        # A statement of Frescor's own runs on the connection.
        self.quiet = False
        # The execution that was looked at last: an executemany reports each of its batches. Not held: it holds the
        # connection, which would never be given back by the garbage collector.
        self.last: weakref.ref[object] | None = None
        # The statement that runs is committed by the database itself, with all that was changed before it.
        self.at_once = False
        # What the catalogue is to a transaction that changes the schema; how often the catalogue of all others had
        # changed when the first write was noted.
        self.known: Any = None
        self.changes_seen: int | None = None
        # Names without a schema may mean other tables than on other connections: those in these schemas.
        self.has_path = False
        self.path: tuple[str | None, ...] | None = None
        # It has made, changed or removed tables, views or the like.
        self.changes_schema = False
        self.cursors = Cursors()
        self._levels = [_Level("")]
        self._contexts: set[WorkContext] = set()
        self._tags: frozenset[str] | None = frozenset()
        # By table: the blind tags of the columns whose slices `_tags` has told of.
        self._told: dict[str, Touched] = {}

    @property
    def dirty(self) -> bool:
        """Whether it has changed something that a commit would show to others."""
        for level in self._levels:  # noqa: SIM110  # asked at every statement: a generator takes thrice as long
            if level.rows:
                return True
        return False

    def tags(self) -> frozenset[str]:
        """The tags that a commit now would raise."""
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
                    self._told[table] = whole.slices.get(table) or {}
                    found.update(raised_tags(table, self._told[table]))
            self._tags = frozenset((EVERYTHING,) if EVERYTHING in found else found)
        return self._tags

    def changed(self, tags: Iterable[str]) -> bool:
        """Whether one of these tags would be raised."""
        raised = self.tags()
        if not raised:
            return False
        return EVERYTHING in raised or not raised.isdisjoint(tags) or any(map(self._is_untold, tags))

    def _is_untold(self, tag: str) -> bool:
        """Whether it is of a column of which nothing is told, of a table that was written to."""
        table, sign, column = tag.partition(SLICES)
        told = self._told.get(table) if sign else None
        return told is not None and f"{table}{SLICES}{column.partition('=')[0]}" not in told

    def write(self, table: str, rows: Iterable[str] | None, slices: Touched | None = None) -> None:
        """A write to the table with this tag, of rows with these tags; None: of rows that are not known, of slices that
        are not known."""
        self._levels[-1].add(table, rows)
        self._levels[-1].touch(table, slices)
        self._tags = None
        self.join()

    def await_slices(self, execution: object, table: str) -> None:
        """A statement runs, whose rows' slices are told afterwards."""
        self._levels[-1].slices_waiting[id(execution)] = table
        self._tags = None

    def slices_told(self, execution: object, table: str, slices: Touched | None) -> None:
        """The slices that were waited for; None: they are not known."""
        self._levels[-1].slices_waiting.pop(id(execution), None)
        self._levels[-1].touch(table, slices)
        self._tags = None

    def write_everything(self) -> None:
        """A statement that may have changed anything."""
        self.write(EVERYTHING, ())

    def start_again(self) -> None:
        """What it has changed so far is committed, and it goes on."""
        self._levels = [_Level("")]
        self._tags = frozenset()
        self.end()

    def await_keys(self, execution: object, table: str, slices: Touched | None) -> None:
        """An INSERT runs, of rows whose keys are told afterwards."""
        self._levels[-1].waiting[id(execution)] = table
        self.write(table, (), slices)

    def waits_for(self, execution: object) -> str | None:
        """The table whose rows' keys this INSERT is to tell; None if it need not."""
        return self._levels[-1].waiting.get(id(execution))

    def keys_told(self, execution: object, table: str, rows: Iterable[str] | None) -> None:
        """The keys that were waited for; None: not all were told."""
        self._levels[-1].waiting.pop(id(execution), None)
        self._levels[-1].add(table, rows)
        self._tags = None

    def join(self) -> None:
        """Let the thread or task that runs here know of this transaction, if it is dirty."""
        here = current_context()
        if here not in self._contexts:
            self._contexts.add(here)
            here.transactions.add(self)

    def savepoint(self, name: str) -> None:
        """A savepoint was made."""
        self._levels.append(_Level(name))

    def release(self, name: str) -> None:
        """A savepoint was released: its changes are those of the level below."""
        place = self._place(name)
        if place is not None:
            while len(self._levels) > place:
                upper = self._levels.pop()
                self._levels[-1].merge(upper)

    def rollback_to(self, name: str) -> None:
        """The changes since a savepoint were undone; it still stands."""
        place = self._place(name)
        if place is not None:
            self.path = self.known = None
            del self._levels[place + 1 :]
            self._levels[place] = _Level(name)
            self._tags = None

    def end(self) -> None:
        """The transaction is over: it belongs to nobody any more."""
        for found in self._contexts:
            found.transactions.discard(self)
        self._contexts.clear()

    def _place(self, name: str) -> int | None:
        for place in range(len(self._levels) - 1, 0, -1):
            if self._levels[place].name == name:
                return place
        return None
