"""One key: read it, or else load it once and store it."""

from collections.abc import Callable

from frescor._plan.by_key import invalidate
from frescor._plan.loaded import RESULT_OF, entry_of, flight_result_of, packed, release, tags_of, value_of
from frescor._plan.looking import Look, Process, apart, examine, look_for
from frescor._plan.request import Plan, Request
from frescor._protocol.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    DependOn,
    EndFlight,
    FlightResult,
    GaveUp,
    Grant,
    JoinFlight,
    Loaded,
    Raised,
    StoreOutcome,
    TakeLease,
    Unavailable,
    Wait,
    Write,
)
from frescor._protocol.outcome import Outcome, Result
from frescor._values.shapes import call_tag

# A waiter that has waited this long loads the value itself and does not store it.
LONGEST_WAIT_MS = 30_000


def read_through(process: Process, request: Request) -> Plan[Outcome]:
    """The value of a call: from the store if there is a valid entry, else loaded once and stored.

    Raises what the loader raised, in the caller that ran it and in those that shared its load; and PolicyError for a
    value that cannot be kept exactly.
    """
    outcome = yield from _read_through(process, request)
    if request.refresh and not request.background:
        # Stored values are older than the one that this caller now has, and must not be returned any more: its own
        # entry, if the new value was not stored, and those of other versions in any case.
        tags = () if request.shape.codec is None else (call_tag(request.key),)
        yield from invalidate(process, tags, keys=() if outcome.result is Result.LOADED else (request.key,))
    return outcome


def _read_through(process: Process, request: Request) -> Plan[Outcome]:
    while True:
        look = yield from look_for(process, request)
        if _is_taken(look, request):
            return (yield from _read_apart(process, request))
        if isinstance(look, Look) and look.usable and not request.refresh:
            if not look.due:
                return Outcome(look.value, Result.HIT, tags=look.tags)
            result = Result.HIT if look.early else Result.STALE
            return Outcome(look.value, result, due=True, tags=look.tags, outdated=look.outdated)
        turn: FlightResult | GaveUp | None = yield JoinFlight(request.key, wait=not request.background)
        if turn is None:
            if isinstance(look, Look):
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
            if turn.payload is not None and turn.shape == request.shape.digest:
                return Outcome(request.codec.decode(turn.payload), Result.SHARED, tags=turn.tags)


def _is_taken(look: Look | Unavailable, request: Request) -> bool:
    """Whether this call's entry is stored beside that of another version. A refreshing caller replaces that one
    instead."""
    return isinstance(look, Look) and look.taken and not request.call and (not request.refresh or request.background)


def _read_apart(process: Process, request: Request) -> Plan[Outcome]:
    request = apart(request)
    if not (request.fresh or request.refresh or request.policy.strict):
        copy = process.local.get(request.key)
        if copy is not None and copy.shape is request.shape:
            return Outcome(copy.value(shared=request.policy.shared), Result.HIT, tags=copy.tags)
    return (yield from _read_through(process, request))


def read_beside(process: Process, request: Request, changed: Callable[[tuple[str, ...]], bool]) -> Plan[Outcome]:
    """The value of a call within a transaction that has changed something: the stored value unless it depends on what
    was `changed`, else one loaded for this caller only. Takes no lease and waits for nobody, because the holder of the
    lease may be waiting for a row that this transaction has locked."""
    look = yield from look_for(process, request)
    if _is_taken(look, request):
        look = yield from look_for(process, apart(request))
    if isinstance(look, Look) and look.usable and not request.refresh and not changed(look.tags):
        return Outcome(look.value, Result.HIT, tags=look.tags)
    return (yield from load_beside(request))


def load_beside(request: Request) -> Plan[Outcome]:
    """The value of a call, loaded for this caller alone: nothing is read, waited for or stored."""
    loaded: Loaded | Raised = yield request.load
    if isinstance(loaded, Raised):
        raise loaded.error
    return Outcome(value_of(request, loaded), Result.BYPASSED, tags=tags_of(request, loaded))


