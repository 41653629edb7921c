"""The commands that a plan yields, and the result of each: plain values, shared by drivers, stores and tests.

A command for the store results in `UNAVAILABLE` if the store cannot be reached, does not answer in time, or refuses. A
write may or may not have happened then; every command can be sent again.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from frescor.errors import EntryUnreadable

# How long a lease outlives a holder that is killed: how long the others then wait.
LEASE_MS = 2_500
# The longest time for which an answered heartbeat lets a process use its copies.
HOLDS_MS = 1_500


class Unavailable(Enum):
    UNAVAILABLE = "unavailable"


UNAVAILABLE = Unavailable.UNAVAILABLE


# -- to the store: each is one round trip, and atomic on one server --------------------------------------------------


class Read(msgspec.Struct, frozen=True):
    """Read the bytes under keys, and the stamps of tags. → Reading"""

    keys: tuple[str, ...]
    tags: tuple[str, ...]


class Reading(msgspec.Struct, frozen=True):
    """The bytes under each key (None: nothing), and the stamp of each tag (None: absent)."""

    entries: list[bytes | None]
    stamps: Mapping[str, int | None]


class TakeLease(msgspec.Struct, frozen=True):
    """Take the lease of a key. → Grant | None while another token holds it

    `seen` is the as_of of the entry that the caller has already read: the grant contains the entry only if it is
    another.
    """

    key: str
    token: str
    tags: tuple[str, ...]
    seen: int | None


class Grant(msgspec.Struct, frozen=True):
    """A lease that was taken: the clock at that moment; and the entry, with its tags' stamps, if a new one was
    stored."""

    as_of: int
    entry: bytes | None
    stamps: Mapping[str, int | None]


class ExtendLease(msgspec.Struct, frozen=True):
    """Extend a lease to its full time from now. → bool: whether this token still holds it"""

    key: str
    token: str


class ReleaseLease(msgspec.Struct, frozen=True):
    """Release a lease. Does nothing if this token does not hold it. → anything"""

    key: str
    token: str


class Write(msgspec.Struct, frozen=True):
    """Store what the holder of the lease loaded, unless it was invalidated since `as_of`; ends the lease. →
    StoreOutcome"""

    key: str
    token: str
    entry: bytes
    as_of: int
    tags: tuple[str, ...]
    ttl_ms: int


class StoreOutcome(Enum):
    """The result of a Write: stored; refused because a tag was raised since; refused because the lease was lost."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    LEASE_LOST = "lease lost"


class Put(msgspec.Struct, frozen=True):
    """Store values that a caller provides, as of now: the store fills in `as_of`. Running loads will not store. →
    anything

    `entries` maps each key to the bytes of an entry and its tags.
    """

    entries: Mapping[str, tuple[bytes, tuple[str, ...]]]
    ttl_ms: int


class Delete(msgspec.Struct, frozen=True):
    """Remove entries; running loads of them will not store. → int: how many entries there were"""

    keys: tuple[str, ...]


class SoftStamp(int):
    """The stamp of a tag that was raised so that older values may be served meanwhile; floor: its last stamp before
    that, below which they may not."""

    floor: int

    def __new__(cls, stamp: int, floor: int) -> "SoftStamp":
        found = super().__new__(cls, stamp)
        found.floor = floor
        return found


class Invalidate(msgspec.Struct, frozen=True):
    """Tick the clock, then raise these tags to it; absent ones stay absent. → int: the stamp

    durable: the caller keeps these tags in an outbox, to raise them again if the server loses them. serve_old: older
    values may be served meanwhile, down to what they were raised to last without this.
    """

    tags: tuple[str, ...]
    durable: bool = False
    serve_old: bool = False


class Announce(msgspec.Struct, frozen=True):
    """Push a mark to every process with copies, and return who is registered, except one name. → Announced"""

    mark: str
    but: str


class Announced(msgspec.Struct, frozen=True):
    """Who has to confirm a mark: names, each with a value that tells this registration from a later one.

    young_ms: how long until it is certain that the server knows every process with copies. places: where the mark was
    pushed.
    """

    waiting: tuple[tuple[str, str], ...]
    young_ms: int = 0
    places: tuple[str, ...] = ()


