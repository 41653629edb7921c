"""The commands that a plan yields, and what comes back for each: plain values, shared by drivers, stores and tests.

Those that need the store come back as `UNAVAILABLE` when it cannot be reached, does not answer in time, or refuses.
Then a write may or may not have happened: every one of them may be sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from frescor.errors import EntryUnreadable

# How long a lease lives when its holder is killed: what that costs the others.
LEASE_MS = 3_000


class Unavailable(Enum):
    UNAVAILABLE = "unavailable"


UNAVAILABLE = Unavailable.UNAVAILABLE


# -- to the store: each is one round trip, and atomic on one server --------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """Read the bytes under keys, and the stamps of tags. → Reading"""

    keys: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands under each key (None: nothing), and the stamp of each tag (None: absent)."""

    entries: list[bytes | None]
    stamps: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class TakeLease:
    """Take the fleet's lease of a key. → Grant | None while another token holds it

    `seen` is the as_of of the entry that the caller has looked at already: another one comes with the grant.
    """

    key: str
    token: str
    tags: tuple[str, ...]
    seen: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease that was taken: the clock at that moment; an entry, with its tags' stamps, if one came meanwhile."""

    as_of: int
    entry: bytes | None
    stamps: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class ExtendLease:
    """Keep a lease for its whole time from now. → bool: whether it is still this token's"""

    key: str
    token: str


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """Give a lease back; nothing if it is no longer this token's. → anything"""

    key: str
    token: str


@dataclass(frozen=True, slots=True)
class Write:
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


@dataclass(frozen=True, slots=True)
class Put:
    """Store values that a caller brings, as of now: the store fills in `as_of`. Stops loaders in flight. → anything

    `entries` holds, by key, an entry's bytes and its tags.
    """

    entries: Mapping[str, tuple[bytes, tuple[str, ...]]]
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove entries and stop loaders in flight. → int: how many entries there were"""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invalidate:
    """Tick the clock, then raise these tags to it; absent ones stay absent. → int: the stamp"""

    tags: tuple[str, ...]


StoreCommand = Read | TakeLease | ExtendLease | ReleaseLease | Write | Put | Delete | Invalidate


@dataclass(frozen=True, slots=True)
class Together:
    """Several store commands in one round trip. → list of what comes back for each | UNAVAILABLE"""

    commands: tuple[StoreCommand, ...]


# -- within the process ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Board:
    """Join this process's load of the key. → None to lead it; else the Landing of the one under way, once it is there;
    GaveUp after the longest wait, or at once where the caller does not wait"""

    key: str
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Landing:
    """What one load came to: its payload, its exception, or neither when there is nothing to share."""

    began: int
    payload: bytes | None = None
    error: Exception | None = None
    # What it depends on.
    tags: tuple[str, ...] = ()


# Events are numbered from 1: no waiter arrived before this load began, so each looks for itself.
NOTHING_SHARED = Landing(began=0)


class GaveUp(Enum):
    GAVE_UP = "gave up"


@dataclass(frozen=True, slots=True)
class Land:
    """Hand the process's waiters what came of the load, and end it; nothing if this call does not lead. → anything"""

    key: str
    landing: Landing


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until the lease of the key changes, counted from `mark`, or for a while that grows with `turn`.
    → float: the ms waited"""

    key: str
    turn: int
    mark: int


@dataclass(frozen=True, slots=True)
class Load:
    """Run the loader of a key and encode its value. → Loaded | Raised"""

    key: str


@dataclass(frozen=True, slots=True)
class LoadMany:
    """Run the loader of several keys at once. → dict of Loaded by key, where it gave a value | Raised"""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loader's value, encoded.

    began: when the load began in the process's order of events. cost: what it took, µs. now: the wall clock, µs.
    tags: what it found itself to depend on, beside the policy's. ttl_ms: its own time to live (0: do not store).
    as_of: the clock when its database snapshot began, if that was earlier. private: it saw what nobody else may see
    yet, so it is neither stored nor shared.
    """

    payload: bytes
    began: int
    cost: int
    now: int
    tags: tuple[str, ...] = ()
    ttl_ms: int | None = None
    as_of: int | None = None
    private: bool = False


@dataclass(frozen=True, slots=True)
class Raised:
    """What the loader raised, or the PolicyError that refused its value."""

    error: Exception
    began: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DependOn:
    """Tell the load that this call is part of, if it is part of one, what it has come to depend on. → anything"""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Count an entry that could not be read. → anything"""

    key: str
    error: EntryUnreadable


Command = StoreCommand | Together | Board | Land | Wait | Load | LoadMany | DependOn | Note
