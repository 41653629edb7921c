"""The cache's decisions, without I/O: generators of commands.

A driver carries each command out and sends back what came of it; it decides nothing. So the sync and the async driver
cannot differ, and a test can run this very code under any interleaving.

A command that needs the store may come back as `UNAVAILABLE`: then the loader runs and nothing is stored.

How one key's load is shared within a process. Whoever boards first leads; the others wait until it lands. What it
landed with answers a waiter at once if the load began after that waiter arrived: nothing that was written before the
waiter asked can be missing from it. Otherwise the waiter reads the store again, where the entry is checked like any.

An entry that is past its time but within its grace is served at once, while one caller loads it anew. An entry that
nears its end may be loaded early, so that callers do not meet at its end: with probability e^(-t/βδ) for time left t
and cost of a load δ, β = 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB
2015).
"""

import math
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

import msgspec

from frescor.codec import ValueCodec
from frescor.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    Board,
    Command,
    Delete,
    DependOn,
    GaveUp,
    Grant,
    Invalidate,
    Land,
    Landing,
    Load,
    Loaded,
    LoadMany,
    Note,
    Put,
    Raised,
    Read,
    Reading,
    ReleaseLease,
    StoreCommand,
    StoreOutcome,
    TakeLease,
    Together,
    Unavailable,
    Wait,
    Write,
)
from frescor.entry import Entry, is_valid, pack, stamp_of, unpack
from frescor.errors import EntryUnreadable
from frescor.local import Local
from frescor.outcome import Outcome, Result
from frescor.pending import Pending
from frescor.policy import Policy

# A waiter that has waited this long for others loads by itself, and does not store.
LONGEST_WAIT_MS = 30_000

R = TypeVar("R")
Plan = Generator[Command, Any, R]


class Process(msgspec.Struct, frozen=True):
    """What a plan knows of its process: the local copies and what waits to be invalidated. Memory only, no I/O."""

    local: Local
    pending: Pending


