"""The world that tasks go on in, step by step, and how it may break."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from frescor._protocol.commands import Announced
from frescor._store.memory import MemoryStore
from interleavings.process import SimulatedProcess, Ticking
from interleavings.state import KEY, items_of, ranked, stamps_in

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

    def __init__(
        self,
        tasks: "Sequence[Task]",
        processes: Sequence[SimulatedProcess],
        store: MemoryStore,
        last: "Callable[[], Task] | None" = None,
    ) -> None:
        self.tasks = {task.name: task for task in tasks}
        self.processes = list(processes)
        self.store = store
        # Reads when all others are done; None: a reader in a process without copies.
        self.last = last
        self.number = 0
        # The highest number whose write has returned.
        self.returned = 0
        # The highest one whose write was confirmed: nobody may be behind it.
        self.confirmed = 0
        # Who keeps copies, as the server knows: the process by name; and who has heard of which mark.
        self.registered = {process.line: place for place, process in enumerate(processes) if process.copies}
        self.knows = True
        self.heard: set[tuple[str, str]] = set()
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
        twin.registered, twin.heard = dict(self.registered), set(self.heard)
        twin.tasks = {name: task.fork() for name, task in self.tasks.items()}
        return twin

    def step(self, move: str) -> None:
        """Let a task do its next step, or the one of its next steps that is chosen."""
        self._history = (self._history, move)
        name, _, choice = move.partition(".")
        if choice:
            self.tasks[name].choose(choice)
        self.tasks[name].step(self)

    def ready(self) -> list[str]:
        """What may come next: a task's name, or with a point and a choice, where it has several next steps."""
        return [move for task in self.tasks.values() if not task.done and task.ready(self) for move in task.moves()]

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

    def announce(self, mark: str) -> Announced:
        """Push a mark to all who listen; who is registered."""
        for process in self.processes:
            if process.copies:
                process.marks = (*process.marks, mark)
                if process.connected:
                    process.arriving.append((f"!{mark}",))
        return Announced(tuple((name, "") for name in sorted(self.registered)), 0 if self.knows else 1_500)

    def unheard(self, mark: str, waiting: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Those who are registered still and have not heard of a mark."""
        return tuple(one for one in waiting if one[0] in self.registered and (mark, one[0]) not in self.heard)

    def dismiss(self, waiting: tuple[tuple[str, str], ...]) -> None:
        """End registrations."""
        for name, _ in waiting:
            self.registered.pop(name, None)

    def connect(self, process: SimulatedProcess) -> None:
        """A process connects its listener again, and registers anew."""
        self.registered.pop(process.line, None)
        process.connect(self.returned)
        self.registered[process.line] = self.processes.index(process)

    def due(self, process: SimulatedProcess, *, strict: bool) -> int:
        """The oldest number that a read which begins now in this process may return."""
        return max(self.confirmed, process.seen if process.listening and not strict else self.returned)

    def deliver(self, process: SimulatedProcess) -> None:
        message = process.comes_next()
        process.deliver()
        if isinstance(message, tuple) and message[0].startswith("!"):
            self.heard.add((message[0][1:], process.line))
            process.hear(message[0][1:])
        self._skip_numbers(process)

    def state(self) -> Hashable:
        """Everything that what comes next depends on.

        Stamps count by their order alone: the protocol only compares them, and each is later than all before it.
        """
        whole = (
            items_of(self.store._items),
            self.number,
            self.returned,
            (self.confirmed, self.knows, tuple(sorted(self.registered)), tuple(sorted(self.heard))),
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

    def moves(self) -> tuple[str, ...]:
        """What may come next of it, as a schedule names it."""
        return (self.name,)

    def choose(self, choice: str) -> None:
        """Which of several moves the next step is: what follows the name."""
        raise LookupError(f"{self.name} has no choice {choice}")

    def ready(self, world: World) -> bool:  # others look at the world
        return True

    def fork(self) -> Self:
        return copy.copy(self)

    def state(self) -> Hashable:
        return self.done
