"""The cache's decisions, without I/O: generators of commands.

A driver carries each command out and sends back what came of it; it decides nothing. So the sync and the async driver
cannot differ, and a test can run this very code under any interleaving.

A command that needs the store may come back as `UNAVAILABLE`: then the loader runs and nothing is stored.

How one key's load is shared within a process. Whoever boards first leads; the others wait until it lands. What it
ended with answers a waiter at once if the load began after that waiter arrived: nothing that was written before the
waiter asked can be missing from it. Otherwise the waiter reads the store again, where the entry is checked like any.

An entry that is past its time but within its grace is served at once, while one caller loads it anew. An entry that
nears its end may be loaded early, so that callers do not meet at its end: with probability e^(-t/βδ) for time left t
and cost of a load δ, β = 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB
2015).
"""

from frescor._plan.by_key import invalidate, look_up, look_up_many, put
from frescor._plan.confirming import confirmed
from frescor._plan.looking import Process, settle
from frescor._plan.many import look_up_calls, read_beside_many, read_through_many
from frescor._plan.one import LONGEST_WAIT_MS, read_beside, read_through
from frescor._plan.request import Arrive, CallSteps, LoadAnew, Plan, Request

__all__ = [
    "LONGEST_WAIT_MS",
    "Arrive",
    "CallSteps",
    "LoadAnew",
    "Plan",
    "Process",
    "Request",
    "confirmed",
    "invalidate",
    "look_up",
    "look_up_calls",
    "look_up_many",
    "put",
    "read_beside",
    "read_beside_many",
    "read_through",
    "read_through_many",
    "settle",
]
