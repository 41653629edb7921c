"""What a read-through call came to."""

from enum import Enum
from typing import Any

import msgspec


class Result(Enum):
    """How a call got its value; the value names the counter (see `_runtime.events.PolicyStats`)."""

    HIT = "hits"
    STALE = "stale"
    LOADED = "loads"
    SHARED = "shared"
    DEGRADED = "degraded"
    GAVE_UP = "gave_up"
    SUPERSEDED = "superseded"
    BYPASSED = "bypassed"


class Outcome(msgspec.Struct, frozen=True):
    """What a call returns and how it got it.

    due: it is to be loaded anew while the caller goes on. tags: what the value depends on. outdated: invalidated, and
    served all the same.
    """

    value: Any
    result: Result
    due: bool = False
    tags: tuple[str, ...] = ()
    outdated: bool = False
