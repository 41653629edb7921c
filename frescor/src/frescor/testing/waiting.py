"""Waiting for something by polling, without fixed sleeps."""

import threading
import time
from collections.abc import Callable


def until(holds: Callable[[], bool], within: float = 20.0) -> bool:
    """Whether the condition becomes true within this many seconds."""
    turn = threading.Event()
    ends = time.monotonic() + within
    while not holds():
        if time.monotonic() > ends:
            return False
        turn.wait(0.002)
    return True
