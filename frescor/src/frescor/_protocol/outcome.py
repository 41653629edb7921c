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
    """What a call returns, and where it came from.

    due: the value is to be loaded anew, while the caller goes on with this one. tags: what the value depends on.
    outdated: it was invalidated, and the policy allows serving it. unkept: its loader said that it is not to be kept.
    """

    value: Any
    result: Result
    due: bool = False
    tags: tuple[str, ...] = ()
    outdated: bool = False
    unkept: bool = False
