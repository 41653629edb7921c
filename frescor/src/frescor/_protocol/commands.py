"""The commands that a plan yields, and what comes back for each: plain values, shared by drivers, stores and tests.

Those that need the store come back as `UNAVAILABLE` when it cannot be reached, does not answer in time, or refuses.
Then a write may or may not have happened: every one of them may be sent again.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from frescor.errors import EntryUnreadable

# How long a lease lives when its holder is killed: what that costs the others.
LEASE_MS = 2_500
# How long an answered heartbeat lets a process use its copies, at the most.
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
    """What stands under each key (None: nothing), and the stamp of each tag (None: absent)."""

    entries: list[bytes | None]
    stamps: Mapping[str, int | None]


class TakeLease(msgspec.Struct, frozen=True):
    """Take the fleet's lease of a key. → Grant | None while another token holds it

    `seen` is the as_of of the entry that the caller has looked at already: another one comes with the grant.
    """

    key: str
    token: str
    tags: tuple[str, ...]
    seen: int | None


class Grant(msgspec.Struct, frozen=True):
    """A lease that was taken: the clock at that moment; an entry, with its tags' stamps, if one came meanwhile."""

    as_of: int
    entry: bytes | None
    stamps: Mapping[str, int | None]


class ExtendLease(msgspec.Struct, frozen=True):
    """Keep a lease for its whole time from now. → bool: whether it is still this token's"""

    key: str
    token: str


class ReleaseLease(msgspec.Struct, frozen=True):
    """Give a lease back; nothing if it is no longer this token's. → anything"""

    key: str
    token: str


class Write(msgspec.Struct, frozen=True):
    """Store what the holder of the lease loaded, unless it was invalidated since `as_of`; ends the lease.
    → StoreOutcome"""

    key: str
    token: str
    entry: bytes
    as_of: int
    tags: tuple[str, ...]
    ttl_ms: int


class StoreOutcome(Enum):
    """What became of a Write: done; refused since a tag was invalidated since; refused since the lease was lost."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    LEASE_LOST = "lease lost"


class Put(msgspec.Struct, frozen=True):
    """Store values that a caller brings, as of now: the store fills in `as_of`. Stops loaders in flight. → anything

    `entries` holds, by key, an entry's bytes and its tags.
    """

    entries: Mapping[str, tuple[bytes, tuple[str, ...]]]
    ttl_ms: int


class Delete(msgspec.Struct, frozen=True):
    """Remove entries and stop loaders in flight. → int: how many entries there were"""

    keys: tuple[str, ...]


class Invalidate(msgspec.Struct, frozen=True):
    """Tick the clock, then raise these tags to it; absent ones stay absent. → int: the stamp

    durable: whoever made it keeps it in an outbox, to do it again should the server lose it.
    """

    tags: tuple[str, ...]
    durable: bool = False


class Announce(msgspec.Struct, frozen=True):
    """Push a mark to every process that keeps copies, and name those that are registered, but for one. → Announced"""

    mark: str
    but: str


class Announced(msgspec.Struct, frozen=True):
    """Who has to hear of a mark: names, each with what tells this registration from a later one.

    young_ms: how long it has still to be waited until the server surely knows all. places: where the mark was pushed.
    """

    waiting: tuple[tuple[str, str], ...]
    young_ms: int = 0
    places: tuple[str, ...] = ()


class Unheard(msgspec.Struct, frozen=True):
    """→ tuple: those of the waiting that are registered still and have not heard of the mark everywhere"""

    mark: str
    waiting: tuple[tuple[str, str], ...]
    places: tuple[str, ...]


class Dismiss(msgspec.Struct, frozen=True):
    """End these registrations, unless they were renewed. → anything"""

    mark: str
    waiting: tuple[tuple[str, str], ...]
    places: tuple[str, ...]


StoreCommand = (
    Read | TakeLease | ExtendLease | ReleaseLease | Write | Put | Delete | Invalidate | Announce | Unheard | Dismiss
)


class Together(msgspec.Struct, frozen=True):
    """Several store commands in one round trip. → list of what comes back for each | UNAVAILABLE"""

    commands: tuple[StoreCommand, ...]


# -- within the process ----------------------------------------------------------------------------------------------


class JoinFlight(msgspec.Struct, frozen=True):
    """Join this process's load of the key. → None if this call leads it; else the FlightResult of the load under way,
    once it has ended; GaveUp after the longest wait, or at once if the caller does not wait"""

    key: str
    wait: bool = True


class FlightResult(msgspec.Struct, frozen=True):
    """What one load came to: its payload, its exception, or neither when there is nothing to share."""

    began: int
    payload: bytes | None = None
    error: Exception | None = None
    # What it depends on.
    tags: tuple[str, ...] = ()
    # Of what shape the payload is: another version of the function cannot read it.
    shape: int = 0


# Events are numbered from 1: no waiter arrived before this load began, so each looks for itself.
NOTHING_SHARED = FlightResult(began=0)


class GaveUp(Enum):
    GAVE_UP = "gave up"


class EndFlight(msgspec.Struct, frozen=True):
    """Hand the process's waiters what came of the load, and end it; nothing if this call does not lead. → anything"""

    key: str
    result: FlightResult


class Wait(msgspec.Struct, frozen=True):
    """Wait until the lease of the key changes, counted from `mark`, or for a while that grows with `turn`.
    → float: the ms waited"""

    key: str
    turn: int
    mark: int


class Load(msgspec.Struct, frozen=True):
    """Run the loader of a call and encode its value. → Loaded | Raised

    `stored_at`: the key of its entry and its lease, where that is not the call's own.
    """

    key: str
    stored_at: str = ""


class LoadMany(msgspec.Struct, frozen=True):
    """Run the loader of several keys at once. → dict of Loaded by key, where it gave a value | Raised"""

    keys: tuple[str, ...]


class Loaded(msgspec.Struct, frozen=True):
    """A loader's value, encoded.

    began: when the load began in the process's order of events. cost: what it took, µs. now: the wall clock, µs.
    tags: what it found itself to depend on, beside the policy's. ttl_ms: its own time to live (0: do not store).
    as_of: the clock when its database snapshot began, if that was earlier. private: it saw what nobody else may see
    yet, so it is neither stored nor shared. payload: None for a value that cannot be encoded for its size; then `value`
    is that, for the caller that loaded it alone.
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
    """Wait so many seconds; 0: not at all. → float: the monotonic clock then, seconds"""

    seconds: float


class DependOn(msgspec.Struct, frozen=True):
    """Tell the load that this call is part of, if it is part of one, what it has come to depend on. → anything"""

    tags: tuple[str, ...]


class Note(msgspec.Struct, frozen=True):
    """Count an entry that could not be read; policy: "" for a key that a caller chose. → anything"""

    key: str
    error: EntryUnreadable
    policy: str = ""


Command = StoreCommand | Together | JoinFlight | EndFlight | Wait | Pause | Load | LoadMany | DependOn | Note
