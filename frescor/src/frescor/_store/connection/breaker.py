"""The breaker: keeps callers away from a server that does not answer, and probes it in the background.

Its states are: closed; open, while the server does not answer; and suspect, while it answers but may lack invalidations
and so cannot be trusted yet. A suspect server accepts invalidations. If they were held back, processes that trust the
server already would go on reading what those invalidations end.
"""

import logging
import random
import threading
from collections.abc import Callable

from frescor.errors import CacheError, StoreUnavailable

logger = logging.getLogger("frescor")

# Seconds between two probes: doubled from the first to the last value, each shortened at random. After the server's
# return hits resume within the last value plus the time to connect.
FIRST_PROBE, LAST_PROBE = 0.05, 0.2


class Breaker:
    """Open after a failure: calls fail at once while one thread probes; closed once the server is trusted again."""

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        # How often it opened. A connection made before that may lead to another server than the present one.
        self.trips = 0
        # when_tripped is called when the breaker opens. when_back is called by the probing thread, twice: as soon as
        # the server answers, and once it is trusted. restore is called between the two: whether the server can be
        # trusted.
        self.when_tripped: Callable[[], object] = lambda: None
        self.when_back: Callable[[], object] = lambda: None
        self.restore: Callable[[], bool] = lambda: True
        self._begin()

    def _begin(self) -> None:
        # Why callers are kept away; None while they are not. A plain attribute, since every call reads it.
        self.reason: str | None = None
        self._answers = False
        self._suspected = ""
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def check(self, operation: str, *, invalidates: bool = False) -> None:
        """Raise StoreUnavailable at once if the server is known to be down, or is not trusted with this operation."""
        reason, answers = self.reason, self._answers
        if reason is None or (answers and invalidates):
            return
        state = "answers, and is not trusted yet" if answers else "did not answer, and is not asked again until it does"
        raise StoreUnavailable(f"the store {state}: {reason}", operation=operation)

    def trip(self, reason: str) -> None:
        """The server did not answer: open the breaker."""
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
        """The server answers but may lack invalidations; `server` identifies it."""
        with self._lock:
            if self._ended.is_set() or (self.reason is not None and self._suspected == server):
                return
            self._suspected = server
            # What was restored on another server does not count for this one.
            self.trips += 1
            if self.reason is not None:
                return
            self.reason, self._answers = reason, True
        self._start()

    def pause(self, seconds: float) -> bool:
        """Wait that long; returns False if the breaker is closed for good meanwhile."""
        return not self._ended.wait(seconds)

    def start_again(self) -> None:
        """After a fork: the probing thread and the holder of the lock exist only in the parent."""
        self.trips += 1
        self._begin()

    def close(self) -> None:
        """Stop probing, for good."""
        self._ended.set()

    def _start(self) -> None:
        logger.warning("the cache is off: %s", self.reason)
        threading.Thread(target=self._watch, name="frescor-probe", daemon=True).start()

    def _watch(self) -> None:
        pause = FIRST_PROBE
        # Randomised, so that processes that lost the server at the same moment do not all probe it at once.
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