def _lead(process: Process, request: Request, seen: int | None) -> Plan[Outcome]:
    """Load as the leader of this process's flight, once the lease is taken."""
    waited, turn = 0.0, 0
    while True:
        mark = process.local.mark()
        grant: Grant | Unavailable | None = yield TakeLease(request.key, request.token, request.tags, seen)
        if isinstance(grant, Unavailable):
            # A server that only hung may still grant it, and others would wait for a holder that does not exist.
            process.pending.add(leases=[(request.key, request.token)])
            return (yield from _load_without_storing(request, Result.DEGRADED))
        if grant is not None:
            break
        if request.background:
            yield EndFlight(request.key, NOTHING_SHARED)
            return Outcome(None, Result.SHARED)
        if waited >= LONGEST_WAIT_MS:
            return (yield from _load_without_storing(request, Result.GAVE_UP))
        waited += yield Wait(request.key, turn, mark)
        turn += 1
        look = yield from look_for(process, request)
        if _is_taken(look, request):
            yield EndFlight(request.key, NOTHING_SHARED)
            return (yield from _read_apart(process, request))
        if isinstance(look, Look) and look.usable and not request.refresh:
            yield EndFlight(request.key, NOTHING_SHARED)
            return Outcome(look.value, Result.HIT, tags=look.tags, outdated=look.outdated)
    if grant.entry is not None and not request.refresh:
        # Another process stored an entry after this one's read and before its lease.
        look = yield from examine(
            process,
            request.key,
            request.tags,
            grant.entry,
            grant.stamps,
            request.codec,
            request.policy,
            request.now,
            1.0,
            mark,
            request.shape,
        )
        if _is_taken(look, request):
            yield from release(process, request)
            yield EndFlight(request.key, NOTHING_SHARED)
            return (yield from _read_apart(process, request))
        if isinstance(look, Look) and look.usable and not look.due:
            yield from release(process, request)
            yield EndFlight(request.key, NOTHING_SHARED)
            return Outcome(look.value, Result.HIT, tags=look.tags)
    return (yield from _load_and_store(process, request, grant.as_of))


def _load_and_store(process: Process, request: Request, as_of: int) -> Plan[Outcome]:
    loaded: Loaded | Raised = yield request.load
    if isinstance(loaded, Raised):
        yield from release(process, request)
        yield EndFlight(request.key, FlightResult(loaded.began, error=loaded.error, tags=loaded.tags))
        raise loaded.error
    if loaded.ttl_ms == 0 or loaded.private:
        yield from release(process, request)
        if request.refresh and not request.background:
            # The stored value is older than the one that this caller now has.
            yield from invalidate(process, keys=(request.key,))
        yield EndFlight(request.key, flight_result_of(request, loaded))
        result = Result.BYPASSED if loaded.private else Result.LOADED
        return Outcome(value_of(request, loaded), result, tags=tags_of(request, loaded), unkept=True)
    entry, ttl_ms = entry_of(request, loaded, as_of)
    outcome: StoreOutcome | Unavailable = yield Write(
        request.key, request.token, packed(process, request, entry), entry.as_of, entry.tags, ttl_ms
    )
    if outcome is UNAVAILABLE:
        # The write may not have happened: then the lease is still held, and others must not wait until it expires.
        yield from release(process, request)
    yield EndFlight(request.key, flight_result_of(request, loaded))
    return Outcome(value_of(request, loaded), RESULT_OF[outcome], tags=entry.tags)


def _load_without_storing(request: Request, result: Result) -> Plan[Outcome]:
    loaded: Loaded | Raised = yield request.load
    if isinstance(loaded, Raised):
        yield EndFlight(request.key, FlightResult(loaded.began, error=loaded.error, tags=loaded.tags))
        raise loaded.error
    yield EndFlight(request.key, flight_result_of(request, loaded))
    return Outcome(value_of(request, loaded), result, tags=tags_of(request, loaded))
