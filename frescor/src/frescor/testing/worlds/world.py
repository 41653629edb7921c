"""The world that tasks go on in, step by step, and how it may break."""

import copy
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from frescor.store.memory import MemoryStore
from frescor.testing.worlds.process import SimulatedProcess, Ticking
from frescor.testing.worlds.state import KEY, items_of, ranked, stamps_in

TAG = "t"
LEASE = f"l:{KEY}"


class Broken(AssertionError):
    """A promise was broken. `schedule` replays it."""

    def __init__(self, schedule: tuple[str, ...], what: str) -> None:
        super().__init__(f"{what}; schedule: {' '.join(schedule)}")
        self.schedule = schedule


class StaleRead(Broken):
    """A read returned data older than a write that it had to see."""


class LostWakeUp(Broken):
    """Somebody waits and nothing is left that would end it."""


class World:
    """One run: the database, the store, the processes, and what each task has seen."""

    def __init__(self, tasks: "Sequence[Task]", processes: Sequence[SimulatedProcess], store: MemoryStore) -> None:
        self.tasks = {task.name: task for task in tasks}
        self.processes = list(processes)
        self.store = store
        self.number = 0
        # The highest number whose write has returned.
        self.returned = 0
        self._history: Any = None

    @property
    def history(self) -> tuple[str, ...]:
        names, place = [], self._history
        while place is not None:
            place, name = place
            names.append(name)
        return tuple(reversed(names))

    def fork(self) -> "World":
        """The same world again, to go on from here in another way."""
        twin = copy.copy(self)
        twin.store = copy.copy(self.store)
        twin.store._items = OrderedDict(self.store._items)
        now = self.store._now
        assert isinstance(now, Ticking)
        twin.store._now = Ticking(now.looks)
        twin.processes = [process.fork() for process in self.processes]
        twin.tasks = {name: task.fork() for name, task in self.tasks.items()}
        return twin

    def step(self, name: str) -> None:
        """Let a task do its next step."""
        self._history = (self._history, name)
        self.tasks[name].step(self)

    def ready(self) -> list[str]:
        """Who can go on."""
        return [name for name, task in self.tasks.items() if not task.done and task.ready(self)]

    def perform(self, command: Any) -> Any:
        """Let the store carry a command out, and push what it changed."""
        with self.changing():
            return self.store.perform(command)

    def changing(self) -> "Changing":
        return Changing(self)

    def wrote(self, number: int) -> None:
        """A write has returned."""
        self.returned = max(self.returned, number)
        for process in self.processes:
            if process.connected:
                process.arriving.append(number)
                self._skip_numbers(process)

    def _skip_numbers(self, process: SimulatedProcess) -> None:
        while process.arriving and isinstance(process.arriving[0], int):
            process.deliver()

    def deliver(self, process: SimulatedProcess) -> None:
        process.deliver()
        self._skip_numbers(process)

    def state(self) -> Hashable:
        """Everything that what comes next depends on.

        Stamps count by their order alone: the protocol only compares them, and each is later than all before it.
        """
        whole = (
            items_of(self.store._items),
            self.number,
            self.returned,
            tuple([process.state() for process in self.processes]),
            tuple([task.state() for task in self.tasks.values()]),
        )
        ranks = {stamp: rank for rank, stamp in enumerate(sorted(set(stamps_in(whole))))}
        return ranked(whole, ranks)


class Changing:
    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        self._before = dict(self._world.store._items)

    def __exit__(self, *_: object) -> None:
        before, after = self._before, self._world.store._items
        changed = tuple(
            sorted(name for name in {**before, **after} if name[0] in "tl" and before.get(name) is not after.get(name))
        )
        if changed:
            for process in self._world.processes:
                if process.connected:
                    process.arriving.append(changed)


@dataclass
class Task:
    """Something that goes step by step."""

    name: str
    done: bool = field(default=False, kw_only=True)

    @property
    def token(self) -> str | None:
        """Of the lease that it may hold."""
        return None

    def step(self, world: World) -> None:
        raise NotImplementedError

    def ready(self, world: World) -> bool:  # noqa: ARG002  # others look at the world
        return True

    def fork(self) -> Self:
        return copy.copy(self)

    def state(self) -> Hashable:
        return self.done