class Request(msgspec.Struct, frozen=True):
    """One read-through call.

    arrived: its place in the process's order of events (see `frescor.lease`). now: wall clock, µs. dice: a random
    number in (0, 1]. ttl_ms: this entry's time to live, jitter applied. refresh: load in any case. background: nobody
    waits for this one; if another loads already, it is not needed. expected: tags that the entry had when it was seen
    last, beside `tags`: asked for with it. fresh: read nothing from local copies or stamps.
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


class _Look(msgspec.Struct, frozen=True):
    """What a reading came to. `seen` is the as_of of what stood there, if that is known to be of no use."""

    value: Any = None
    usable: bool = False
    # Usable, but to be loaded anew: past its time, invalidated where the policy allows that, or early by lot.
    due: bool = False
    early: bool = False
    seen: int | None = None
    tags: tuple[str, ...] = ()
    # Usable though it was invalidated.
    outdated: bool = False


def read_through(process: Process, request: Request) -> Plan[Outcome]:
    """The value of a call: from the store if a valid entry is there, else loaded once and stored.

    Raises what the loader raised, in the caller that ran it and in those that shared its load; and PolicyError for a
    value that cannot be kept exactly.
    """
    outcome = yield from _read_through(process, request)
    if request.refresh and not request.background and outcome.result is not Result.LOADED:
        # What stands there is older than what this caller has seen, and must not come back.
        yield from invalidate(process, keys=(request.key,))
    return outcome


def _read_through(process: Process, request: Request) -> Plan[Outcome]:
    while True:
        look = yield from _look(process, request)
        if isinstance(look, _Look) and look.usable and not request.refresh:
            if not look.due:
                return Outcome(look.value, Result.HIT, tags=look.tags)
            result = Result.HIT if look.early else Result.STALE
            return Outcome(look.value, result, due=True, tags=look.tags, outdated=look.outdated)
        turn: Landing | GaveUp | None = yield Board(request.key, wait=not request.background)
        if turn is None:
            if isinstance(look, _Look):
                return (yield from _lead(process, request, look.seen))
            return (yield from _load_without_storing(request, Result.DEGRADED))
        if isinstance(turn, GaveUp):
            if request.background:
                return Outcome(None, Result.SHARED)
            return (yield from _load_without_storing(request, Result.GAVE_UP))
        if turn.began > request.arrived:
            if turn.error is not None:
                yield DependOn(turn.tags)
                raise turn.error
            if turn.payload is not None:
                return Outcome(request.codec.decode(turn.payload), Result.SHARED, tags=turn.tags)


def read_beside(process: Process, request: Request, changed: Callable[[tuple[str, ...]], bool]) -> Plan[Outcome]:
    """The value of a call within a transaction that has changed something: what is stored, unless that depends on what
    was `changed`; else loaded for this caller alone. It takes no lease and waits for nobody: whoever holds the lease
    may be waiting for a row that this transaction has locked."""
    look = yield from _look(process, request)
    if isinstance(look, _Look) and look.usable and not request.refresh and not changed(look.tags):
        return Outcome(look.value, Result.HIT, tags=look.tags)
    loaded: Loaded | Raised = yield Load(request.key)
    if isinstance(loaded, Raised):
        raise loaded.error
    return Outcome(request.codec.decode(loaded.payload), Result.BYPASSED, tags=_tags_of(request, loaded))


def read_beside_many(
    process: Process, requests: Mapping[str, Request], changed: Callable[[tuple[str, ...]], bool]
) -> Plan[dict[str, Outcome]]:
    """As `read_beside` for each, by one reading and one load."""
    found, _ = yield from _look_at_many(process, requests)
    found = {key: outcome for key, outcome in found.items() if not changed(outcome.tags)}
    wanted = tuple(key for key in requests if key not in found)
    loads: dict[str, Loaded] | Raised = (yield LoadMany(wanted)) if wanted else {}
    if isinstance(loads, Raised):
        raise loads.error
    for key, loaded in loads.items():
        value = requests[key].codec.decode(loaded.payload)
        found[key] = Outcome(value, Result.BYPASSED, tags=_tags_of(requests[key], loaded))
    return found


def read_through_many(process: Process, requests: Mapping[str, Request]) -> Plan[dict[str, Outcome]]:
    """The values of several calls of one policy: one reading, and one load of all that is missing.

    What another caller loads already is waited for, one by one. A key that the loader gives no value for is left out.
    """
    found, seen = yield from _look_at_many(process, requests)
    mine, others, unstored = {}, [], {}
    for key, request in requests.items():
        if key in found:
            continue
        turn = yield Board(key, wait=False)
        if turn is not None:
            others.append(key)
        elif key in seen:
            mine[key] = request
        else:
            unstored[key] = request
    granted = yield from _take_leases(process, mine, seen)
    for key in mine.keys() - granted.keys():
        yield Land(key, NOTHING_SHARED)
        others.append(key)
    wanted = (*granted, *unstored)
    if wanted:
        yield from _load_and_store_many(process, requests, wanted, granted, found)
    for key in others:
        found[key] = yield from read_through(process, requests[key])
    return found


def _look_at_many(
    process: Process, requests: Mapping[str, Request]
) -> Plan[tuple[dict[str, Outcome], dict[str, int | None]]]:
    """What is there, and of the rest that may be stored the as_of of what was seen; nothing with the store down."""
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
        look = yield from _examine(
            process, key, data, reading.stamps, request.codec, request.policy, request.now, 1.0, mark
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
    """The leases that were had, in one round trip, each with the clock."""
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
            # Another process stored meanwhile: it is read again, like what others load.
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
            entry, ttl_ms = _entry_of(request, loaded, granted[key])
            writes.append(Write(key, request.token, pack(entry), entry.as_of, entry.tags, ttl_ms))
    outcomes: list[Any] | Unavailable = (yield Together(tuple(writes))) if writes else []
    if isinstance(outcomes, Unavailable):
        process.pending.add(leases=[(key, requests[key].token) for key in granted])
    stored = {} if isinstance(outcomes, Unavailable) else dict(zip(granted, outcomes, strict=True))
    for key in wanted:
        if isinstance(loads, Raised):
            yield Land(key, Landing(loads.began, error=loads.error, tags=loads.tags))
        elif key in loads:
            loaded = loads[key]
            yield Land(key, _landing(requests[key], loaded))
            result = _RESULT_OF.get(stored.get(key, UNAVAILABLE), Result.LOADED)
            value = requests[key].codec.decode(loaded.payload)
            found[key] = Outcome(value, result, tags=_tags_of(requests[key], loaded))
        else:
            yield Land(key, NOTHING_SHARED)
    if isinstance(loads, Raised):
        raise loads.error


def look_up(
    process: Process, key: str, tags: tuple[str, ...], codec: ValueCodec, now: int, *, fresh: bool = False
) -> Plan[Outcome | None]:
    """The value under a key that a caller chose; None when there is no valid one or the store is down."""
    look = yield from _look_at(process, key, tags, codec, None, now, 1.0, fresh=fresh)
    return Outcome(look.value, Result.HIT, tags=look.tags) if isinstance(look, _Look) and look.usable else None


def look_up_many(
    process: Process, keys: Mapping[str, tuple[str, ...]], codec: ValueCodec, now: int
) -> Plan[dict[str, Outcome]]:
    """The values that are there, of keys with their expected tags."""
    if not (yield from settle(process)):
        return {}
    tags = tuple(dict.fromkeys(tag for expected in keys.values() for tag in expected))
    mark = process.local.mark()
    reading: Reading | Unavailable = yield Read(tuple(keys), tags)
    if isinstance(reading, Unavailable):
        return {}
    process.local.learn(mark, reading.stamps)
    found = {}
    for key, entry in zip(keys, reading.entries, strict=True):
        look = yield from _examine(process, key, entry, reading.stamps, codec, None, now, 1.0, mark)
        if isinstance(look, _Look) and look.usable:
            found[key] = Outcome(look.value, Result.HIT, tags=look.tags)
    return found


def put(process: Process, entries: Mapping[str, tuple[bytes, tuple[str, ...]]], ttl_ms: int) -> Plan[bool]:
    """Store values that a caller brings. False with the store down: then their keys are deleted once it is back."""
    stored = (yield from settle(process)) and (yield Put(entries, ttl_ms)) is not UNAVAILABLE
    if not stored:
        process.pending.add(keys=tuple(entries))
    process.local.drop(keys=tuple(entries))
    return stored


def invalidate(process: Process, tags: tuple[str, ...] = (), keys: tuple[str, ...] = ()) -> Plan[bool]:
    """Raise tags and delete keys. False with the store down: then it waits, and goes first once the store is back."""
    done = True
    if tags and (yield Invalidate(tags)) is UNAVAILABLE:
        process.pending.add(tags=tags)
        done = False
    if keys and (yield Delete(keys)) is UNAVAILABLE:
        process.pending.add(keys=keys)
        done = False
    # The server tells the others; this process need not wait to hear of its own.
    process.local.drop(tags=tags, keys=keys)
    return done


def settle(process: Process) -> Plan[bool]:
    """Deliver the invalidations that wait. False if that cannot be done: then the store is not to be trusted."""
    while process.pending:
        batch = process.pending.snapshot()
        commands: list[StoreCommand] = [ReleaseLease(key, token) for key, token in batch.leases]
        if batch.tags:
            commands.append(Invalidate(batch.tags))
        if batch.keys:
            commands.append(Delete(batch.keys))
        if (yield Together(tuple(commands))) is UNAVAILABLE:
            return False
        process.pending.settled(batch)
    return True


def _look(process: Process, request: Request) -> Plan["_Look | Unavailable"]:
    return _look_at(
        process,
        request.key,
        request.tags + request.expected,
        request.codec,
        request.policy,
        request.now,
        request.dice,
        fresh=request.fresh,
    )


def _look_at(
    process: Process,
    key: str,
    tags: tuple[str, ...],
    codec: ValueCodec,
    policy: Policy | None,
    now: int,
    dice: float,
    *,
    fresh: bool,
) -> Plan["_Look | Unavailable"]:
    if not (yield from settle(process)):
        return _stale_copy(process, key, policy, now)
    mark = process.local.mark()
    known = {} if fresh or (policy is not None and policy.strict) else process.local.stamps(tags)
    reading: Reading | Unavailable = yield Read((key,), tuple(tag for tag in tags if tag not in known))
    if isinstance(reading, Unavailable):
        return _stale_copy(process, key, policy, now)
    process.local.learn(mark, reading.stamps)
    return (
        yield from _examine(
            process, key, reading.entries[0], {**known, **reading.stamps}, codec, policy, now, dice, mark
        )
    )


def _stale_copy(process: Process, key: str, policy: Policy | None, now: int) -> "_Look | Unavailable":
    """With the store down: this process's own copy, past its time or not, for as long as the policy allows."""
    if policy is None or policy.on_failure != "stale":
        return UNAVAILABLE
    copy = process.local.peek(key)
    if copy is None or now >= copy.stale_until:
        return UNAVAILABLE
    # It was valid when it was kept; nobody can say whether it is.
    return _Look(value=copy.value(), usable=True, tags=copy.tags, outdated=True)


