"""Audits of a sample of hits: is the returned value what the function returns now? Modelled on Meta's Polaris.

An audit compares, and reports a difference only if no write explains it:

- A write may be committed before the load and its tags raised after it, as after every commit. So a difference is not
  reported at once: the tags are read again after `settles` seconds, in which a relay applies even what a killed process
  has left. If one of them was raised since they were first read, nothing is reported.
- A copy in this process may be behind by the delay of a push. One whose tags were raised is checked again after the
  same time: if it is still in use, the push was lost.
- What was evicted, has expired, or was changed by the caller's transaction proves nothing.
"""

from enum import Enum
from typing import Any

import msgspec

from frescor._copies.local import Copy
from frescor._plan.looking import Look, Process, look_for
from frescor._plan.request import Plan, Request
from frescor._protocol.commands import Loaded, Pause, Raised, Read, Reading, Unavailable


class Verdict(Enum):
    """The result of an audit: the same value; a different one, which no write explains; or undecided."""

    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True):
    """as_of: of the value that was audited. raised: the highest stamp of its tags."""

    verdict: Verdict
    as_of: int = 0
    tags: tuple[str, ...] = ()
    raised: int = 0


_UNKNOWN = Finding(Verdict.UNKNOWN)


def audit(process: Process, request: Request, copy: Copy | None, settles: float) -> Plan[Finding]:
    """Load the call again and compare it with this copy; without one, with what is stored. Nothing is stored."""
    if copy is None:
        look = yield from look_for(process, msgspec.structs.replace(request, fresh=True))
        if not isinstance(look, Look) or not look.usable or look.due or look.seen is None:
            return _UNKNOWN
        value, as_of, tags = look.value, look.seen, look.tags
    else:
        value, as_of, tags = copy.value(), copy.as_of, copy.tags
    before: Reading | Unavailable = yield Read((), tags)
    if isinstance(before, Unavailable):
        return _UNKNOWN
    stamps = [stamp for stamp in before.stamps.values() if stamp is not None]
    finding = Finding(Verdict.DIFFERS, as_of, tags, max(stamps, default=0))
    if finding.raised > as_of and copy is not None:
        yield Pause(settles)
        return finding if process.local.get(request.key) is copy else _UNKNOWN
    if finding.raised > as_of or len(stamps) < len(tags):
        return _UNKNOWN
    loaded: Loaded | Raised = yield request.load
    if isinstance(loaded, Raised) or loaded.private or loaded.as_of is not None or loaded.payload is None:
        return _UNKNOWN
    if _is_same(request, loaded.payload, value):
        return msgspec.structs.replace(finding, verdict=Verdict.SAME)
    yield Pause(settles)
    after: Reading | Unavailable = yield Read((), tags)
    if isinstance(after, Unavailable) or dict(after.stamps) != dict(before.stamps):
        return _UNKNOWN
    return finding


def _is_same(request: Request, payload: bytes, value: Any) -> bool:
    """Whether the two are equal, or have the same encoding: a set has no order, and a NaN equals nothing."""
    try:
        return bool(request.codec.decode(payload) == value) or request.codec.encode(value) == payload
    except Exception:  # noqa: BLE001  # what a class's own comparison raises says nothing of the cache
        return True
