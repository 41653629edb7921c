"""What goes on in a world beside its readers: writes, and what goes wrong."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from frescor._protocol.commands import Delete, Invalidate
from frescor._values.tags import NAMESPACE_TAG, declared_tag
from interleavings.state import KEY, items_of
from interleavings.world import TAG, Task, World


@dataclass
class Writer(Task):
    """Commits a new number, then invalidates: by the tag, or the key itself. In a process, or in one without copies."""

    by_key: bool = False
    process: int | None = None
    _wrote: int = 0

    def state(self) -> Hashable:
        return self.done, self._wrote

    def step(self, world: World) -> None:
        if not self._wrote:
            world.number += 1
            self._wrote = world.number
            return
        world.perform(Delete((KEY,)) if self.by_key else Invalidate((declared_tag(TAG),)))
        if self.process is not None:
            # As `plan.invalidate` does; and so this process's own reads are not behind its writes.
            process = world.processes[self.process]
            process.local.drop(**({"keys": [KEY]} if self.by_key else {"tags": [declared_tag(TAG)]}))
            process.seen = max(process.seen, self._wrote)
        world.wrote(self._wrote)
        self.done = True


@dataclass
class Eviction(Task):
    """Drops one item, as a full server may at any time."""

    item: str

    def step(self, world: World) -> None:
        with world.changing():
            world.store.evict(self.item)
        self.done = True


@dataclass
class Delivery(Task):
    """Brings a process what was pushed to it, one message a step. Never done."""

    process: int

    def ready(self, world: World) -> bool:
        return bool(world.processes[self.process].arriving)

    def step(self, world: World) -> None:
        world.deliver(world.processes[self.process])


@dataclass
class Cut(Task):
    """Breaks a process's listening connection; then the process notices; then it connects again."""

    process: int
    _turn: int = 0

    def state(self) -> Hashable:
        return self._turn

    def step(self, world: World) -> None:
        process = world.processes[self.process]
        self._turn += 1
        match self._turn:
            case 1:
                process.cut()
            case 2:
                process.notice()
            case _:
                world.connect(process)
                self.done = True


@dataclass
class Restart(Task):
    """The server saves what it has, and is restarted later from that. Every process notices, and connects again.

    Whoever connects first does what `scripts.CHECK_SERVER` does, before any other command.
    """

    checks: bool = True
    _turn: int = 0
    _saved: OrderedDict[str, Any] | None = None

    def state(self) -> Hashable:
        return self._turn, None if self._saved is None else items_of(self._saved)

    def step(self, world: World) -> None:
        listeners = [process for process in world.processes if process.copies]
        self._turn += 1
        if self._turn == 1:
            self._saved = OrderedDict(world.store._items)
        elif self._turn == 2:
            assert self._saved is not None
            world.store._items, self._saved = OrderedDict(self._saved), None
            if self.checks:
                world.store.perform(Invalidate((NAMESPACE_TAG,)))
            for process in listeners:
                # Its connections are reset: that is noticed.
                process.cut()
                process.notice()
        else:
            for process in listeners:
                world.connect(process)
        self.done = self._turn == (3 if listeners else 2)
