"""Changes the time to live of an entry; its value and what it depends on stay the same.

The entry is written under the key's lease, with the same clock as before. So an invalidation, or a `set` or `delete` of
the key, that happens in between invalidates it as it would have invalidated the first one. If a load is under way, its
result gets the new time: it began before, so it is no newer than the entry was. Taking the lease makes each process
drop its copy, which would expire at the old time.
"""

import msgspec

from frescor._plan.looking import Process, settle
from frescor._plan.one import LONGEST_WAIT_MS
from frescor._plan.request import Plan
from frescor._protocol.commands import (
    UNAVAILABLE,
    Delete,
    Grant,
    Note,
    Read,
    Reading,
    ReleaseLease,
    StoreOutcome,
    TakeLease,
    Unavailable,
    Wait,
    Write,
)
from frescor._values.entry import Entry, is_valid
from frescor.errors import EntryUnreadable


class Retiming(msgspec.Struct, frozen=True):
    """ttl_ms: how long the entry is fresh from now on; 0: it is expired, and served for its grace."""

    key: str
    token: str
    now: int
    ttl_ms: int

    def of(self, entry: Entry) -> Entry | None:
        """The entry with its new time; None if it must not be served any more then."""
        grace = entry.stale_until - entry.fresh_until
        if self.ttl_ms == 0 and entry.fresh_until <= self.now:
            return entry
        fresh = self.now + self.ttl_ms * 1000
        if fresh + grace <= self.now:
            return None
        return msgspec.structs.replace(entry, fresh_until=fresh, stale_until=fresh + grace, own_time=True)


def retime(process: Process, retiming: Retiming) -> Plan[bool | None]:
    """Whether there was an entry; it has its new time now. None if the store is down, or a load does not finish."""
    key, waited, turn = retiming.key, 0.0, 0
    while (yield from settle(process)) and waited < LONGEST_WAIT_MS:
        mark = process.local.mark()
        grant: Grant | Unavailable | None = yield TakeLease(key, retiming.token, (), None)
        if isinstance(grant, Unavailable):
            break
        if grant is None:
            waited += yield Wait(key, turn, mark)
            turn += 1
            continue
        entry = yield from _valid(process, key, grant.entry, retiming.now)
        if isinstance(entry, Unavailable):
            break
        wanted = None if entry is None else retiming.of(entry[0])
        if entry is None or wanted is None:
            given_back = yield ReleaseLease(key, retiming.token) if entry is None else Delete((key,))
            if given_back is UNAVAILABLE:
                break
            process.local.drop(keys=(key,))
            return entry is not None
        packed = process.packing.pack(key, wanted, sealed=entry[1])
        kept_ms = max(1, (wanted.stale_until - retiming.now) // 1000)
        outcome = yield Write(key, retiming.token, packed, wanted.as_of, wanted.tags, kept_ms)
        if outcome is UNAVAILABLE:
            break
        if outcome is StoreOutcome.LEASE_LOST:
            continue
        process.local.drop(keys=(key,))
        return outcome is StoreOutcome.STORED
    process.pending.add(leases=[(key, retiming.token)])
    return None


def _valid(process: Process, key: str, data: bytes | None, now: int) -> Plan[tuple[Entry, bool] | Unavailable | None]:
    """The entry, if it is valid, and whether it is sealed."""
    if data is None:
        return None
    ring = process.packing.ring
    # Stored entries do not say in which of the two ways they are proven, so both are tried.
    for sealed in (False, True) if ring is not None and ring.seals else (False,):
        try:
            entry = process.packing.unpack(key, data, sealed=sealed)
        except EntryUnreadable as error:
            unreadable = error
            continue
        stamps: Reading | Unavailable = yield Read((), entry.tags)
        if isinstance(stamps, Unavailable):
            return stamps
        return (entry, sealed) if is_valid(entry, stamps.stamps) and now < entry.stale_until else None
    yield Note(key, unreadable)
    return None
