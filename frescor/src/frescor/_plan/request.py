"""One read-through call: its data, and the commands that begin it or load it anew."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

import msgspec

from frescor._calls.policy import Policy
from frescor._copies.local import Copy
from frescor._protocol.commands import Command, Load
from frescor._values.codec import ValueCodec
from frescor._values.shapes import NO_SHAPE, Shape

R = TypeVar("R")


class Arrive(msgspec.Struct, frozen=True):
    """Begin a read-through call for an entry with these tags. → Request

    Raises PolicyError if the policy is sealed and the cache has no secrets, and if the call is part of loading itself.
    """

    key: str
    tags: tuple[str, ...]
    policy: Policy
    codec: ValueCodec
    shape: Shape = NO_SHAPE
    label: str = ""
    refresh: bool = False
    moved: Callable[[], bool] | None = None


class Request(msgspec.Struct, frozen=True):
    """One read-through call.

    arrived: its number in the process's order of events (see `_runtime.lease`). now: wall clock, µs. dice: a random
    number in (0, 1]. ttl_ms: the entry's time to live, with jitter applied. refresh: load even if there is a valid
    entry. background: no caller waits for this load, and it is not needed if another one is running. expected: the tags
    that the entry had when it was last seen, in addition to `tags`; they are read along with it. fresh: do not use
    local copies or stamps. shape: that of the entries it can read. call: the call's key, if its entry is stored beside
    that of another version (see `_values.shapes`). label: the function's name, for errors. moved: whether the function
    captures other values than when the call began; what it loads then belongs to another key.
    """

    key: str
    tags: tuple[str, ...]
    policy: Policy
    codec: ValueCodec
    token: str
    arrived: int
    now: int
    dice: float
    ttl_ms: int
    refresh: bool = False
    background: bool = False
    expected: tuple[str, ...] = ()
    fresh: bool = False
    shape: Shape = NO_SHAPE
    call: str = ""
    label: str = ""
    moved: Callable[[], bool] | None = None
    audits: bool = False

    @property
    def load(self) -> Load:
        """The command that runs its loader."""
        return Load(self.call, self.key) if self.call else Load(self.key)


class LoadAnew(msgspec.Struct, frozen=True):
    """Load a call again in the background, while its caller waits for at most this many seconds. → Outcome | the
    Exception that ended it | None: still running"""

    request: Request
    patience: float


class Audit(msgspec.Struct, frozen=True):
    """Load a call again in the background and compare it with this copy of its hit; None: with what is stored.
    → anything"""

    request: Request
    copy: Copy | None


Plan = Generator[Command, Any, R]
# The steps of one call of a cache, which may begin read-through calls and have them loaded anew.
CallSteps = Generator[Command | Arrive | LoadAnew | Audit, Any, R]
