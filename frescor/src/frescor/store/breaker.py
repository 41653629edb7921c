"""The breaker: keeps callers from a server that does not answer, and finds out in the background when it does again."""

import logging
import random
import threading
from collections.abc import Callable

from frescor.errors import CacheError, StoreUnavailable

logger = logging.getLogger("frescor")

# The pauses between two probes, seconds: doubled from the first to the last, each shortened by lot. Hits resume within
# the last one and a connection's time after the server's return.
FIRST_PROBE, LAST_PROBE = 0.05, 0.5


class Breaker:
    """Open after a failure: calls fail at once while one thread probes; closed by the first probe that succeeds."""

    def __init__(self, probe: Callable[[], object]) -> None:
        self._probe = probe
        # How often it opened. What was connected before may lead to a server that is not the same any more.
        self.trips = 0
        # Called once it opened; and by the thread that found the server again.
        self.when_tripped: Callable[[], object] = lambda: None
        self.when_back: Callable[[], object] = lambda: None
        self._begin()

    def _begin(self) -> None:
        self._reason: str | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are kept away."""
        return self._reason is not None

    def check(self, operation: str) -> None:
        """Raise StoreUnavailable, at once, while the server is known to be away."""
        if self._reason is not None:
            raise StoreUnavailable(
                f"the store did not answer and is left alone until it does: {self._reason}", operation=operation
            )

    def trip(self, reason: str) -> None:
        """The server did not answer."""
        with self._lock:
            if self._reason is not None or self._ended.is_set():
                return
            self._reason = reason
            self.trips += 1
        logger.warning("the cache is off: %s", reason)
        self.when_tripped()
        threading.Thread(target=self._watch, name="frescor-probe", daemon=True).start()

    def start_again(self) -> None:
        """After a fork: the thread that probed, and who held the lock, are the parent's."""
        self.trips += 1
        self._begin()

    def close(self) -> None:
        """Probe no more."""
        self._ended.set()

    def _watch(self) -> None:
        pause = FIRST_PROBE
        # Not in step with the other processes that lost the server at the same moment.
        while not self._ended.wait(pause * random.uniform(0.5, 1.0)):  # noqa: S311  # spreads, hides nothing
            try:
                self._probe()
            except CacheError as error:
                logger.debug("still away: %s", error)
                pause = min(pause * 2, LAST_PROBE)
            else:
                self._reason = None
                logger.warning("the cache is back")
                self.when_back()
                return
