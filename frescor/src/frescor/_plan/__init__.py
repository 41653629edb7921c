"""The cache's decisions, without I/O: generators of commands.

A driver carries out each command and sends back the result; it decides nothing. So the sync and the async driver cannot
differ, and tests run this same code under every interleaving.

A command that needs the store may return `UNAVAILABLE`. Then the loader runs and nothing is stored.

How the callers of one process share a load (a flight): the first caller leads, and the others wait until its load ends.
Its result answers a waiter directly if the load began after that waiter arrived, because then it cannot miss anything
that was written before the waiter asked. Otherwise the waiter reads the store again, where the entry is checked as
usual.

An entry past its time but within its grace is served at once, while one caller loads it anew. An entry near its end may
be loaded early, so that callers do not all meet at its end: with probability e^(-t/βδ) for time left t and load cost δ,
β = 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).
"""

from frescor._plan.auditing import Finding, Verdict, audit
from frescor._plan.by_key import invalidate, look_up, look_up_many, put
from frescor._plan.confirming import confirmed
from frescor._plan.looking import Process, settle
from frescor._plan.many import load_beside_many, look_up_calls, read_beside_many, read_through_many
from frescor._plan.one import LONGEST_WAIT_MS, load_beside, read_beside, read_through
from frescor._plan.request import Arrive, Audit, CallSteps, LoadAnew, Plan, Request
from frescor._plan.retiming import Retiming, retime

__all__ = [
    "LONGEST_WAIT_MS",
    "Arrive",
    "Audit",
    "CallSteps",
    "Finding",
    "LoadAnew",
    "Plan",
    "Process",
    "Request",
    "Retiming",
    "Verdict",
    "audit",
    "confirmed",
    "invalidate",
    "load_beside",
    "load_beside_many",
    "look_up",
    "look_up_calls",
    "look_up_many",
    "put",
    "read_beside",
    "read_beside_many",
    "read_through",
    "read_through_many",
    "retime",
    "settle",
]
