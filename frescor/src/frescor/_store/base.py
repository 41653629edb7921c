"""The contract of a store, and the protocol that it carries out.

**Clock.** One number per namespace. A tick is `max(last + 1, server time in µs)`; a lost clock starts again from the
server's time, so stamps do not run backwards.

**Tags.** A tag holds the stamp of its last invalidation. *A missing tag means invalid*, never valid: eviction and loss
can cost a load, but not a stale read.

**Leases.** Only the holder of a key's lease may load and store it. A lease expires once its holder is gone.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from frescor._protocol.commands import StoreCommand, Together


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A stored key for an operator's listing: its time to live in ms (None: no end) and its size in bytes."""

    key: str
    ttl_ms: int | None
    size: int


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server's figures about itself; `latency_us` is one round trip."""

    kind: str
    version: str
    used_memory: int | None
    max_memory: int | None
    latency_us: int


@dataclass(frozen=True, slots=True)
class PossibleLoss:
    """Why a server is not trusted. lost: whether its last writes may be gone. watermark: the time by the database's
    clock, µs, before which nothing was lost; None if nothing was lost at all."""

    lost: bool
    watermark: int | None


class Replayer(Protocol):
    """Knows what may be missing from a store: the relay of a database with an outbox."""

    def start(self) -> None:
        """This process uses the store. Called often, while a caller waits, so it returns at once."""

    def look(self) -> None:
        """An invalidation was marked as `Store.is_unrecorded`, and its caller waits until this is noticed. Returns at
        once."""

    def replay(self, loss: PossibleLoss) -> tuple[str, ...] | None:
        """The tags, in the store's form, that may have to be raised; None if that is unknown."""


ListenerT = TypeVar("ListenerT")
ListenerT_co = TypeVar("ListenerT_co", covariant=True)


class ListenerFactory(Protocol[ListenerT_co]):
    """Makes, for each kind of store, a listener that reports changes."""

    def to_server(self, store: Any, /) -> ListenerT_co:
        """One connection, to a single server."""

    def to_cluster(self, store: Any, /) -> ListenerT_co:
        """One connection to each node."""


class Store(Protocol):
    """Where entries, tags, leases and the clock of one namespace are kept.

    Every method raises StoreUnavailable if the server cannot be reached or does not answer in time, and StoreRejected
    if it refuses. After StoreUnavailable a write may or may not have happened; every command can be sent again.

    To write a store of your own, inherit from this class. Provide the methods that have no body here; the others are
    correct for a store within this process. `frescor.testing.StoreConformance` tests it. Event loops call it directly,
    as a store that answers at once, unless `_store.opening_aio` names an `AsyncStore` for it.
    """

    # How many seconds a call may wait for the store, with all its round trips.
    deadline: float = math.inf
    # The namespace in which other processes see what this one stores; "" if they do not.
    namespace: str = ""

    @property
    def place(self) -> object:
        """Identifies the place of the keys: stores with the same place share their entries."""
        return self

    def start_again(self) -> None:
        """Called in the child of a fork: sockets, threads and locks belong to the parent."""
        return

    def when_back(self, call: Callable[[], object]) -> None:  # noqa: ARG002  # this store is never down
        """Call this as soon as the store answers again after an outage. Replaces what was given before."""
        return

    def listener(self, factory: ListenerFactory[ListenerT], /) -> ListenerT | None:  # noqa: ARG002  # here are none
        """A listener for other processes' changes, not started yet; None if there are none."""
        return None

    def perform(self, command: StoreCommand | Together) -> Any:
        """Carry out a command in one round trip, atomically on one server. Each command describes its result."""

    def set_watermark(self, database: str, at: int) -> bool:
        """Store a watermark: a time by a database's clock, µs, read before this call. If it is found after a loss,
        nothing done before it was lost. False if this store keeps no watermarks. Not stored while `is_unrecorded`."""

    def is_unrecorded(self, database: str) -> bool:
        """Whether there are invalidations that no outbox records, of which the database has not been `told` yet."""

    def told(self, database: str) -> None:
        """The database has recorded that there are such invalidations: its replay cannot tell what a loss affects."""

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        """Announce that entries will depend on slices of these columns, given by their table's tag. From now on a
        writer that raises that tag without knowing the columns also raises their blind tags (see
        `frescor._values.tags`). An entry with slices whose load began earlier is not stored. False if this store has no
        slices."""

    def replay_by(self, database: str, replayer: Replayer, *, ended: bool = False) -> None:
        """Ask this replayer before the store is trusted again after an outage or a loss; with `ended`, stop asking
        it."""

    def count(self, deltas: Mapping[str, int]) -> None:
        """Add to the namespace's counters."""

    def counters(self) -> dict[str, int]:
        """The namespace's counters."""

    def list_keys(self, pattern: str, limit: int) -> Iterator[KeyInfo]:
        """The stored keys that match a glob pattern: for operators, in many round trips."""

    def info(self) -> ServerInfo:
        """The server's own figures."""

    def abilities(self) -> tuple[str, ...]:
        """How each promise that depends on what a server allows is kept, a sentence each; none without a server."""
        return ()

    def close(self) -> None:
        """Close the connections. The store is not used afterwards."""


class AsyncStore(Protocol):
    """A store for event loops: the same, awaited."""

    async def perform(self, command: StoreCommand | Together) -> Any:
        """As `Store.perform`."""

    async def close(self) -> None:
        """As `Store.close`."""
