"""Frescor: a cache between an application, its SQL database and Redis or Valkey that is never stale."""

from frescor.cache import Cache
from frescor.decorator import AsyncCached, Cached
from frescor.errors import CacheError, EntryUnreadable, PolicyError, StoreRejected, StoreUnavailable
from frescor.events import PolicyStats
from frescor.loading import current_load
from frescor.miss import MISS, Miss
from frescor.policy import Policy
from frescor.store.base import KeyInfo, ServerInfo

__all__ = [
    "MISS",
    "AsyncCached",
    "Cache",
    "CacheError",
    "Cached",
    "EntryUnreadable",
    "KeyInfo",
    "Miss",
    "Policy",
    "PolicyError",
    "PolicyStats",
    "ServerInfo",
    "StoreRejected",
    "StoreUnavailable",
    "current_load",
]
__version__ = "0.1.0"
