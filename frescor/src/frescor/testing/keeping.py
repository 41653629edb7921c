"""Assertions about whether a write invalidates the entry of a query."""

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

from frescor._runtime.driver import Driver
from frescor._runtime.engine import LIVING
from frescor._runtime.hooks import Event
from frescor._surface import calls
from frescor._surface.recording import Calls, recorded

Call = Callable[[], object]


def assert_invalidates(write: Call, query: Call) -> None:
    """Fail unless the write invalidates what the query has in the cache.

    query: a cached function, or a function that calls some, such as `lambda: dues_of(7)`; it is called four times.
    write: changes something and commits it. The failure says which tags the query depends on and which ones the write
    raised.
    """
    _run(_invalidates(write, query))


def assert_keeps(write: Call, query: Call) -> None:
    """Fail if the write invalidates what the query has in the cache. See `assert_invalidates`."""
    _run(_keeps(write, query))


async def assert_invalidates_async(
    write: Callable[[], Awaitable[object]] | Call, query: Callable[[], Awaitable[object]] | Call
) -> None:
    """`assert_invalidates` for a write and a query of which either or both are awaited."""
    await _run_awaited(_invalidates(write, query))


async def assert_keeps_async(
    write: Callable[[], Awaitable[object]] | Call, query: Callable[[], Awaitable[object]] | Call
) -> None:
    """`assert_keeps` for a write and a query of which either or both are awaited."""
    await _run_awaited(_keeps(write, query))


# Yields the functions to call; the steps are the same, whether or not these are awaited.
_Steps = Generator[Call, None, None]


def _invalidates(write: Call, query: Call) -> _Steps:
    before, written, after = yield from _calls(write, query)
    if not after.misses():
        raise AssertionError(
            f"the write should invalidate what {_name(query)} has in the cache, and did not.{_both(before, written)}"
        )


def _keeps(write: Call, query: Call) -> _Steps:
    before, written, after = yield from _calls(write, query)
    if after.misses():
        raise AssertionError(
            f"the write should keep what {_name(query)} has in the cache, and invalidated it.{_both(before, written)}"
        )


def _calls(write: Call, query: Call) -> Generator[Call, None, tuple[Calls, Calls, Calls]]:
    """What happened in the query when it was already cached, in the write, and in the query after that."""
    with contextlib.ExitStack() as stack:
        first = {engine: stack.enter_context(recorded(engine.hooks)) for engine in LIVING}
        yield query
    # The first load in a store depends on whole tables, and registers the slices that it reads.
    for engine, found in first.items():
        if keys := {event.key for event in found.events if event.kind in ("hit", "miss")}:
            Driver(engine, calls.delete(engine, keys, None)).run()
    yield query
    with _recording() as before:
        yield query
    if before.misses() or not before.hits():
        what = "calls no cached function" if not before.events else "is not kept, even before the write"
        raise AssertionError(
            f"{_name(query)} {what}: of two calls in a row the second was not answered by the cache. Is the cache "
            f"disabled, a transaction open that has changed something, or the value not stored? {before!r}"
        )
    with _recording() as written:
        yield write
    with _recording() as after:
        yield query
    return before, written, after


@contextlib.contextmanager
def _recording() -> Iterator[Calls]:
    with recorded(*(engine.hooks for engine in LIVING)) as calls:
        yield calls


def _both(before: Calls, written: Calls) -> str:
    met = dict.fromkeys(name for event in before.events if event.kind == "hit" for name in _depends(event))
    raised = dict.fromkeys(
        name
        for event in written.events
        if event.kind == "invalidate"
        for name in (*event.tags, *event.patterns, *event.keys)
    )
    no_tags = "no tags: it read nothing through a tracked engine and declares none"
    no_write = "nothing: was it committed, through an engine that is tracked?"
    return (
        f"\n  the query depends on: {_listed(met, no_tags)}"
        f"\n  the write raised:     {_listed(raised, no_write)}"
        f"\n  in common:            {_listed({name: None for name in met if name in raised}, 'none')}"
    )


def _depends(event: Event) -> tuple[str, ...]:
    parts = event.key.split(":")
    patterns = [f"{':'.join(parts[:end])}:*" for end in range(1, len(parts))]
    return (*event.tags, *patterns, event.key)


def _listed(names: dict[str, None], none: str) -> str:
    return ", ".join(names) or none


def _name(query: Call) -> str:
    return str(getattr(query, "__qualname__", query))


def _run(steps: _Steps) -> None:
    for call in steps:
        found = call()
        if inspect.isawaitable(found):
            getattr(found, "close", bool)()
            raise TypeError(f"{_name(call)} is awaited: use assert_invalidates_async or assert_keeps_async.")


async def _run_awaited(steps: _Steps) -> None:
    for call in steps:
        found: Any = call()
        if inspect.isawaitable(found):
            await found
