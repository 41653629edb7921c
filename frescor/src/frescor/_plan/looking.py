"""Reading a key: checks what was read, and decides what can be done with it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from frescor._calls.policy import LONGEST_EXPIRE, Policy
from frescor._copies.local import Local
from frescor._plan.request import Plan, Request
from frescor._protocol.commands import (
    UNAVAILABLE,
    Delete,
    Invalidate,
    Note,
    Read,
    Reading,
    ReleaseLease,
    StoreCommand,
    Together,
    Unavailable,
)
from frescor._protocol.pending import Pending
from frescor._values.codec import ValueCodec
from frescor._values.entry import SKEW, Entry, Packing, is_valid, may_be_served_old, stamp_of
from frescor._values.shapes import NO_SHAPE, YOUNG_SECONDS, Shape, call_tag, key_apart
from frescor.errors import EntryUnreadable

# µs: the largest difference between this machine's time and the server's that counts as plausible. An entry from
# further in the future would survive the invalidations of all the time until then.
_MOST_AHEAD = 2 * 3_600_000_000

_LONGEST_GRACE = LONGEST_EXPIRE * 1_000_000


class Process(msgspec.Struct, frozen=True):
    """What a plan knows about its process: local copies, pending invalidations, and how its entries become bytes.
    Memory only, no I/O."""

    local: Local
    pending: Pending
    packing: Packing = Packing()
    # make_mark: returns marks that no other process returns. confirm: whether to confirm invalidations
    # (`_plan.confirming`).
    make_mark: Callable[[], str] = str
    confirm: bool = False
    # The wall clock, µs, as it is where a test has moved the one that calls are told; 0: nobody moves it.
    machine_now: Callable[[], int] = int


class Look(msgspec.Struct, frozen=True):
    """The result of reading a key. `seen`: the as_of of the entry found there, if it is known to be useless."""

    value: Any = None
    usable: bool = False
    # Usable, but to be loaded anew: past its time, invalidated (if the policy allows that), or chosen for an early
    # load.
    due: bool = False
    early: bool = False
    seen: int | None = None
    tags: tuple[str, ...] = ()
    # Usable although it was invalidated.
    outdated: bool = False
    # Another version of the function has its entry here: this version stores its own beside it.
    taken: bool = False


def settle(process: Process) -> Plan[bool]:
    """Deliver the pending invalidations. False if that is not possible: then nothing in the store can be trusted."""
    while process.pending:
        batch = process.pending.snapshot()
        commands: list[StoreCommand] = [ReleaseLease(key, token) for key, token in batch.leases]
        for tags, durable in ((batch.tags, False), (batch.durable, True)):
            if tags:
                commands.append(Invalidate(tags, durable=durable))
        if batch.keys:
            commands.append(Delete(batch.keys))
        if (yield Together(tuple(commands))) is UNAVAILABLE:
            return False
        process.pending.settled(batch)
    return True


def look_for(process: Process, request: Request) -> Plan["Look | Unavailable"]:
    return look_at(
        process,
        request.key,
        request.tags + request.expected,
        request.codec,
        request.policy,
        request.now,
        request.dice,
        fresh=request.fresh,
        shape=request.shape,
        required=len(request.tags),
    )


def apart(request: Request) -> Request:
    """The same call, with its entry beside that of another version of the function."""
    return msgspec.structs.replace(
        request,
        key=key_apart(request.key, request.shape),
        call=request.key,
        tags=(*request.tags, call_tag(request.key)),
        expected=(),
        ttl_ms=min(request.ttl_ms, YOUNG_SECONDS * 1000),
    )


def look_at(
    process: Process,
    key: str,
    tags: tuple[str, ...],
    codec: ValueCodec,
    policy: Policy | None,
    now: int,
    dice: float,
    *,
    fresh: bool,
    shape: Shape = NO_SHAPE,
    required: int | None = None,
) -> Plan["Look | Unavailable"]:
    """`required`: how many of the tags, counted from the first, an entry must have; by default all."""
    if process.pending and not (yield from settle(process)):
        return _stale_copy(process, key, policy, now, shape)
    mark = process.local.mark()
    known = {} if fresh or (policy is not None and policy.strict) else process.local.stamps(tags)
    unknown = tuple([tag for tag in tags if tag not in known]) if known else tags
    reading: Reading | Unavailable = yield Read((key,), unknown)
    if isinstance(reading, Unavailable):
        return _stale_copy(process, key, policy, now, shape)
    process.local.learn(mark, reading.stamps)
    stamps = {**known, **reading.stamps} if known else reading.stamps
    data = reading.entries[0]
    return (yield from examine(process, key, tags[:required], data, stamps, codec, policy, now, dice, mark, shape))


def _stale_copy(process: Process, key: str, policy: Policy | None, now: int, shape: Shape) -> "Look | Unavailable":
    """With the store down: this process's own copy, expired or not, for as long as the policy allows."""
    if policy is None or policy.on_failure != "stale":
        return UNAVAILABLE
    copy = process.local.peek(key)
    if copy is None or copy.shape is not shape or now >= copy.stale_until:
        return UNAVAILABLE
    # It was valid when it was kept; whether it still is cannot be known.
    return Look(value=copy.value(shared=policy.shared), usable=True, tags=copy.tags, outdated=True)


