"""A deterministic scheduler for whole processes: `frescor.testing.simulation` with copies, pushes and shared loads.

The world is a database of one number, a store, and processes: each has a `Local` that the server's pushes reach when
the scheduler delivers them, and calls that share their loads. Tasks do one step when the scheduler says so. A reader
drives `_plan.read_through` command by command; a writer raises the number, then invalidates; an eviction drops
one item of the store; a cut loses a process's pushes until it notices; a restart loses what the server had not saved.
`explore` visits every order of steps, never the same state twice; `wander` follows one order.

What is checked: a read that began after a write had returned never yields an older number. A process that keeps copies
may be behind by writes whose pushes have not been delivered to it, and by no others; strict reads are never behind.
And nobody waits for ever.
"""

from frescor.testing.worlds.confirming import ConfirmingWriter, Elapse, ListLost
from frescor.testing.worlds.exploring import ITEMS, MakeWorld, explore, replay, wander, world_of
from frescor.testing.worlds.process import SimulatedProcess, Ticking
from frescor.testing.worlds.reader import Reader
from frescor.testing.worlds.tasks import Cut, Eviction, Restart, Writer
from frescor.testing.worlds.world import Broken, LostWakeUp, StaleRead, Task, World

__all__ = [
    "ITEMS",
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
    "replay",
    "wander",
    "world_of",
]
