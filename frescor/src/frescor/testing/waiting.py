"""Waiting for what others do: looked at often, not slept for."""

import threading
import time
from collections.abc import Callable


def until(holds: Callable[[], bool], within: float = 20.0) -> bool:
    """Whether it comes to hold, within so many seconds."""
    turn = threading.Event()
    ends = time.monotonic() + within
    while not holds():
        if time.monotonic() > ends:
            return False
        turn.wait(0.002)
    return True