def _examine(
    process: Process,
    key: str,
    data: bytes | None,
    stamps: Mapping[str, int | None],
    codec: ValueCodec,
    policy: Policy | None,
    now: int,
    dice: float,
    mark: int,
) -> Plan["_Look | Unavailable"]:
    """What a reading is good for. Tags that the entry has beyond the expected ones are read too."""
    if data is None:
        return _Look()
    seen = stamp_of(data)
    try:
        entry = unpack(data)
        missing = tuple(tag for tag in entry.tags if tag not in stamps)
        if missing:
            more: Reading | Unavailable = yield Read((), missing)
            if isinstance(more, Unavailable):
                return UNAVAILABLE
            process.local.learn(mark, more.stamps)
            stamps = {**stamps, **more.stamps}
        if not is_valid(entry, stamps):
            if any(stamps[tag] is None for tag in entry.tags):
                # On a cluster, where a reading is not of one moment, its tags may have been made since they were read:
                # whoever takes the lease looks at it again.
                seen = None
            if policy is None or not policy.serve_invalidated or now >= entry.stale_until:
                return _Look(seen=seen)
            value = codec.decode(entry.payload)
            return _Look(value=value, usable=True, due=True, seen=seen, tags=entry.tags, outdated=True)
        if now >= entry.stale_until:
            return _Look(seen=seen)
        value = codec.decode(entry.payload)
    except EntryUnreadable as error:
        yield Note(key, error)
        return _Look(seen=seen)
    if now >= entry.fresh_until:
        return _Look(value=value, usable=True, due=True, seen=seen, tags=entry.tags)
    if policy is None or not policy.strict:
        process.local.keep(mark, key, entry, value, codec)
    early = policy is not None and policy.early and _early(entry, now, dice)
    return _Look(value=value, usable=True, due=early, early=early, seen=seen, tags=entry.tags)


