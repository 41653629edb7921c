"""The contract of a store, and the protocol that it carries.

**Clock.** One number per namespace. A tick is `max(last + 1, server time in µs)`; a lost clock starts again from the
server's time, so stamps do not run backwards.

**Tags.** A tag holds the stamp of its last invalidation. *A missing tag means invalid*, never valid: eviction and loss
can cost a load, not a stale read.

**Leases.** Who holds a key's lease may load and store it. A lease ends by itself, when its holder is gone.
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
    """What a server says of itself; `latency_us` is one round trip."""

    kind: str
    version: str
    used_memory: int | None
    max_memory: int | None
    latency_us: int


@dataclass(frozen=True, slots=True)
class PossibleLoss:
    """Why a server is not trusted. lost: what was done last may be gone. watermark: the database's clock, µs, when all
    that was done before was not; None if nothing was lost."""

    lost: bool
    watermark: int | None


class Replayer(Protocol):
    """Who knows what may be missing from a store: a relay."""

    def start(self) -> None:
        """This process uses the store. Called often, and in the way of a caller: returns at once."""

    def look(self) -> None:
        """Somebody made the mark of `Store.is_unrecorded`, and waits until it was found. Returns at once."""

    def replay(self, loss: PossibleLoss) -> tuple[str, ...] | None:
        """The store's tags that may have to be raised; None: that cannot be told."""


ListenerT = TypeVar("ListenerT")
ListenerT_co = TypeVar("ListenerT_co", covariant=True)


class ListenerFactory(Protocol[ListenerT_co]):
    """Makes a listener for each kind of store that tells what changes."""

    def to_server(self, store: Any, /) -> ListenerT_co:
        """One connection, to a single server."""

    def to_cluster(self, store: Any, /) -> ListenerT_co:
        """One connection to each node."""


class Store(Protocol):
    """Where entries, tags, leases and the clock of one namespace are kept.

    Every method raises StoreUnavailable when the server cannot be reached or does not answer in time (then the write
    may or may not have happened: every command may be sent again), and StoreRejected when it answered and refused.

    A store of one's own inherits from this class. It has to provide what has no body here; what has one is right for a
    store that is in this process alone. `frescor.testing.StoreConformance` tests it. In event loops it is taken to
    answer at once, unless `_store.opening_aio` names its `AsyncStore`.
    """

    # What a call may wait for the store, seconds, all its round trips together.
    deadline: float = math.inf
    # The namespace in which other processes see what this one stores; "" where none does.
    namespace: str = ""

    @property
    def place(self) -> object:
        """Where the keys are: stores that have it in common share their entries."""
        return self

    def start_again(self) -> None:
        """This is the child of a fork: sockets, threads and locks are the parent's."""
        return

    def when_back(self, call: Callable[[], object]) -> None:  # noqa: ARG002  # it is never away
        """Call this, and nothing that was given before, as soon as the store answers again after an outage."""
        return

    def listener(self, factory: ListenerFactory[ListenerT], /) -> ListenerT | None:  # noqa: ARG002  # here are none
        """What hears of other processes' changes, not started; None where there are none to hear of."""
        return None

    def perform(self, command: StoreCommand | Together) -> Any:
        """Carry a command out in one round trip, atomically on one server; what comes back stands at the command."""

    def set_watermark(self, database: str, at: int) -> bool:
        """Remember a database's clock, µs, that was read before: if this is found, nothing done before was lost.
        False if this store keeps no watermark. It is not set while `is_unrecorded`."""

    def is_unrecorded(self, database: str) -> bool:
        """Whether invalidations are made that no outbox keeps, and the database was not `told` yet."""

    def told(self, database: str) -> None:
        """The database keeps that such invalidations are made: after a loss its replay cannot tell what is missing."""

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        """Entries are going to depend on slices of these columns, by their table's tag: whoever invalidates that tag
        and does not know them raises their blind tags from now on (see `frescor._values.tags`). An entry with slices
        that began before that is not stored. False if this store has no slices."""

    def replay_by(self, database: str, replayer: Replayer, *, ended: bool = False) -> None:
        """Ask this before what the store holds is trusted again after an outage or a loss; or, `ended`, no longer."""

    def count(self, deltas: Mapping[str, int]) -> None:
        """Add to the namespace's counters."""

    def counters(self) -> dict[str, int]:
        """The namespace's counters."""

    def list_keys(self, pattern: str, limit: int) -> Iterator[KeyInfo]:
        """The stored keys that match a glob pattern: an operator's listing, in many round trips."""

    def info(self) -> ServerInfo:
        """The server's own figures."""

    def close(self) -> None:
        """Give connections back. The store is not used afterwards."""


class AsyncStore(Protocol):
    """A store for an event loop: the same, awaited."""

    async def perform(self, command: StoreCommand | Together) -> Any:
        """As `Store.perform`."""

    async def close(self) -> None:
        """As `Store.close`."""
