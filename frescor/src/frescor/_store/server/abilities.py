"""What a server lets its user do, and how each promise is kept where it refuses something."""

from collections.abc import Callable
from typing import Any

from redis import exceptions as driver

# By what is asked: the command, how it is said if it is granted, and if it is refused.
_ASKED: tuple[tuple[tuple[Any, ...], str, str], ...] = (
    (
        ("EVAL", "return 1", 0),
        "never stale: each invalidation is one script on the server",
        "never stale: nothing is cached, since the server refuses scripts; every call loads",
    ),
    (
        ("CLIENT", "TRACKING", "ON", "BCAST"),
        "copies in the process: the server pushes what has changed",
        "copies in the process: none, since the server refuses to push changes; each hit asks the server",
    ),
    (
        ("INFO", "server"),
        "no invalidation is lost: another server in this one's place is known by its run id",
        "no invalidation is lost: each new connection ends everything cached, since INFO tells no run id",
    ),
)


def asked(ask: Callable[[tuple[Any, ...]], Any], prefix: str) -> tuple[str, ...]:
    """A sentence for each promise that depends on what the server allows, with its refusal in its own words."""
    found = []
    for command, kept, otherwise in _ASKED:
        sent = (*command, "PREFIX", prefix) if command[1] == "TRACKING" else command
        try:
            reply = ask(sent)
        except driver.ResponseError as error:
            found.append(f"{otherwise} ({error})")
            continue
        told = command[0] != "INFO" or b"run_id:" in reply
        found.append(kept if told else otherwise)
    return tuple(found)
