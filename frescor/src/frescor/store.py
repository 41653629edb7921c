"""For writing a store of your own: its contract, the commands that it carries out, and their results.

`frescor.testing.StoreConformance` tests such a store; `Cache.on(store, namespace)` is a cache that uses it.
"""

from frescor._protocol.commands import (
    Announce,
    Announced,
    Delete,
    Dismiss,
    ExtendLease,
    Grant,
    Invalidate,
    Put,
    Read,
    Reading,
    ReleaseLease,
    StoreCommand,
    StoreOutcome,
    TakeLease,
    Together,
    Unheard,
    Write,
)
from frescor._store.base import KeyInfo, ListenerFactory, PossibleLoss, Replayer, ServerInfo, Store

__all__ = [
    "Announce",
    "Announced",
    "Delete",
    "Dismiss",
    "ExtendLease",
    "Grant",
    "Invalidate",
    "KeyInfo",
    "ListenerFactory",
    "PossibleLoss",
    "Put",
    "Read",
    "Reading",
    "ReleaseLease",
    "Replayer",
    "ServerInfo",
    "Store",
    "StoreCommand",
    "StoreOutcome",
    "TakeLease",
    "Together",
    "Unheard",
    "Write",
]
