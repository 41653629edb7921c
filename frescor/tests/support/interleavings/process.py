"""A process of a world: its copies, what is on its way to it, and the loads that its calls share."""

import copy
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from math import inf

from frescor._copies.admission import TinyLfu
from frescor._copies.local import Local
from frescor._store.memory import MemoryStore
from interleavings.state import Stamp


class Ticking:
    """A clock that goes on by 64 µs, exact in a float, each time it is read: a server runs no two commands in the same
    one. Entries do not end by it."""

    def __init__(self, looks: int = 0) -> None:
        self.looks = looks

    def __call__(self) -> float:
        self.looks += 1
        return self.looks * 2.0**-14


def ticking_store() -> MemoryStore:
    """A store whose time goes on at each look."""
    return MemoryStore(now=Ticking())


class SimulatedProcess:
    """A process: its copies and what was pushed to it and has not arrived; the loads that its calls share."""

    def __init__(self, local: Local | None) -> None:
        self.local = local or Local(max_bytes=0)
        self.copies = local is not None
        # Names that changed, or the number of a write that has returned: all its pushes stand before that.
        self.arriving: list[tuple[str, ...] | int] = []
        self.connected = self.listening = self.copies
        if self.copies:
            self.local.alive_until = inf
        self.seen = 0
        self.events = 0
        self.flights: dict[str, str] = {}
        self.woken: set[str] = set()
        self.crashed = False
        # Under which it is registered, and the marks that were pushed and that it has not heard of.
        self.line = "0"
        self.marks: tuple[str, ...] = ()

    @property
    def behind_a_mark(self) -> bool:
        """Whether there is a mark that it has not heard of."""
        return bool(self.marks)

    def hear(self, mark: str) -> None:
        """A mark has arrived, and what was pushed before it. The next heartbeat is answered, too."""
        self.marks = tuple(one for one in self.marks if one != mark)
        if self.listening and not self.marks:
            self.local.alive_until = inf

    def fork(self) -> "SimulatedProcess":
        twin = copy.copy(self)
        twin.arriving, twin.flights, twin.woken = list(self.arriving), dict(self.flights), set(self.woken)
        old, new = self.local, copy.copy(self.local)
        new._reads = old._reads.copy()
        new._note_read = new._reads.append
        new._copies = {key: copy.copy(one) for key, one in old._copies.items()}
        new._stamps, new._pushed = dict(old._stamps), dict(old._pushed)
        new._waiters = {
            key: {Wake(twin, wake.name) for wake in waiters if isinstance(wake, Wake)}
            for key, waiters in old._waiters.items()
        }
        twin.local = new
        return twin

    def state(self) -> Hashable:
        local = self.local
        copies = tuple((key, Stamp(one.as_of), one.shared) for key, one in local._copies.items())
        stamps = tuple((tag, Stamp(stamp)) for tag, stamp in sorted(local._stamps.items()))
        marks = (local._sequence, local._floor, tuple(sorted(local._pushed.items())))
        waits = tuple(sorted(wake.name for ones in local._waiters.values() for wake in ones if isinstance(wake, Wake)))
        flags = (self.connected, self.listening, self.seen, self.events, self.crashed)
        registered = (self.line, self.marks, self.local.alive_until > 0)
        return copies, stamps, marks, waits, flags, registered, tuple(self.arriving), tuple(self.flights.items())

    def comes_next(self) -> tuple[str, ...] | int:
        """What is delivered next."""
        return self.arriving[0]

    def deliver(self) -> None:
        """The next push arrives."""
        message = self.arriving.pop(0)
        if isinstance(message, int):
            self.seen = max(self.seen, message)
            return
        self.local.drop(
            tags=[name[2:] for name in message if name.startswith("t:")],
            keys=[name[2:] for name in message if name.startswith("l:")],
        )

    def cut(self) -> None:
        """The connection breaks, unnoticed; what was on its way is lost."""
        self.connected = False
        self.arriving.clear()

    def notice(self) -> None:
        self.listening = False
        self.local.lose()

    def connect(self, returned: int) -> None:
        """It listens again, when this was the last write that had returned; under another name, since it forgot all."""
        self.connected = self.listening = True
        self.local.forget()
        self.local.alive_until = inf
        self.seen = returned
        self.line, self.marks = f"{self.line}'", ()


class _Room(TinyLfu):
    """Admits everything and remembers nothing: one key needs no choice, and worlds are copied often."""

    def touch(self, keys: Iterable[str]) -> None:  # the signature is its base's
        return

    def add(self, key: str, size: int) -> list[str]:
        return []

    def remove(self, key: str) -> None:
        return

    def clear(self) -> None:
        return


_ROOM = _Room(1)


def simulated_local(kind: type[Local] = Local) -> Local:
    """Copies whose time stands still and that have room."""
    local = kind(monotonic=lambda: 0.0, now=lambda: 0.0, dice=lambda: 0.0)
    local._admission = _ROOM
    return local


@dataclass(frozen=True)
class Wake:
    """Wakes a waiting reader of a process."""

    process: SimulatedProcess = field(compare=False, repr=False)
    name: str = ""

    def __call__(self) -> None:
        self.process.woken.add(self.name)
