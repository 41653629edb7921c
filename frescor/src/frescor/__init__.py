"""Frescor: a cache between an application, its SQL database and Redis or Valkey that is never stale."""

from typing import TYPE_CHECKING

from frescor._calls.identified import key
from frescor._calls.loading import current_load
from frescor._calls.miss import MISS, Miss
from frescor._calls.policy import Policy
from frescor._runtime.events import PolicyStats
from frescor._runtime.hooks import Event
from frescor._store.base import KeyInfo, ServerInfo
from frescor._surface.cache import Cache
from frescor._surface.decorator import AsyncCached, Cached
from frescor._values.registered import register_codec
from frescor.errors import CacheError, EntryUnreadable, PolicyError, StoreRejected, StoreUnavailable

if TYPE_CHECKING:
    from frescor.aio import AsyncCache

__all__ = [
    "MISS",
    "AsyncCache",
    "AsyncCached",
    "Cache",
    "CacheError",
    "Cached",
    "EntryUnreadable",
    "Event",
    "KeyInfo",
    "Miss",
    "Policy",
    "PolicyError",
    "PolicyStats",
    "ServerInfo",
    "StoreRejected",
    "StoreUnavailable",
    "current_load",
    "key",
    "register_codec",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Imported only when used, because it imports asyncio and redis-py's async half.
    if name == "AsyncCache":
        from frescor.aio import AsyncCache

        return AsyncCache
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
