"""A store that fails as servers and networks do, for tests of an application that must survive its cache's failures."""

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frescor._protocol.commands import Grant, Read, Reading, StoreCommand, TakeLease, Together
from frescor._store.base import KeyInfo, Replayer, ServerInfo, Store
from frescor.errors import StoreRejected, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Faults:
    """How often each kind of failure happens, from 0 to 1.

    lost: the command does not reach the store. unanswered: it is carried out, but the answer is lost. refused: the
    store refuses it. twice: it is carried out twice, as when a connection is lost and it is sent again. late: it is
    carried out after `delay` seconds. garbage: entries come back with bytes changed, cut off, or not at all, and stamps
    are missing.
    """

    lost: float = 0.05
    unanswered: float = 0.05
    refused: float = 0.05
    twice: float = 0.05
    late: float = 0.05
    garbage: float = 0.1
    delay: float = 0.002


class ChaosStore(Store):
    """Wraps a store and makes its commands fail at random; the same seed makes the same failures.

    None of them may make a cache raise or return a wrong value. It never answers with an entry that is well-formed,
    valid and wrong, which no cache could detect.
    """

    def __init__(self, store: Store, *, seed: int = 0, faults: Faults | None = None) -> None:
        self._store = store
        self._faults = faults or Faults()
        self._chance = random.Random(seed)  # faults need no secrecy
        self._lock = threading.Lock()
        self._pause = threading.Event()
        # How many failures there were.
        self.faults = 0

    def perform(self, command: StoreCommand | Together) -> Any:
        """As `Store.perform`, if nothing fails."""
        faults = self._faults
        if self._happens(faults.lost):
            raise StoreUnavailable("chaos: lost on its way", operation=type(command).__name__)
        if self._happens(faults.refused):
            raise StoreRejected("chaos: refused", operation=type(command).__name__)
        if self._happens(faults.late):
            self._pause.wait(faults.delay)
        if self._happens(faults.twice):
            self._store.perform(command)
        answer = self._store.perform(command)
        if self._happens(faults.unanswered):
            raise StoreUnavailable("chaos: the answer was lost", operation=type(command).__name__)
        if isinstance(command, Together):
            return [self._spoiled(one, its) for one, its in zip(command.commands, answer, strict=True)]
        return self._spoiled(command, answer)

    def set_watermark(self, database: str, at: int) -> bool:
        """As `Store.set_watermark`."""
        return self._store.set_watermark(database, at)

    def is_unrecorded(self, database: str) -> bool:
        """As `Store.is_unrecorded`."""
        return self._store.is_unrecorded(database)

    def told(self, database: str) -> None:
        """As `Store.told`."""
        self._store.told(database)

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        """As `Store.register_slices`."""
        return self._store.register_slices(columns)

    def replay_by(self, database: str, replayer: Replayer, *, ended: bool = False) -> None:
        """As `Store.replay_by`."""
        self._store.replay_by(database, replayer, ended=ended)

    def count(self, deltas: Mapping[str, int]) -> None:
        """As `Store.count`, without failures."""
        self._store.count(deltas)

    def counters(self) -> dict[str, int]:
        """As `Store.counters`."""
        return self._store.counters()

    def list_keys(self, pattern: str, limit: int) -> Iterator[KeyInfo]:
        """As `Store.list_keys`."""
        return self._store.list_keys(pattern, limit)

    def info(self) -> ServerInfo:
        """As `Store.info`."""
        return self._store.info()

    def close(self) -> None:
        """As `Store.close`."""
        self._store.close()

    def _happens(self, chance: float) -> bool:
        with self._lock:
            happens = self._chance.random() < chance
            self.faults += happens
        return happens

    def _spoiled(self, command: StoreCommand, answer: Any) -> Any:
        if isinstance(command, Read) and isinstance(answer, Reading):
            entries = [self._spoiled_entry(entry) for entry in answer.entries]
            return Reading(entries, self._spoiled_stamps(answer.stamps))
        if isinstance(command, TakeLease) and isinstance(answer, Grant):
            return Grant(answer.as_of, self._spoiled_entry(answer.entry), self._spoiled_stamps(answer.stamps))
        return answer

    def _spoiled_entry(self, entry: bytes | None) -> bytes | None:
        if entry is None or not self._happens(self._faults.garbage):
            return entry
        with self._lock:
            place, byte, how = (
                self._chance.randrange(len(entry)),
                self._chance.randrange(1, 256),
                self._chance.randrange(4),
            )
        match how:
            case 0:
                return None
            case 1:
                return entry[:place]
            case 2:
                return bytes([byte]) * place
        return entry[:place] + bytes([entry[place] ^ byte]) + entry[place + 1 :]

    def _spoiled_stamps(self, stamps: Mapping[str, int | None]) -> Mapping[str, int | None]:
        return {tag: None if self._happens(self._faults.garbage / 4) else stamp for tag, stamp in stamps.items()}
