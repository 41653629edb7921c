"""One cache in this process: what its calls, its threads and its drivers have in common. It carries nothing out."""

import atexit
import contextlib
import functools
import os
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from frescor import _plan as plan
from frescor._calls.claims import Claims
from frescor._calls.loading import around, enclosing_load
from frescor._copies.listening import CopyListener, Listeners
from frescor._copies.local import Local
from frescor._protocol.commands import LEASE_MS
from frescor._protocol.pending import Pending
from frescor._runtime.background import deliver, extend
from frescor._runtime.lease import Flights, Keeper, Waits
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._runtime.notices import Notices
from frescor._runtime.reporter import Reporter
from frescor._store.base import ListenerFactory, Store
from frescor._values.codec import Codec
from frescor._values.entry import LARGEST_VALUE, Packing
from frescor._values.tags import declared_in

if TYPE_CHECKING:
    from frescor._values.seal import KeyRing

# The tags of so many entries are remembered; then they are learned anew.
_MOST_EXPECTED = 4096


class Engine:
    """One cache's state in this process."""

    def __init__(
        self,
        store: Store,
        *,
        local_bytes: int,
        key_secret: bytes,
        ring: "KeyRing | None",
        nondeterminism: Nondeterminism,
        largest_value: int = LARGEST_VALUE,
        confirm: bool = False,
    ) -> None:
        self.store = store
        # What a call may wait for the store, seconds, all its round trips together.
        self.deadline = store.deadline
        self.key_secret = key_secret
        self.nondeterminism = nondeterminism
        self.plain = Codec()
        self.claims = Claims()
        self.pending = Pending()
        self.packing = Packing(ring, largest=largest_value)
        self.notices = Notices()
        # The context in which threads load what callers do not wait for.
        self.around_refresh: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
        # Whether invalidations wait until no process uses a copy of what they end.
        self.confirm = confirm
        # The highest clock that the store has shown this process: what is read from a database from now on is no older.
        self.clock_seen = 0
        # Whether a transaction of this context has changed something of these declared tags; without tags, anything.
        self.dirty_check: Callable[[tuple[str, ...]], bool] | None = None
        self._local_bytes = local_bytes
        self._start()
        itself = weakref.ref(self)

        def start_again() -> None:
            engine = itself()
            if engine is not None:
                engine._start_after_fork()

        os.register_at_fork(after_in_child=start_again)

        def leave() -> None:
            engine = itself()
            if engine is not None and engine.listener is not None:
                engine.listener.close()

        # Whoever confirms an invalidation would wait for it otherwise.
        atexit.register(leave)

    def _start(self) -> None:
        nondeterminism, store = self.nondeterminism, self.store
        self.flights = Flights()
        self.waits = Waits()
        self.reporter = Reporter(store)
        self.keeper = Keeper(functools.partial(extend, store), every=LEASE_MS / 3000)
        listens = bool(store.namespace) and self._local_bytes > 0
        self.local = Local(
            max_bytes=self._local_bytes if listens else 0, monotonic=nondeterminism.monotonic, now=nondeterminism.now
        )
        listeners: ListenerFactory[CopyListener] = Listeners(self.local)
        self.listener = store.listener(listeners) if listens else None
        # What was remembered before a fork counts in the parent.
        self.start = object()
        # The tags that entries had beside those of their calls, by key: read with them the next time.
        self.expected: dict[str, tuple[str, ...]] = {}
        self.process = plan.Process(self.local, self.pending, self.packing, nondeterminism.token, confirm=self.confirm)
        # Other processes read what this one could not invalidate: it is not to wait for a call of this one.
        store.when_back(functools.partial(deliver, store, self.process))

    def _start_after_fork(self) -> None:
        # The threads that listened, probed, kept leases and counters, and whoever held these locks, are not here.
        self.pending.start_again()
        self.store.start_again()
        self._start()

    def close(self) -> None:
        """Deliver the counters, stop listening and give the connections back."""
        if self.listener is not None:
            self.listener.close()
        self.reporter.close()
        self.store.close()

    def listen(self) -> None:
        """Begin to hear of changes, if this cache keeps copies and does not yet."""
        if self.listener is not None:
            self.listener.start()

    def now(self) -> int:
        """The wall clock, µs."""
        return int(self.nondeterminism.now() * 1_000_000)

    @property
    def place(self) -> object:
        """Where the keys are: caches that share it share their entries."""
        return self.store.place

    # -- what runs around a call: a load, a transaction --------------------------------------------------------------

    def loading_around(self) -> tuple[str, ...]:
        """Where what is being loaded around this call is stored, in this store."""
        load = enclosing_load()
        if load is None:
            return ()
        return tuple(key for of in around(load) if of.store == self.place for key in of.stored_at)

    @property
    def reads_local(self) -> bool:
        """Whether a call may be answered by this process's copies: not within a load, which would be as old as they
        are, nor within a transaction that has changed something."""
        return enclosing_load() is None and (self.dirty_check is None or not self.dirty_check(()))

    def changed(self, tags: tuple[str, ...]) -> bool:
        """Whether a transaction of this context has changed what an entry with these tags depends on."""
        return self.dirty_check is not None and self.dirty_check(declared_in(tags))

    # -- what is remembered, and said once ---------------------------------------------------------------------------

    def expect(self, key: str, tags: tuple[str, ...]) -> None:
        """The entry under this key has these tags beside those of its call."""
        if len(self.expected) >= _MOST_EXPECTED:
            self.expected.clear()
        self.expected[key] = tags

    def note_digest(self) -> None:
        """Digests of what callers pass come to stand in the store: said once if nothing keys them."""
        namespace = self.store.namespace
        if namespace and not self.key_secret:
            self.notices.once(
                namespace,
                "no key_secret",
                f"the cache {namespace!r} has no key_secret: whoever reads its keys can find arguments and row numbers "
                "by trying them, a document's number in hours. Give Cache.from_url key_secret=, the same in all "
                "processes: python -c 'import secrets; print(secrets.token_hex(32))' makes one.",
            )
