"""The breaker: keeps callers from a server that does not answer, and finds out in the background when it does again.

Its states: closed; open, while the server does not answer; and suspect, while it answers and cannot be trusted yet,
since what it holds may lack invalidations. A suspect server takes invalidations: whoever made them keep would let the
others, who trust it already, read what they end.
"""

import logging
import random
import threading
from collections.abc import Callable

from frescor.errors import CacheError, StoreUnavailable

logger = logging.getLogger("frescor")

# The pauses between two probes, seconds: doubled from the first to the last, each shortened by lot. Hits resume within
# the last one and a connection's time after the server's return.
FIRST_PROBE, LAST_PROBE = 0.05, 0.2


class Breaker:
    """Open after a failure: calls fail at once while one thread probes; closed once the server is trusted again."""

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        # How often it opened. What was connected before may lead to a server that is not the same any more.
        self.trips = 0
        # Called once it opened; by the thread that found the server again, as soon as it answers and once it is
        # trusted; and by that thread in between: whether it can be trusted.
        self.when_tripped: Callable[[], object] = lambda: None
        self.when_back: Callable[[], object] = lambda: None
        self.restore: Callable[[], bool] = lambda: True
        self._begin()

    def _begin(self) -> None:
        # Why calls are kept away; None while they are not. Read at every call, so no property.
        self.reason: str | None = None
        self._answers = False
        self._suspected = ""
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are kept away: all, or all but invalidations."""
        return self.reason is not None

    def check(self, operation: str, *, invalidates: bool = False) -> None:
        """Raise StoreUnavailable, at once, while the server is known to be away, or is not trusted with this."""
        reason, answers = self.reason, self._answers
        if reason is None or (answers and invalidates):
            return
        state = "answers, and is not trusted yet" if answers else "did not answer and is left alone until it does"
        raise StoreUnavailable(f"the store {state}: {reason}", operation=operation)

    def trip(self, reason: str) -> None:
        """The server did not answer."""
        with self._lock:
            if self._ended.is_set() or (self.reason is not None and not self._answers):
                return
            opened = self.reason is None
            self.reason, self._answers = reason, False
            self.trips += 1
        self.when_tripped()
        if opened:
            self._start()

    def suspect(self, server: str, reason: str) -> None:
        """The server that answers may lack invalidations; `server` tells it from others."""
        with self._lock:
            if self._ended.is_set() or (self.reason is not None and self._suspected == server):
                return
            self._suspected = server
            # What was restored of another server counts for nothing.
            self.trips += 1
            if self.reason is not None:
                return
            self.reason, self._answers = reason, True
        self._start()

    def pause(self, seconds: float) -> bool:
        """Wait for so long; False if it ends before."""
        return not self._ended.wait(seconds)

    def start_again(self) -> None:
        """After a fork: the thread that probed, and who held the lock, are the parent's."""
        self.trips += 1
        self._begin()

    def close(self) -> None:
        """Probe no more."""
        self._ended.set()

    def _start(self) -> None:
        logger.warning("the cache is off: %s", self.reason)
        threading.Thread(target=self._watch, name="frescor-probe", daemon=True).start()

    def _watch(self) -> None:
        pause = FIRST_PROBE
        # Not in step with the other processes that lost the server at the same moment.
        while self.pause(pause * random.uniform(0.5, 1.0)):  # noqa: S311  # spreads, hides nothing
            try:
                self._probe()
            except CacheError as error:
                logger.debug("still away: %s", error)
                pause = min(pause * 2, LAST_PROBE)
                continue
            with self._lock:
                self._answers, trips = True, self.trips
            self.when_back()
            if self.restore() and self._close_unless_tripped_since(trips):
                logger.warning("the cache is back")
                self.when_back()
                return

    def _close_unless_tripped_since(self, trips: int) -> bool:
        with self._lock:
            if self.trips != trips:
                return False
            self.reason, self._answers, self._suspected = None, False, ""
            return True
