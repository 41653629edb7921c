"""What a load results in: the entry to store, and the result for those who wait for it."""

from typing import Any

from frescor._plan.looking import Process
from frescor._plan.request import Plan, Request
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    FlightResult,
    Loaded,
    ReleaseLease,
    StoreOutcome,
    Unavailable,
)
from frescor._protocol.outcome import Result
from frescor._values.entry import Entry


def flight_result_of(request: Request, loaded: Loaded) -> FlightResult:
    """What the waiters in this process get from a load."""
    if loaded.private or loaded.payload is None:
        return NOTHING_SHARED
    return FlightResult(loaded.began, payload=loaded.payload, tags=tags_of(request, loaded), shape=request.shape.digest)


def tags_of(request: Request, loaded: Loaded) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*request.tags, *loaded.tags))) if loaded.tags else request.tags


def entry_of(request: Request, loaded: Loaded, as_of: int) -> tuple[Entry, int]:
    """The entry for what was loaded, and how many ms the store keeps it: its time to live plus its grace."""
    ttl_ms = request.ttl_ms if loaded.ttl_ms is None else loaded.ttl_ms
    if request.call:
        # An entry beside that of another version is kept for a short time only, even if the loader set a longer one.
        ttl_ms = min(ttl_ms, request.ttl_ms)
    kept_ms = ttl_ms + request.policy.grace_ms
    entry = Entry(
        # A load inside an older database snapshot saw nothing newer than that.
        as_of=as_of if loaded.as_of is None else min(as_of, loaded.as_of),
        fresh_until=loaded.now + ttl_ms * 1000,
        stale_until=loaded.now + kept_ms * 1000,
        cost=loaded.cost,
        tags=tags_of(request, loaded),
        payload=loaded.payload or b"",
        shape=request.shape.digest,
        own_time=loaded.ttl_ms is not None,
    )
    return entry, kept_ms


def packed(process: Process, request: Request, entry: Entry) -> bytes:
    return process.packing.pack(request.key, entry, sealed=request.policy.sealed)


def value_of(request: Request, loaded: Loaded) -> Any:
    """The value for the caller that loaded it: a new object, as a hit would return."""
    return loaded.value if loaded.payload is None else request.codec.decode(loaded.payload)


RESULT_OF: dict[StoreOutcome | Unavailable, Result] = {
    StoreOutcome.STORED: Result.LOADED,
    StoreOutcome.SUPERSEDED: Result.SUPERSEDED,
    StoreOutcome.LEASE_LOST: Result.SUPERSEDED,
    UNAVAILABLE: Result.DEGRADED,
}


def release(process: Process, request: Request) -> Plan[None]:
    if (yield ReleaseLease(request.key, request.token)) is UNAVAILABLE:
        process.pending.add(leases=[(request.key, request.token)])
