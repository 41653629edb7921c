"""The transactions and sessions that the current thread or task works with.

Before a cached call looks anything up, it asks whether one of its own transactions has changed something. In sync code,
"its own" are those of the thread. Under an event loop many tasks share a thread: there they are those begun in the
task's context, which is inherited by the tasks that it starts. A worker thread started by a task (`asyncio.to_thread`)
has both. Using a connection with uncommitted changes in another thread or task adds its transaction to theirs.
"""

import asyncio
import threading
import weakref
from contextvars import ContextVar
from typing import Protocol

from sqlalchemy.orm import Session

from frescor.sqlalchemy._private import is_clean


class Transaction(Protocol):
    """What this module needs to know of a transaction."""

    @property
    def dirty(self) -> bool:
        """Whether it has changes that a commit would make visible to others."""

    def changed(self, tags: tuple[str, ...], /) -> bool:
        """Whether a commit would raise one of these tags."""


class WorkContext:
    """The sessions of one thread or task, and its transactions with uncommitted changes."""

    def __init__(self) -> None:
        self.transactions: set[Transaction] = set()
        self.sessions: weakref.WeakSet[Session] = weakref.WeakSet()


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.context = WorkContext()


_OF_THREAD = _OfThread()
_OF_TASK: ContextVar[WorkContext | None] = ContextVar("frescor_sql", default=None)


def current_context() -> WorkContext:
    """The context to which what is begun now belongs: the task's under an event loop, else the thread's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _OF_THREAD.context
    found = _OF_TASK.get()
    if found is None:
        found = WorkContext()
        _OF_TASK.set(found)
    return found


def is_dirty() -> bool:
    """Whether a transaction of this context has changes, or a session has changes that it will flush."""
    of_thread, of_task = _OF_THREAD.context, _OF_TASK.get()
    return _is_dirty(of_thread) or (of_task is not None and _is_dirty(of_task))


def _is_dirty(found: WorkContext) -> bool:
    # Called before every hit, mostly when there are neither.
    if not found.transactions and not found.sessions:
        return False
    return any(transaction.dirty for transaction in tuple(found.transactions)) or has_unflushed(found)


def changed(tags: tuple[str, ...]) -> bool:
    """Whether uncommitted changes of this context will raise one of these tags.

    The flush of a session may reach further than its objects tell (cascades, orphans), so unflushed changes count as
    changes to everything that came from SQL.
    """
    contexts = [found for found in (_OF_THREAD.context, _OF_TASK.get()) if found is not None]
    if any(transaction.changed(tags) for found in contexts for transaction in tuple(found.transactions)):
        return True
    return any(tag.startswith("sql") for tag in tags) and any(map(has_unflushed, contexts))


def has_unflushed(found: WorkContext) -> bool:
    """Whether a session has objects to insert, update or delete."""
    # What Session itself asks before a flush. Its public collections would be built anew for each question.
    return bool(found.sessions) and any(not is_clean(session) for session in tuple(found.sessions))
