"""The machine's own clocks, which go on while a test freezes or moves the program's time.

freezegun replaces `time.monotonic` and `time.perf_counter` wherever a module names them: code that waits for a frozen
clock would wait forever. It does not look into classes. Expiry is decided by `wall_clock`, which a test may move.
"""

import time


class Steady:
    """Clocks that no test moves, in seconds from an arbitrary moment."""

    monotonic = time.monotonic
    perf_counter = time.perf_counter


def wall_clock() -> float:
    """Seconds since 1970, by the program's time: looked up at each call, because a test may have moved it."""
    return time.time()


_AT_IMPORT = (time.time(), Steady.monotonic())


def machine_clock() -> float:
    """`wall_clock`, regardless of what a test has moved since this module was loaded."""
    return _AT_IMPORT[0] + Steady.monotonic() - _AT_IMPORT[1]
