"""A deterministic scheduler for the real plans: readers, writers and what goes wrong, in any order of their steps.

The world is a database of one number, a store, and processes: each has a `Local` that the server's pushes reach when
the scheduler delivers them, and calls that share their loads. Tasks do one step when the scheduler says so. A reader
drives `_plan.read_through` command by command; a writer raises the number, then invalidates; an eviction drops
one item of the store; a cut loses a process's pushes until it notices; a restart loses what the server had not saved.
`explore` visits every order of steps, never the same state twice; `wander` follows one order.

What is checked: a read that began after a write had returned never yields an older number. A process that keeps copies
may be behind by writes whose pushes have not been delivered to it, and by no others; strict reads are never behind.
And nobody waits for ever.
"""

from interleavings.confirming import ConfirmingWriter, Elapse, ListLost
from interleavings.exploring import ITEMS, MakeWorld, explore, replay, wander, world_of
from interleavings.process import SimulatedProcess, Ticking
from interleavings.reader import Reader
from interleavings.state import KEY, made_at
from interleavings.tasks import Cut, Eviction, Restart, Writer
from interleavings.world import TAG, Broken, LostWakeUp, StaleRead, Task, World

__all__ = [
    "ITEMS",
    "KEY",
    "TAG",
    "Broken",
    "ConfirmingWriter",
    "Cut",
    "Elapse",
    "Eviction",
    "ListLost",
    "LostWakeUp",
    "MakeWorld",
    "Reader",
    "Restart",
    "SimulatedProcess",
    "StaleRead",
    "Task",
    "Ticking",
    "World",
    "Writer",
    "explore",
    "made_at",
    "replay",
    "wander",
    "world_of",
]
