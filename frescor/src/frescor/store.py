"""What a store of one's own is made of: its contract, the commands it carries out, and what it answers.

`frescor.testing.StoreConformance` tests such a store; `Cache.on(store, namespace)` is a cache on it.
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
