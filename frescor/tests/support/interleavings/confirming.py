"""Writers whose invalidations are confirmed, and what goes wrong with that: who is registered, who has heard, and time.

Time has one event, `Elapse`: as much of it passes as a process may use its copies for without an answer. A process that
has not heard of a mark by then uses them no more, by its own clock, until it has.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from frescor import _plan as plan
from frescor._protocol.commands import Announce, Delete, Dismiss, Invalidate, Pause, Unheard
from frescor._protocol.pending import Pending
from frescor._values.tags import declared_tag
from interleavings.state import KEY
from interleavings.world import TAG, Task, World


@dataclass
class ConfirmingWriter(Task):
    """Commits a new number, invalidates, and drives the real plan that confirms it. In a process without copies."""

    by_key: bool = False
    _wrote: int = 0
    _invalidated: bool = False
    # What came back for each command of the plan so far: enough to bring another one to the same place.
    _told: tuple[Any, ...] = ()
    _pausing: bool = False
    _elapsed: bool = False
    _waiting: tuple[tuple[str, str], ...] = ()

    def state(self) -> Hashable:
        flags = (self.done, self._wrote, self._invalidated, self._pausing, self._elapsed)
        return flags, self._waiting, tuple(map(repr, self._told[-2:]))

    def ready(self, world: World) -> bool:
        if not self._pausing or self._elapsed:
            return True
        # It looks again and again: that counts once there is something to see.
        return bool(self._waiting) and world.unheard(self.name, self._waiting) != self._waiting

    def elapse(self) -> bool:
        """Time passes; whether it waits for that."""
        self._elapsed = self._elapsed or self._pausing
        return self._pausing

    def step(self, world: World) -> None:
        if not self._wrote:
            world.number += 1
            self._wrote = world.number
        elif not self._invalidated:
            world.perform(Delete((KEY,)) if self.by_key else Invalidate((declared_tag(TAG),)))
            self._invalidated = True
        else:
            self._confirm(world)

    def _confirm(self, world: World) -> None:
        process: Any = SimpleNamespace(make_mark=lambda: self.name, local=SimpleNamespace(line=""), pending=Pending())
        steps = plan.confirmed(process)
        if self._pausing:
            self._pausing = False
            self._told += (1e9 if self._elapsed else 0.0,)
        try:
            command: Any = next(steps)
            for reply in self._told:
                command = steps.send(reply)
            while True:
                match command:
                    case Pause(seconds) if seconds > 0:
                        self._pausing = True
                        return
                    case Pause():
                        reply = 1e9 if self._elapsed else 0.0
                    case Announce(mark):
                        reply = world.announce(mark)
                        self._waiting = reply.waiting
                    case Unheard(mark, waiting):
                        reply = self._waiting = world.unheard(mark, waiting)
                    case Dismiss(_, waiting):
                        world.dismiss(waiting)
                        reply = None
                self._told += (reply,)
                if isinstance(command, Announce):
                    # What comes next of it, others may be quicker than.
                    return
                command = steps.send(reply)
        except StopIteration:
            world.confirmed = max(world.confirmed, self._wrote)
            world.wrote(self._wrote)
            self.done = True


@dataclass
class Elapse(Task):
    """So much time passes as a process may use its copies for. Never done: it may happen while somebody waits."""

    # The mistake to look for: a process that uses its copies for longer than others wait.
    too_long: bool = False

    def ready(self, world: World) -> bool:
        return any(isinstance(task, ConfirmingWriter) and task._pausing and not task._elapsed for task in _tasks(world))

    def step(self, world: World) -> None:
        for task in _tasks(world):
            if isinstance(task, ConfirmingWriter):
                task.elapse()
        for process in world.processes:
            if process.copies and not self.too_long and process.behind_a_mark:
                process.local.alive_until = 0.0


@dataclass
class ListLost(Task):
    """The server evicts the list of those who keep copies."""

    def step(self, world: World) -> None:
        world.registered, world.knows = {}, False
        self.done = True


def _tasks(world: World) -> list[Task]:
    return list(world.tasks.values())