def _early(entry: Entry, now: int, dice: float) -> bool:
    """XFetch: whether this caller is to load an entry before its end."""
    return now - entry.cost * math.log(dice) >= entry.fresh_until


def _lead(process: Process, request: Request, seen: int | None) -> Plan[Outcome]:
    """Load as the one of this process, once the fleet's lease is had."""
    waited, turn = 0.0, 0
    while True:
        mark = process.local.mark()
        grant: Grant | Unavailable | None = yield TakeLease(request.key, request.token, request.tags, seen)
        if isinstance(grant, Unavailable):
            # A server that only hung carries it out later, and would keep the others waiting for nobody.
            process.pending.add(leases=[(request.key, request.token)])
            return (yield from _load_without_storing(request, Result.DEGRADED))
        if grant is not None:
            break
        if request.background:
            yield Land(request.key, NOTHING_SHARED)
            return Outcome(None, Result.SHARED)
        if waited >= LONGEST_WAIT_MS:
            return (yield from _load_without_storing(request, Result.GAVE_UP))
        waited += yield Wait(request.key, turn, mark)
        turn += 1
        look = yield from _look(process, request)
        if isinstance(look, _Look) and look.usable and not request.refresh:
            yield Land(request.key, NOTHING_SHARED)
            return Outcome(look.value, Result.HIT, tags=look.tags, outdated=look.outdated)
    if grant.entry is not None and not request.refresh:
        # Another process stored between this one's look and its lease.
        look = yield from _examine(
            process, request.key, grant.entry, grant.stamps, request.codec, request.policy, request.now, 1.0, mark
        )
        if isinstance(look, _Look) and look.usable and not look.due:
            yield from _release(process, request)
            yield Land(request.key, NOTHING_SHARED)
            return Outcome(look.value, Result.HIT, tags=look.tags)
    return (yield from _load_and_store(process, request, grant.as_of))


