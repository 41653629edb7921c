"""The database's clock, measured by one process."""

import logging
from collections.abc import Callable

from frescor._clocks import Steady

logger = logging.getLogger("frescor")

# The database's clock stepped back if it lags behind this process's clock by this many seconds more than before.
STEP = 1.0


class DatabaseClock:
    """A database's clock, measured against this process's."""

    def __init__(self, monotonic: Callable[[], float] = Steady.monotonic) -> None:
        self._monotonic = monotonic
        self._last: tuple[int, float] | None = None
        self._stepped_at = float("-inf")

    def read(self, now: int) -> int:
        """Take in a reading, µs; returns it."""
        here = self._monotonic()
        if self._last is not None:
            then, there = self._last
            if (now - then) / 1_000_000 - (here - there) < -STEP:
                self._stepped_at = here
                logger.warning("the database's clock went back: replays are off until what it marked is pruned")
        self._last = now, here
        return now

    def went_back_within(self, seconds: float) -> bool:
        """Whether it stepped back in the last so many seconds."""
        return self._monotonic() - self._stepped_at < seconds
