"""Changes a value under a key depending on the present value: one caller among all processes at a time."""

from collections.abc import Callable
from typing import Any

import msgspec

from frescor._plan.confirming import confirmed
from frescor._plan.looking import Look, Process, examine, settle
from frescor._plan.one import LONGEST_WAIT_MS
from frescor._plan.request import Plan
from frescor._protocol.commands import (
    UNAVAILABLE,
    Delete,
    Grant,
    ReleaseLease,
    StoreOutcome,
    TakeLease,
    Unavailable,
    Wait,
    Write,
)
from frescor._values.codec import ValueCodec
from frescor._values.entry import Entry


class Standing(msgspec.Struct, frozen=True):
    """The present value under a key, and its remaining time in ms."""

    value: Any
    rest_ms: int


class Change(msgspec.Struct, frozen=True):
    """The new value, encoded, and its time in ms; 0: remove the value."""

    payload: bytes
    ttl_ms: int


# From the present value, or None, to the change; None leaves the value as it is. Called again if another write came in
# between, so it must not have side effects.
Decide = Callable[[Standing | None], Change | None]


def change(
    process: Process,
    key: str,
    tags: tuple[str, ...],
    decide: Decide,
    codec: ValueCodec,
    make_token: Callable[[], str],
    now: Callable[[], int],
) -> Plan[bool]:
    """Let `decide` choose the new value of a key. No other change, load or `set` of the key can come between the value
    that `decide` is shown and the one that it returns. False with the store down: the key is then deleted once it is
    back.

    Raises what `decide` raises.
    """
    waited, turn = 0.0, 0
    while (yield from settle(process)) and waited < LONGEST_WAIT_MS:
        token, mark = make_token(), process.local.mark()
        grant: Grant | Unavailable | None = yield TakeLease(key, token, tags, None)
        if isinstance(grant, Unavailable):
            process.pending.add(leases=[(key, token)])
            break
        if grant is None:
            waited += yield Wait(key, turn, mark)
            turn += 1
            continue
        moment = now()
        look = yield from examine(process, key, tags, grant.entry, grant.stamps, codec, None, moment, 1.0, mark)
        if isinstance(look, Unavailable):
            break
        wanted = decide(_standing(process, key, look, grant.entry, moment))
        if wanted is None:
            yield ReleaseLease(key, token)
            return True
        if wanted.ttl_ms == 0:
            if (yield Delete((key,))) is UNAVAILABLE:
                break
            return (yield from _ended(process, key))
        ends = moment + wanted.ttl_ms * 1000
        # The new value was derived from the old one, so it depends on everything that the old one depended on.
        depends = tuple(dict.fromkeys((*tags, *look.tags))) if look.usable else tags
        entry = Entry(grant.as_of, ends, ends, 0, depends, wanted.payload, own_time=True)
        packed = process.packing.pack(key, entry)
        outcome: StoreOutcome | Unavailable = yield Write(key, token, packed, grant.as_of, entry.tags, wanted.ttl_ms)
        if outcome is UNAVAILABLE:
            process.pending.add(leases=[(key, token)])
            break
        if outcome is StoreOutcome.STORED:
            return (yield from _ended(process, key))
    process.pending.add(keys=(key,))
    process.local.drop(keys=(key,))
    return False


def _ended(process: Process, key: str) -> Plan[bool]:
    process.local.drop(keys=(key,))
    if process.confirm:
        yield from confirmed(process)
    return True


def _standing(process: Process, key: str, look: Look, data: bytes | None, now: int) -> Standing | None:
    if not look.usable or data is None:
        return None
    return Standing(look.value, max(1, (process.packing.unpack(key, data).fresh_until - now) // 1000))
