"""The machine's own clocks, which go on while a test freezes or moves the time of its program.

freezegun puts functions of its own in the place of `time.monotonic` and `time.perf_counter`, wherever a module names
them: what waits until a frozen clock has moved would wait for ever. It does not look into a class. When values expire
is decided by `wall_clock`, which a test may move.
"""

import time


class Steady:
    """Clocks that nobody moves, seconds from some moment on."""

    monotonic = time.monotonic
    perf_counter = time.perf_counter


def wall_clock() -> float:
    """Seconds since 1970, as the program has them: looked up at each call, since a test may have moved them."""
    return time.time()


_AT_IMPORT = (time.time(), Steady.monotonic())


def machine_clock() -> float:
    """As `wall_clock`, whatever a test has moved since this module was loaded."""
    return _AT_IMPORT[0] + Steady.monotonic() - _AT_IMPORT[1]