class Unheard(msgspec.Struct, frozen=True):
    """→ tuple: those of `waiting` that are still registered and have not confirmed the mark everywhere"""

    mark: str
    waiting: tuple[tuple[str, str], ...]
    places: tuple[str, ...]


class Dismiss(msgspec.Struct, frozen=True):
    """Remove these registrations, unless they were renewed. → anything"""

    mark: str
    waiting: tuple[tuple[str, str], ...]
    places: tuple[str, ...]


StoreCommand = (
    Read | TakeLease | ExtendLease | ReleaseLease | Write | Put | Delete | Invalidate | Announce | Unheard | Dismiss
)


class Together(msgspec.Struct, frozen=True):
    """Several store commands in one round trip. → list of their results | UNAVAILABLE"""

    commands: tuple[StoreCommand, ...]


# -- within the process ----------------------------------------------------------------------------------------------


class JoinFlight(msgspec.Struct, frozen=True):
    """Join this process's load of the key. → None if this call leads it; else the FlightResult of the running load,
    once it has ended; GaveUp after the longest wait, or at once if the caller does not wait"""

    key: str
    wait: bool = True


class FlightResult(msgspec.Struct, frozen=True):
    """The result of one load: its payload, its exception, or neither if there is nothing to share."""

    began: int
    payload: bytes | None = None
    error: Exception | None = None
    # What the result depends on.
    tags: tuple[str, ...] = ()
    # The shape of the payload: another version of the function cannot read it.
    shape: int = 0


# Events are numbered from 1, so no waiter arrived before this load "began", and each one reads for itself.
NOTHING_SHARED = FlightResult(began=0)


class GaveUp(Enum):
    GAVE_UP = "gave up"


class EndFlight(msgspec.Struct, frozen=True):
    """Give the result of the load to the process's waiters, and end it. Does nothing if this call does not lead. →
    anything"""

    key: str
    result: FlightResult


class Wait(msgspec.Struct, frozen=True):
    """Wait until the key's lease changes, counted from `mark`, but at most for a time that grows with `turn`. → float:
    the ms waited"""

    key: str
    turn: int
    mark: int


class Load(msgspec.Struct, frozen=True):
    """Run the loader of a call and encode its value. → Loaded | Raised

    `stored_at`: the key of its entry and lease, if it is not the call's own.
    """

    key: str
    stored_at: str = ""


class LoadMany(msgspec.Struct, frozen=True):
    """Run the loader of several keys at once. → dict of Loaded by key, for those it returned a value for | Raised"""

    keys: tuple[str, ...]


class Loaded(msgspec.Struct, frozen=True):
    """A loader's value, encoded.

    began: when the load began, in the process's order of events. cost: how long it took, µs. now: the wall clock, µs.
    tags: what the load depends on, in addition to the policy's tags. ttl_ms: a time to live that the load set (0: do
    not store). as_of: the clock when its database snapshot began, if that was earlier. private: it saw uncommitted
    data, so it is neither stored nor shared. payload: None for a value that is too large to encode; `value` is then the
    value itself, only for the caller that loaded it.
    """

    payload: bytes | None
    began: int
    cost: int
    now: int
    tags: tuple[str, ...] = ()
    ttl_ms: int | None = None
    as_of: int | None = None
    private: bool = False
    value: Any = None


class Raised(msgspec.Struct, frozen=True):
    """What the loader raised, or the PolicyError that refused its value."""

    error: Exception
    began: int
    tags: tuple[str, ...] = ()


class Pause(msgspec.Struct, frozen=True):
    """Wait this many seconds; 0: do not wait. → float: the monotonic clock afterwards, seconds"""

    seconds: float


class DependOn(msgspec.Struct, frozen=True):
    """Add to what the enclosing load depends on, if there is one. → anything"""

    tags: tuple[str, ...]


class Note(msgspec.Struct, frozen=True):
    """Count an entry that could not be read. policy: "" for a key that a caller chose. → anything"""

    key: str
    error: EntryUnreadable
    policy: str = ""


Command = StoreCommand | Together | JoinFlight | EndFlight | Wait | Pause | Load | LoadMany | DependOn | Note
