"""Concurrent requests for the same response: cancelling one does not end a load that others wait for."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Call(Protocol):
    """One request's call. task: the task that runs it. loads: whether it is the one that loads. leave: its client has
    left, and its load continues."""

    task: "asyncio.Task[Any] | None"
    loads: bool

    def leave(self) -> None: ...


class Together:
    """The calls of one view that are running in this process."""

    def __init__(
        self, *, stays: bool, shield: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
    ) -> None:
        """stays: the load needs what its request has opened, so a cancelled request waits for the end of a load that
        others wait for. shield: keeps a cancel scope from interrupting that."""
        self._stays, self._shield = stays, shield
        self._inside: Counter[object] = Counter()

    async def run(self, asked: object, coroutine: Coroutine[Any, Any, T], call: Call) -> T:
        """What the coroutine returns, in a task of its own."""
        task = call.task = asyncio.ensure_future(coroutine)
        self._inside[asked] += 1
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
            if not (call.loads and self._inside[asked] > 1):
                task.cancel()
                await self._end_of(task)
            elif self._stays:
                await self._end_of(task)
            else:
                call.leave()
            keep_until_ended(task)
            raise
        finally:
            self._inside[asked] -= 1
            if not self._inside[asked]:
                del self._inside[asked]

    async def _end_of(self, task: "asyncio.Task[Any]") -> None:
        with self._shield():
            while not task.done():
                # Another cancellation does not end the wait either.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait((task,))


# The loop keeps only weak references to tasks: one that nothing else refers to may be collected while it runs.
_RUNNING: set[asyncio.Task[Any]] = set()


def keep_until_ended(task: "asyncio.Task[Any]") -> None:
    """Keep a reference to a task that nobody waits for; its exception has reached those who waited."""
    _RUNNING.add(task)
    task.add_done_callback(_forget)


def _forget(task: "asyncio.Task[Any]") -> None:
    _RUNNING.discard(task)
    if not task.cancelled():
        task.exception()