def examine(
    process: Process,
    key: str,
    required: tuple[str, ...],
    data: bytes | None,
    stamps: Mapping[str, int | None],
    codec: ValueCodec,
    policy: Policy | None,
    now: int,
    dice: float,
    mark: int,
    shape: Shape = NO_SHAPE,
) -> Plan["Look | Unavailable"]:
    """Decide what an entry can be used for. `required` are the call's own tags, those of the key first: an entry
    without one of them does not count. Tags of the entry that were not expected are read in a second round trip."""
    if data is None:
        return Look()
    seen: int | None = None
    try:
        sealed = policy is not None and policy.sealed
        entry = process.packing.unpack(key, data, required[: key.count(":") + 1], sealed=sealed)
        seen = entry.as_of
        if seen > now + _MOST_AHEAD and seen > process.machine_now() + _MOST_AHEAD:
            raise EntryUnreadable("an entry from further in the future than clocks can differ: it is loaded again")
        other = _is_other(entry, shape)
        if not other:
            _check(entry, required, policy, now)
        missing = [tag for tag in entry.tags if tag not in stamps]
        if missing:
            more: Reading | Unavailable = yield Read((), tuple(missing))
            if isinstance(more, Unavailable):
                return UNAVAILABLE
            process.local.learn(mark, more.stamps)
            stamps = {**stamps, **more.stamps}
        if not is_valid(entry, stamps):
            if any(stamps[tag] is None for tag in entry.tags):
                # On a cluster entry and tags are not read at the same moment, so a missing tag may have been created
                # since: the holder of the lease checks this entry again.
                seen = None
            if policy is None or other or now >= entry.stale_until or not _serves_old(policy, entry, stamps, now):
                return Look(seen=seen)
            value = codec.decode(entry.payload, proven=entry.proven)
            return Look(value=value, usable=True, due=True, seen=seen, tags=entry.tags, outdated=True)
        if now >= entry.stale_until:
            return Look(seen=seen)
        if other:
            young = now - entry.as_of < YOUNG_SECONDS * 1_000_000
            return Look(seen=seen, taken=young and shape.codec is not None)
        value = codec.decode(entry.payload, proven=entry.proven)
    except EntryUnreadable as error:
        yield Note(key, error, "" if policy is None else policy.name)
        return Look(seen=stamp_of(data) if seen is None else seen)
    if now >= entry.fresh_until:
        return Look(value=value, usable=True, due=True, seen=seen, tags=entry.tags)
    if policy is None or not policy.strict:
        process.local.keep(mark, key, entry, value, codec, shape, shared=policy is not None and policy.shared)
    early = policy is not None and policy.early and _early(entry, now, dice)
    return Look(value=value, usable=True, due=early, early=early, seen=seen, tags=entry.tags)


def _serves_old(policy: Policy, entry: Entry, stamps: Mapping[str, int | None], now: int) -> bool:
    """Whether an entry that was invalidated is served while one caller loads it anew."""
    if policy.serve_invalidated:
        return True
    if not policy.grace_ms or not may_be_served_old(entry, stamps):
        return False
    return now < max(stamps[tag] or 0 for tag in entry.tags) + policy.grace_ms * 1000


def _is_other(entry: Entry, shape: Shape) -> bool:
    """Whether another version of the function or the policy stored the entry."""
    return entry.shape != shape.digest and entry.shape != 0 and shape is not NO_SHAPE


def _check(entry: Entry, required: tuple[str, ...], policy: Policy | None, now: int) -> None:
    """Raise EntryUnreadable for an entry that this program would not have stored."""
    if entry.tags[: len(required)] != required and not set(required).issubset(entry.tags):
        raise EntryUnreadable("an entry without the tags that its call has: it is loaded again")
    is_bound = policy is not None and not entry.own_time and not entry.by_caller
    ttl = policy.ttl * (1 + policy.jitter) if policy is not None and is_bound else LONGEST_EXPIRE
    latest = now + ttl * 1_000_000 + SKEW
    grace = _LONGEST_GRACE if policy is None else policy.grace_ms * 1000
    if entry.fresh_until > latest or not 0 <= entry.stale_until - entry.fresh_until <= grace:
        raise EntryUnreadable("an entry that ends later than its policy allows: it is loaded again")


def _early(entry: Entry, now: int, dice: float) -> bool:
    """XFetch: whether this caller should load an entry before it expires."""
    return now - entry.cost * math.log(dice) >= entry.fresh_until
