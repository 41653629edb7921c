"""Several keys of one policy: one read, and one load of all that are missing."""

from collections.abc import Callable, Mapping
from typing import Any

from frescor._plan.loaded import RESULT_OF, entry_of, flight_result_of, packed, tags_of, value_of
from frescor._plan.looking import Process, examine, settle
from frescor._plan.one import read_through
from frescor._plan.request import Plan, Request
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    EndFlight,
    FlightResult,
    Grant,
    JoinFlight,
    Loaded,
    LoadMany,
    Raised,
    Read,
    Reading,
    ReleaseLease,
    TakeLease,
    Together,
    Unavailable,
    Write,
)
from frescor._protocol.outcome import Outcome, Result


def read_through_many(process: Process, requests: Mapping[str, Request]) -> Plan[dict[str, Outcome]]:
    """The values of several calls of one policy: one read, and one load of all that are missing.

    Keys that another caller is loading are waited for one by one. A key for which the loader returns no value is left
    out.
    """
    found, seen = yield from _look_at_many(process, requests)
    mine, others, unstored = {}, [], {}
    for key, request in requests.items():
        if key in found:
            continue
        turn = yield JoinFlight(key, wait=False)
        if turn is not None:
            others.append(key)
        elif key in seen:
            mine[key] = request
        else:
            unstored[key] = request
    granted = yield from _take_leases(process, mine, seen)
    for key in mine.keys() - granted.keys():
        yield EndFlight(key, NOTHING_SHARED)
        others.append(key)
    wanted = (*granted, *unstored)
    if wanted:
        yield from _load_and_store_many(process, requests, wanted, granted, found)
    for key in others:
        found[key] = yield from read_through(process, requests[key])
    return found


def read_beside_many(
    process: Process, requests: Mapping[str, Request], changed: Callable[[tuple[str, ...]], bool]
) -> Plan[dict[str, Outcome]]:
    """`read_beside` for several calls: one read and one load."""
    found, _ = yield from _look_at_many(process, requests)
    found = {key: outcome for key, outcome in found.items() if not changed(outcome.tags)}
    wanted = {key: request for key, request in requests.items() if key not in found}
    return {**found, **(yield from load_beside_many(wanted))}


def load_beside_many(requests: Mapping[str, Request]) -> Plan[dict[str, Outcome]]:
    """As `load_beside` for each, by one load."""
    loads: dict[str, Loaded] | Raised = (yield LoadMany(tuple(requests))) if requests else {}
    if isinstance(loads, Raised):
        raise loads.error
    return {
        key: Outcome(value_of(requests[key], loaded), Result.BYPASSED, tags=tags_of(requests[key], loaded))
        for key, loaded in loads.items()
    }


def look_up_calls(process: Process, requests: Mapping[str, Request]) -> Plan[dict[str, Outcome]]:
    """The values found for several calls, in one read; nothing is loaded."""
    found, _ = yield from _look_at_many(process, requests)
    return found


def _look_at_many(
    process: Process, requests: Mapping[str, Request]
) -> Plan[tuple[dict[str, Outcome], dict[str, int | None]]]:
    """The values found; and for each other key that may be stored, the as_of of the entry seen there. Both are empty
    with the store down."""
    found: dict[str, Outcome] = {}
    seen: dict[str, int | None] = {}
    if not (yield from settle(process)):
        return found, seen
    tags = tuple(dict.fromkeys(tag for request in requests.values() for tag in (*request.tags, *request.expected)))
    mark = process.local.mark()
    reading: Reading | Unavailable = yield Read(tuple(requests), tags)
    if isinstance(reading, Unavailable):
        return found, seen
    process.local.learn(mark, reading.stamps)
    for (key, request), data in zip(requests.items(), reading.entries, strict=True):
        look = yield from examine(
            process,
            key,
            request.tags,
            data,
            reading.stamps,
            request.codec,
            request.policy,
            request.now,
            1.0,
            mark,
            request.shape,
        )
        if isinstance(look, Unavailable):
            continue
        if look.usable and not look.due:
            found[key] = Outcome(look.value, Result.HIT, tags=look.tags)
        else:
            seen[key] = look.seen
    return found, seen


def _take_leases(
    process: Process, requests: Mapping[str, Request], seen: Mapping[str, int | None]
) -> Plan[dict[str, int]]:
    """Take the leases, in one round trip; for each one taken, the clock."""
    if not requests:
        return {}
    commands = tuple(TakeLease(key, request.token, (), seen[key]) for key, request in requests.items())
    grants: list[Grant | None] | Unavailable = yield Together(commands)
    if isinstance(grants, Unavailable):
        process.pending.add(leases=[(key, request.token) for key, request in requests.items()])
        return {}
    granted = {}
    for key, grant in zip(requests, grants, strict=True):
        if grant is None:
            continue
        if grant.entry is None:
            granted[key] = grant.as_of
        else:
            # Another process stored an entry meanwhile: it is read again, like those that others load.
            yield ReleaseLease(key, requests[key].token)
    return granted


def _load_and_store_many(
    process: Process,
    requests: Mapping[str, Request],
    wanted: tuple[str, ...],
    granted: Mapping[str, int],
    found: dict[str, Outcome],
) -> Plan[None]:
    loads: dict[str, Loaded] | Raised = yield LoadMany(wanted)
    writes: list[Write | ReleaseLease] = []
    for key in granted:
        request = requests[key]
        loaded = None if isinstance(loads, Raised) else loads.get(key)
        if loaded is None or loaded.ttl_ms == 0 or loaded.private:
            writes.append(ReleaseLease(key, request.token))
        else:
            entry, ttl_ms = entry_of(request, loaded, granted[key])
            writes.append(Write(key, request.token, packed(process, request, entry), entry.as_of, entry.tags, ttl_ms))
    outcomes: list[Any] | Unavailable = (yield Together(tuple(writes))) if writes else []
    if isinstance(outcomes, Unavailable):
        process.pending.add(leases=[(key, requests[key].token) for key in granted])
    stored = {} if isinstance(outcomes, Unavailable) else dict(zip(granted, outcomes, strict=True))
    for key in wanted:
        if isinstance(loads, Raised):
            yield EndFlight(key, FlightResult(loads.began, error=loads.error, tags=loads.tags))
        elif key in loads:
            loaded = loads[key]
            yield EndFlight(key, flight_result_of(requests[key], loaded))
            result = RESULT_OF.get(stored.get(key, UNAVAILABLE), Result.LOADED)
            value = value_of(requests[key], loaded)
            found[key] = Outcome(value, result, tags=tags_of(requests[key], loaded))
        else:
            yield EndFlight(key, NOTHING_SHARED)
    if isinstance(loads, Raised):
        raise loads.error
