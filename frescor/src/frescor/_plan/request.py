"""One read-through call: what is known of it, and the commands by which it begins and is loaded anew."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

import msgspec

from frescor._calls.policy import Policy
from frescor._protocol.commands import Command, Load
from frescor._values.codec import ValueCodec
from frescor._values.shapes import NO_SHAPE, Shape

R = TypeVar("R")


class Arrive(msgspec.Struct, frozen=True):
    """A read-through call begins, of an entry with all these tags. → Request

    Raises PolicyError if it is to be sealed and cannot be, and for a call that is part of a load of itself.
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

    arrived: its place in the process's order of events (see `_runtime.lease`). now: wall clock, µs. dice: a random
    number in (0, 1]. ttl_ms: this entry's time to live, jitter applied. refresh: load in any case. background: nobody
    waits for this one; if another loads already, it is not needed. expected: tags that the entry had when it was seen
    last, beside `tags`: asked for with it. fresh: read nothing from local copies or stamps. shape: that of the entries
    it can read. call: the call's key, where its entry stands apart from that (see `_values.shapes`). label: what
    the function is called, for errors. moved: whether the function holds something else than when the call began; what
    it loads then belongs to another key.
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

    @property
    def load(self) -> Load:
        """The command that runs its loader."""
        return Load(self.call, self.key) if self.call else Load(self.key)


class LoadAnew(msgspec.Struct, frozen=True):
    """Load a call again behind its caller, who waits for it so many seconds at the most.
    → Outcome | the Exception that ended it | None: it goes on"""

    request: Request
    patience: float


Plan = Generator[Command, Any, R]
# What one call of a cache does: it may begin read-through calls, and let them be loaded anew.
CallSteps = Generator[Command | Arrive | LoadAnew, Any, R]
