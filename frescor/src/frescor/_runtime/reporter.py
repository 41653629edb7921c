"""Adds this process's counters to those in the store, once a second while there are events."""

import logging
import threading
from collections.abc import Mapping
from typing import Protocol

from frescor._runtime.events import Counters
from frescor.errors import CacheError

logger = logging.getLogger("frescor")


class _Sink(Protocol):
    def count(self, deltas: Mapping[str, int]) -> None: ...


class Reporter:
    """A thread that adds the counters to the store. The first event starts it."""

    def __init__(self, sink: _Sink, *, every: float = 1.0) -> None:
        self._sink = sink
        self._every = every
        self._counters = Counters()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._running = False
        self._closed = False
        # Local hits are counted in place, without a lock, because a hit takes about a microsecond. For each policy, and
        # each function with a counter of its own: the hits that are still to be delivered, and those that were
        # delivered.
        self._cells: dict[tuple[str, str], list[int]] = {}

    def cell(self, policy: str, function: str = "") -> list[int]:
        """The counter of a policy's or a function's local hits. The caller increments its first number."""
        return self._cells.setdefault((policy, function), [0, 0])

    def counted(self, policy: str, function: str) -> int:
        """The number of a function's local hits in this process."""
        return sum(self._cells.get((policy, function), ()))

    def add(self, policy: str, event: str) -> None:
        """Count one event."""
        self._counters.add(policy, event)
        if not self._running:
            self._start()

    def flush(self) -> None:
        """Deliver now. What cannot be delivered is kept for the next time."""
        for (policy, _), cell in list(self._cells.items()):
            if cell[0]:
                seen, cell[0] = cell[0], 0
                cell[1] += seen
                self._counters.add(policy, "local", seen)
        counts = self._counters.take()
        if not counts:
            return
        try:
            self._sink.count(counts)
        except CacheError as error:
            self._counters.give_back(counts)
            logger.debug("counters wait for the store: %s", error)

    def close(self) -> None:
        """Deliver, and do not start a thread again."""
        self._closed = True
        self._wake.set()
        self.flush()

    def _start(self) -> None:
        with self._lock:
            if not self._running and not self._closed:
                self._running = True
                threading.Thread(target=self._report, name="frescor-counters", daemon=True).start()

    def _report(self) -> None:
        while not self._wake.wait(self._every):
            self.flush()
