"""Waiting for something by polling, without fixed sleeps."""

import threading
from collections.abc import Callable

from frescor._clocks import Steady


def until(holds: Callable[[], bool], within: float = 20.0) -> bool:
    """Whether the condition becomes true within this many seconds."""
    turn = threading.Event()
    ends = Steady.monotonic() + within
    while not holds():
        if Steady.monotonic() > ends:
            return False
        turn.wait(0.002)
    return True
