"""What a server must allow Frescor's user: each command, and what for. `frescor acl` prints it as rules for the server.

Redis and Valkey let everybody say HELLO and AUTH. A script may call only what its caller may call, so the commands of
the scripts are among these, and whoever steals the user's password can do no more by EVAL.
"""

import re
from typing import Literal

from frescor._store import listener_registry, scripts, slot_wire
from frescor._store.wire import Wire

# Sent as such, not by a script.
DIRECT = {
    "MGET": "read entries and tags in one round trip",
    "EVALSHA": "run a script that the server knows",
    "EVAL": "bring a script to a server that does not know it",
    "GET": "the listener's heartbeat",
    "CLIENT|TRACKING": "hear of changes, for copies in the process",
    "CLIENT|SETNAME": "say who is connected",
    "SELECT": "use another database than 0",
    "INFO": "tell one server from another, and show its memory",
    "PING": "find out whether it is back",
    "HINCRBY": "add up hits and misses of all processes",
    "HGETALL": "show them",
    "SCAN": "list keys for an operator; nothing else uses it",
    "PTTL": "show an entry's time to live",
    "STRLEN": "show an entry's size",
}
# Beyond that, where there are several servers.
SEVERAL = {
    "sentinel": {"ROLE": "know a primary from a replica"},
    "cluster": {
        "CLUSTER|SLOTS": "know which node has which slot",
        "ASKING": "follow a slot that is being moved",
        "SET": "remember which server holds a slot",
    },
}
Topology = Literal["server", "sentinel", "cluster"]
_CALLED = re.compile(r"redis\.p?call\('([A-Z]+)'")


def commands(topology: Topology = "server") -> frozenset[str]:
    """Every command that Frescor sends or calls, in capitals; CONTAINER|SUBCOMMAND for one of several."""
    called = slot_wire.ALL if topology == "cluster" else ()
    return (
        frozenset(DIRECT)
        | frozenset(SEVERAL.get(topology, ()))
        | {
            name
            for script in (*scripts.ALL, *listener_registry.ALL, *called)
            for name in _CALLED.findall(script.source)
        }
    )


def acl_rules(namespace: str, topology: Topology = "server") -> str:
    """The rules of a user who may run these commands on the keys of a namespace. PolicyError for a wrong namespace."""
    allowed = " ".join(f"+{name.lower()}" for name in sorted(commands(topology)))
    return f"~{Wire(namespace).namespace}:* -@all {allowed}"
