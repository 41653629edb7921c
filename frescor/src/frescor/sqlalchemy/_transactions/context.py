"""Which transactions and sessions this thread, or this task, works with.

A cached call asks, before it looks anything up: has a transaction of mine changed something? In sync code "mine" is
the thread's. Where an event loop runs, many tasks share a thread: there it is what was begun in the task's context,
which the tasks that it starts inherit. A worker thread that a task calls (`asyncio.to_thread`) has both. Whoever uses
a connection that is dirty already, in another thread or task, becomes one of those who ask about it.
"""

import asyncio
import threading
import weakref
from contextvars import ContextVar
from typing import Protocol

from sqlalchemy.orm import Session

from frescor.sqlalchemy._private import is_clean


class Transaction(Protocol):
    """What is asked of a transaction here."""

    @property
    def dirty(self) -> bool:
        """Whether it has changed something that a commit would show to others."""

    def changed(self, tags: tuple[str, ...], /) -> bool:
        """Whether one of these tags would be raised by a commit."""


class WorkContext:
    """The dirty transactions and the sessions of one thread or task."""

    def __init__(self) -> None:
        self.transactions: set[Transaction] = set()
        self.sessions: weakref.WeakSet[Session] = weakref.WeakSet()


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.context = WorkContext()


_OF_THREAD = _OfThread()
_OF_TASK: ContextVar[WorkContext | None] = ContextVar("frescor_sql", default=None)


def current_context() -> WorkContext:
    """Where what is begun here belongs."""
    if asyncio._get_running_loop() is None:
        return _OF_THREAD.context
    found = _OF_TASK.get()
    if found is None:
        found = WorkContext()
        _OF_TASK.set(found)
    return found


def is_dirty() -> bool:
    """Whether a transaction of this context has changed something, or a session has changes that it will flush."""
    of_thread, of_task = _OF_THREAD.context, _OF_TASK.get()
    return _is_dirty(of_thread) or (of_task is not None and _is_dirty(of_task))


def _is_dirty(found: WorkContext) -> bool:
    # Asked before every hit: mostly there is neither.
    if not found.transactions and not found.sessions:
        return False
    return any(transaction.dirty for transaction in tuple(found.transactions)) or has_unflushed(found)


def changed(tags: tuple[str, ...]) -> bool:
    """Whether one of these tags will be raised by what this context has changed and not committed.

    What a session has not flushed may reach further than its objects tell (cascades, orphans): it counts as a change of
    everything that came from SQL.
    """
    contexts = [found for found in (_OF_THREAD.context, _OF_TASK.get()) if found is not None]
    if any(transaction.changed(tags) for found in contexts for transaction in tuple(found.transactions)):
        return True
    return any(tag.startswith("sql") for tag in tags) and any(map(has_unflushed, contexts))


def has_unflushed(found: WorkContext) -> bool:
    """Whether a session has objects to insert, update or delete."""
    # As Session itself asks before a flush; its public collections would be made anew for each question.
    return bool(found.sessions) and any(not is_clean(session) for session in tuple(found.sessions))
