"""How many may do a thing at the same time."""

import threading
from collections import deque


class FastSemaphore:
    """A semaphore whose uncontended way costs a tenth of `threading.Semaphore`'s, which is written in Python.

    A place is taken from a deque, atomically. Whoever finds none says that it waits, and then looks again: a place that
    was given back before that is found, and one that is given back after it wakes somebody.
    """

    def __init__(self, count: int) -> None:
        self._free = deque([None] * count)
        self._others = count - 1
        self._waiting = 0
        self._changed = threading.Condition()

    @property
    def alone(self) -> bool:
        """Whether at the most one place is taken."""
        return len(self._free) >= self._others

    def acquire(self) -> bool:
        """Take a place; wait until there is one. Whether it had to wait."""
        try:
            self._free.pop()
        except IndexError:
            self._wait()
            return True
        return False

    def release(self) -> None:
        """Give a place back."""
        self._free.append(None)
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            self._waiting += 1
            try:
                while True:
                    try:
                        self._free.pop()
                    except IndexError:
                        self._changed.wait()
                    else:
                        return
            finally:
                self._waiting -= 1

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
