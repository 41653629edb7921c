"""Spinning: polling for an answer for a moment before sleeping until it arrives."""

import os
import socket

from frescor._clocks import Steady
from frescor._store.connection.semaphore import FastSemaphore

SIZE = 65536
# About the cost of going to sleep and being woken. Polling for that long before sleeping costs at most twice what the
# better of the two would have cost, however long the answer takes: Karlin, Li, Manasse and Owicki, "Empirical studies
# of competitive spinning for a shared-memory multiprocessor", SOSP 1991.
LOOK_SECONDS = 50e-6
# After a poll in vain, this many answers are awaited asleep; twice as many after each further one, up to the maximum.
FIRST_SLEPT, MOST_SLEPT = 8, 1024


class SpinWait:
    """How the answers of one server are awaited.

    A sleeping thread is woken 20 to 50 µs after its answer has arrived. That is longer than a nearby server takes for
    the answer, and costs the processor as much as polling. So the thread polls first. If answers take longer, because
    the server is far away or busy, polling soon stops: each poll in vain doubles the number of answers that are awaited
    asleep before the next poll. While several threads ask at the same time nobody polls, since the others need the
    processor.
    """

    __slots__ = ("_asking", "_can", "_slept_after", "_to_sleep")

    def __init__(self, asking: FastSemaphore, processors: int | None = None) -> None:
        """`asking`: the semaphore in which each asking thread holds a place. `processors`: those of this process."""
        self._asking = asking
        # With a single processor, polling would keep the server from running.
        self._can = hasattr(socket, "MSG_DONTWAIT") and (processors or _processors()) > 1
        self._to_sleep = 0
        self._slept_after = FIRST_SLEPT

    def receive(self, connected: socket.socket) -> bytes:
        """The next bytes of a blocking socket. Raises what its `recv` raises."""
        if self._to_sleep:
            # Threads may race here and lose a count or two, which does no harm.
            self._to_sleep -= 1
        elif self._can and self._asking.alone:
            ends = Steady.perf_counter() + LOOK_SECONDS
            while True:
                try:
                    found = connected.recv(SIZE, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    if Steady.perf_counter() > ends:
                        break
                else:
                    self._slept_after = FIRST_SLEPT
                    return found
            self._to_sleep = self._slept_after
            self._slept_after = min(2 * self._slept_after, MOST_SLEPT)
        return connected.recv(SIZE)


def _processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
