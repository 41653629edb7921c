"""Types for annotations: what public calls take and return; `frescor` itself has those that programs create."""

from frescor._calls.identified import Key
from frescor._calls.loading import CurrentLoad
from frescor._calls.policy import PolicyOptions, Seconds
from frescor._surface.callsite import CacheInfo
from frescor._surface.decorator import BoundAsyncCached, BoundCached, CachedDecorator
from frescor._surface.explanation import Explanation
from frescor._surface.options import CachedOptions
from frescor._surface.recording import Calls

__all__ = [
    "BoundAsyncCached",
    "BoundCached",
    "CacheInfo",
    "CachedDecorator",
    "CachedOptions",
    "Calls",
    "CurrentLoad",
    "Explanation",
    "Key",
    "PolicyOptions",
    "Seconds",
]
