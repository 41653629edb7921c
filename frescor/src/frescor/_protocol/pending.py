"""Invalidations that the store has not taken yet: they wait here, and go first once it answers.

So do leases that were asked for without an answer: the store may have granted them to nobody, and others would wait.
"""

import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """What waited at one moment, each with the number under which it was added last."""

    tags: tuple[str, ...]
    # Tags that an outbox keeps as well.
    durable: tuple[str, ...]
    keys: tuple[str, ...]
    # Key and token of each.
    leases: tuple[tuple[str, str], ...]
    numbers: dict[tuple[str, ...], int]


class Pending:
    """Tags to raise, keys to delete and leases to release, held until they were delivered.

    While anything waits, nothing that the store holds is trusted in this process. Delivering twice does no harm.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, ...], int] = {}
        self._numbers = itertools.count()
        self.start_again()

    def start_again(self) -> None:
        """After a fork: who held the lock is in the parent."""
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def invalidations(self) -> int:
        """How many invalidations wait."""
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
        """Hold these; `leases` are keys with tokens. `durable`: an outbox keeps the tags as well."""
        kind = "durable" if durable else "tag"
        with self._lock:
            number = next(self._numbers)
            self._held.update(dict.fromkeys([(kind, tag) for tag in tags], number))
            self._held.update(dict.fromkeys([("key", key) for key in keys], number))
            self._held.update(dict.fromkeys([("lease", *lease) for lease in leases], number))

    def snapshot(self) -> Batch:
        """What waits now."""
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
        """These were delivered. One that was added again since, for a later write, goes on waiting."""
        with self._lock:
            for held, number in batch.numbers.items():
                if self._held.get(held) == number:
                    del self._held[held]
