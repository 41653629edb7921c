"""One call has one signature, whichever class offers it: sync, awaited, bound to an object, or mirrored for tests."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from blocking_cache import BlockingCache
from frescor import Cache
from frescor._store.base import AsyncStore, Store
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.memory import MemoryStore
from frescor._store.opening_aio import ASYNC_STORES
from frescor._store.server.redis import RedisStore
from frescor._surface.decorator import AsyncCached, BoundAsyncCached, BoundCached, Cached
from frescor.aio import AsyncCache

# What is the same for both, since it is of the engine that they share.
OF_THE_ENGINE = {
    *("on_hit", "on_miss", "on_load", "on_invalidate", "on_error", "on_mismatch", "unhook"),
    *("recording", "disabled", "memo", "replaced_by"),
}
# For threads and for operators, who do not await; and what works with coroutine functions as it is.
SYNC_ALONE = {
    "around_refresh",
    "store",
    "key_secret",
    "explain",
    "stats",
    "health",
    "status",
    "list_keys",
    "pending",
    "cached",
    "cached_method",
    "invalidate_cache_pattern",
    *OF_THE_ENGINE,
}
# Of a test's cache, the rest of which is the cache itself.
UNMIRRORED = {"around_refresh", "explain", "cached_method", "key_secret", "health", "status", "pending", *OF_THE_ENGINE}
MIRRORS = [
    (Cache, AsyncCache, SYNC_ALONE),
    (Cache, BlockingCache, UNMIRRORED),
    (Cached, AsyncCached, set()),
    (Cached, BoundCached, set()),
    (AsyncCached, BoundAsyncCached, set()),
    *[(Store, store, set()) for store in (MemoryStore, RedisStore, ClusterStore)],
    *[(AsyncStore, store, set()) for store in ASYNC_STORES.values()],
]


def public(kind: type) -> dict[str, Any]:
    """What a class and its bases of Frescor's offer by name."""
    found: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        if one.__module__.startswith("frescor") or one is BlockingCache:
            found.update({name: member for name, member in vars(one).items() if not name.startswith("_")})
    return found


def parameters(member: Any) -> list[tuple[str, Any, Any]]:
    """What can be given, by name, kind and default."""
    function: Callable[..., object] = getattr(member, "__func__", member)
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("one", "other", "missing"), MIRRORS, ids=lambda of: getattr(of, "__name__", ""))
def test_a_mirror_has_the_same_calls(one: type, other: type, missing: set[str]) -> None:
    wanted = {name for name, member in public(one).items() if callable(member) or isinstance(member, property)}
    assert wanted - public(other).keys() == missing
    # Of a mirror for tests alone, and what a store has beside the contract, nobody else has to have.
    if other in (AsyncCache, AsyncCached, BoundCached, BoundAsyncCached, BlockingCache):
        own = {name for name, member in public(other).items() if callable(member)} - public(one).keys()
        assert own == set()


@pytest.mark.parametrize(("one", "other", "missing"), MIRRORS, ids=lambda of: getattr(of, "__name__", ""))
def test_a_mirrored_call_takes_the_same(one: type, other: type, missing: set[str]) -> None:
    theirs = public(other)
    for name, member in public(one).items():
        if name in missing or not inspect.isfunction(member) or not inspect.isfunction(theirs.get(name)):
            continue
        if (one, name) == (Cache, "cached") and other is BlockingCache:
            # Its options go on to the cache's own.
            continue
        assert parameters(theirs[name]) == parameters(member), f"{other.__name__}.{name}"


@pytest.mark.parametrize("kind", [Cache, AsyncCache, BlockingCache, Cached, AsyncCached, BoundCached, BoundAsyncCached])
def test_each_public_call_is_documented(kind: type) -> None:
    bare = [
        name
        for name, member in public(kind).items()
        if (inspect.isfunction(member) or isinstance(member, property | classmethod)) and not inspect.getdoc(member)
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("one", "other"), [(Cache, AsyncCache), (Cached, AsyncCached), (BoundCached, BoundAsyncCached)]
)
def test_what_waits_in_one_is_awaited_in_the_other(one: type, other: type) -> None:
    makes_no_round_trip = {"key", "policy", "cache_info"}
    awaited = {name for name, member in public(other).items() if inspect.iscoroutinefunction(member)}
    assert not any(inspect.iscoroutinefunction(member) for member in public(one).values())
    shared = {name for name, member in public(one).items() if inspect.isfunction(member)} & public(other).keys()
    assert shared - makes_no_round_trip == awaited
