"""The commands that a server must allow Frescor's user, each with its purpose. `frescor acl` prints them as ACL rules.

Redis and Valkey always allow HELLO and AUTH. A script may call only the commands that its caller may call. So the
commands inside scripts are included, and EVAL gives a thief of the user's password no further power.
"""

import re
from typing import Literal

from frescor._store import listener_registry, scripts, slot_wire
from frescor._store.wire import Wire

# Sent directly, not from within a script.
DIRECT = {
    "MGET": "read entries and tags in one round trip",
    "EVALSHA": "run a script that the server knows",
    "EVAL": "send a script to a server that does not know it",
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
# In addition, with several servers.
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
    """Every command that Frescor sends or calls, in capitals; CONTAINER|SUBCOMMAND for subcommands."""
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
    """ACL rules for a user who may run these commands on a namespace's keys. Raises PolicyError for a bad namespace."""
    allowed = " ".join(f"+{name.lower()}" for name in sorted(commands(topology)))
    return f"~{Wire(namespace).namespace}:* -@all {allowed}"
