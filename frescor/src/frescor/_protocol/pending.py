"""Invalidations that the store has not taken yet. They are kept here, and are sent first once the store answers.

So are leases whose request was not answered: the store may have granted them, and others would wait for nobody.
"""

import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """What was pending at one moment; each item with the number under which it was last added."""

    tags: tuple[str, ...]
    # Tags that an outbox also keeps.
    durable: tuple[str, ...]
    keys: tuple[str, ...]
    # Pairs of key and token.
    leases: tuple[tuple[str, str], ...]
    numbers: dict[tuple[str, ...], int]


class Pending:
    """Tags to raise, keys to delete and leases to release, kept until they are delivered.

    While anything is pending, this process trusts nothing in the store. Delivering something twice does no harm.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, ...], int] = {}
        self._numbers = itertools.count()
        self.start_again()

    def start_again(self) -> None:
        """After a fork: the thread that held the lock does not exist in this process."""
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def invalidations(self) -> int:
        """The number of pending invalidations."""
        with self._lock:
            return sum(held[0] != "lease" for held in self._held)

    def add(
        self,
        *,
        tags: Iterable[str] = (),
        keys: Iterable[str] = (),
        leases: Iterable[tuple[str, str]] = (),
        durable: bool = False,
    ) -> None:
        """Keep these until delivered. `leases`: pairs of key and token. `durable`: an outbox also keeps the tags."""
        kind = "durable" if durable else "tag"
        with self._lock:
            number = next(self._numbers)
            self._held.update(dict.fromkeys([(kind, tag) for tag in tags], number))
            self._held.update(dict.fromkeys([("key", key) for key in keys], number))
            self._held.update(dict.fromkeys([("lease", *lease) for lease in leases], number))

    def snapshot(self) -> Batch:
        """What is pending now."""
        with self._lock:
            numbers = dict(self._held)
        return Batch(
            tuple(held[1] for held in numbers if held[0] == "tag"),
            tuple(held[1] for held in numbers if held[0] == "durable"),
            tuple(held[1] for held in numbers if held[0] == "key"),
            tuple((held[1], held[2]) for held in numbers if held[0] == "lease"),
            numbers,
        )

    def settled(self, batch: Batch) -> None:
        """These were delivered. An item that was added again since then, for a later write, stays pending."""
        with self._lock:
            for held, number in batch.numbers.items():
                if self._held.get(held) == number:
                    del self._held[held]
