"""Looking for an answer for a moment before sleeping until it comes."""

import os
import socket
import time

from frescor._store.connection.semaphore import FastSemaphore

SIZE = 65536
# About what it costs to go to sleep and be woken. Whoever looks for as long as that before it sleeps pays at the most
# twice what the better of the two would have cost, however long the answer takes: Karlin, Li, Manasse and Owicki,
# "Empirical studies of competitive spinning for a shared-memory multiprocessor", SOSP 1991.
LOOK_SECONDS = 50e-6
# After a look that found nothing this many answers are slept for; twice as many after each further one, up to the most.
FIRST_SLEPT, MOST_SLEPT = 8, 1024


class SpinWait:
    """How the answers of one server are waited for.

    A thread that sleeps is woken 20 to 50 µs after its answer came, which is longer than a server nearby takes to make
    it, and costs the processor as much as looking. So the answer is looked for at first. Where it takes longer, the
    server being far or busy, the looking is soon left off: each look that finds nothing doubles how many answers are
    slept for before the next. Where several threads ask at the same time nobody looks: the others have use for the
    processor.
    """

    __slots__ = ("_asking", "_can", "_slept_after", "_to_sleep")

    def __init__(self, asking: FastSemaphore, processors: int | None = None) -> None:
        """`asking`: each thread that asks the server holds a place in it. `processors`: those of this process."""
        self._asking = asking
        # On a single one the server would wait for whoever looks.
        self._can = hasattr(socket, "MSG_DONTWAIT") and (processors or _processors()) > 1
        self._to_sleep = 0
        self._slept_after = FIRST_SLEPT

    def receive(self, connected: socket.socket) -> bytes:
        """What comes next on a blocking socket. Raises what its `recv` raises."""
        if self._to_sleep:
            # Threads may race here for a count or two, which does no harm.
            self._to_sleep -= 1
        elif self._can and self._asking.alone:
            ends = time.perf_counter() + LOOK_SECONDS
            while True:
                try:
                    found = connected.recv(SIZE, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    if time.perf_counter() > ends:
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