def _release(process: Process, request: Request) -> Plan[None]:
    if (yield ReleaseLease(request.key, request.token)) is UNAVAILABLE:
        process.pending.add(leases=[(request.key, request.token)])


def _load_and_store(process: Process, request: Request, as_of: int) -> Plan[Outcome]:
    loaded: Loaded | Raised = yield Load(request.key)
    if isinstance(loaded, Raised):
        yield from _release(process, request)
        yield Land(request.key, Landing(loaded.began, error=loaded.error, tags=loaded.tags))
        raise loaded.error
    if loaded.ttl_ms == 0 or loaded.private:
        yield from _release(process, request)
        yield Land(request.key, _landing(request, loaded))
        result = Result.BYPASSED if loaded.private else Result.LOADED
        return Outcome(request.codec.decode(loaded.payload), result, tags=_tags_of(request, loaded))
    entry, ttl_ms = _entry_of(request, loaded, as_of)
    outcome: StoreOutcome | Unavailable = yield Write(
        request.key, request.token, pack(entry), entry.as_of, entry.tags, ttl_ms
    )
    if outcome is UNAVAILABLE:
        # It may have been stored, and the lease be held: nobody else is to wait for its end.
        yield from _release(process, request)
    yield Land(request.key, _landing(request, loaded))
    return Outcome(request.codec.decode(loaded.payload), _RESULT_OF[outcome], tags=entry.tags)


def _landing(request: Request, loaded: Loaded) -> Landing:
    """What the process's waiters get of a load."""
    if loaded.private:
        return NOTHING_SHARED
    return Landing(loaded.began, payload=loaded.payload, tags=_tags_of(request, loaded))


def _tags_of(request: Request, loaded: Loaded) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*request.tags, *loaded.tags))) if loaded.tags else request.tags


def _entry_of(request: Request, loaded: Loaded, as_of: int) -> tuple[Entry, int]:
    """The entry for what was loaded, and for how many ms the store keeps it: its time to live and its grace."""
    ttl_ms = request.ttl_ms if loaded.ttl_ms is None else loaded.ttl_ms
    kept_ms = ttl_ms + request.policy.grace_ms
    entry = Entry(
        # A load inside an older database snapshot saw nothing newer than that.
        as_of=as_of if loaded.as_of is None else min(as_of, loaded.as_of),
        fresh_until=loaded.now + ttl_ms * 1000,
        stale_until=loaded.now + kept_ms * 1000,
        cost=loaded.cost,
        tags=_tags_of(request, loaded),
        payload=loaded.payload,
    )
    return entry, kept_ms


_RESULT_OF: dict[StoreOutcome | Unavailable, Result] = {
    StoreOutcome.STORED: Result.LOADED,
    StoreOutcome.SUPERSEDED: Result.SUPERSEDED,
    StoreOutcome.LEASE_LOST: Result.SUPERSEDED,
    UNAVAILABLE: Result.DEGRADED,
}


def _load_without_storing(request: Request, result: Result) -> Plan[Outcome]:
    loaded: Loaded | Raised = yield Load(request.key)
    if isinstance(loaded, Raised):
        yield Land(request.key, Landing(loaded.began, error=loaded.error, tags=loaded.tags))
        raise loaded.error
    yield Land(request.key, _landing(request, loaded))
    return Outcome(request.codec.decode(loaded.payload), result, tags=_tags_of(request, loaded))
