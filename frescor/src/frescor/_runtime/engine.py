"""The state of one cache in this process, which its calls, threads and drivers share. It does no I/O for calls."""

import atexit
import contextlib
import functools
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from frescor import _plan as plan
from frescor._calls.claims import Claims
from frescor._calls.loading import around, enclosing_load
from frescor._clocks import machine_clock, wall_clock
from frescor._copies.listening import CopyListener, Listeners
from frescor._copies.local import Local
from frescor._protocol.commands import LEASE_MS
from frescor._protocol.pending import Pending
from frescor._runtime.auditing import Auditor
from frescor._runtime.background import deliver, extend
from frescor._runtime.hooks import Hooks
from frescor._runtime.lease import Flights, Keeper, Waits
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._runtime.notices import Notices
from frescor._runtime.reporter import Reporter
from frescor._runtime.scope import Memo, Scope
from frescor._store.base import ListenerFactory, Store
from frescor._values.codec import Codec
from frescor._values.entry import LARGEST_VALUE, Packing
from frescor._values.tags import declared_in

if TYPE_CHECKING:
    from frescor._values.seal import KeyRing

# The expected tags of this many entries are remembered; beyond that all are forgotten, and learned again.
_MOST_EXPECTED = 4096


# The engines of all caches of this process, for tests that do not know which one a call is answered by.
LIVING: "weakref.WeakSet[Engine]" = weakref.WeakSet()


class Engine:
    """The state of one cache in this process."""

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
        disabled: bool = False,
        auditing: float = 0.0,
        watches_shared: bool = False,
    ) -> None:
        self.store = store
        # How many seconds one call may wait for the store, with all its round trips.
        self.deadline = store.deadline
        self.key_secret = key_secret
        self.nondeterminism = nondeterminism
        self.plain = Codec()
        self.claims = Claims()
        self.pending = Pending()
        self.packing = Packing(ring, largest=largest_value)
        self.notices = Notices()
        # The context in which background threads run loaders.
        self.around_refresh: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
        # Whether invalidations wait until no process uses a copy of what they invalidate.
        self.confirm = confirm
        # The highest clock that the store has returned to this process: a database read that starts now is at least as
        # new.
        self.clock_seen = 0
        # Who is told of what happens.
        self.hooks = Hooks(self._choose_detour)
        # Every call loads, and nothing is kept.
        self._is_disabled = disabled
        # Chooses the hits that are loaded again and compared.
        self.auditor = Auditor(auditing, nondeterminism.uniform) if auditing else None
        # What is otherwise within this thread or task; and whether there ever was something.
        self.scope: ContextVar[Scope | None] = ContextVar("frescor_scope", default=None)
        self._has_scopes = False
        self._dirty_check: Callable[[tuple[str, ...]], bool] | None = None
        # Whether a copy may not answer a call at once: one question before every hit. None nearly always: then nothing
        # is disabled or otherwise within a context either, and there is no transaction to ask about.
        self.detour: Callable[[tuple[str, ...]], bool] | None = None
        self._choose_detour()
        self._local_bytes = local_bytes
        self._watches_shared = watches_shared
        self._start()
        LIVING.add(self)
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

        # Otherwise the next writer that confirms an invalidation would wait for this process.
        atexit.register(leave)

    def _start(self) -> None:
        nondeterminism, store = self.nondeterminism, self.store
        self.flights = Flights()
        self.waits = Waits()
        self.reporter = Reporter(store)
        self.keeper = Keeper(functools.partial(extend, store), every=LEASE_MS / 3000)
        listens = bool(store.namespace) and self._local_bytes > 0
        self.local = Local(
            max_bytes=self._local_bytes if listens else 0,
            monotonic=nondeterminism.monotonic,
            now=nondeterminism.now,
            watches_shared=self._watches_shared,
        )
        listeners: ListenerFactory[CopyListener] = Listeners(self.local)
        self.listener = store.listener(listeners) if listens else None
        # Identifies the state since the start or the last fork: what was remembered before a fork counts hits in the
        # parent.
        self.start = object()
        # By key, the tags that the entry had in addition to those of its call: they are read along with it the next
        # time.
        self.expected: dict[str, tuple[str, ...]] = {}
        self.process = plan.Process(
            self.local,
            self.pending,
            self.packing,
            nondeterminism.token,
            confirm=self.confirm,
            machine_now=_machine_now if nondeterminism.now is wall_clock else int,
        )
        # Other processes still read what this one could not invalidate, so it must not wait for this process's next
        # call.
        store.when_back(functools.partial(deliver, store, self.process))

    def _start_after_fork(self) -> None:
        # None of the parent's threads exist here: not the listener, nor those that held one of these locks.
        self.pending.start_again()
        self.store.start_again()
        self._start()

    def close(self) -> None:
        """Deliver the counters, stop listening and close the connections."""
        if self.listener is not None:
            self.listener.close()
        self.reporter.close()
        self.store.close()

    def listen(self) -> None:
        """Start listening for changes, if this cache keeps copies and is not listening yet."""
        if self.listener is not None:
            self.listener.start()

    def now(self) -> int:
        """The wall clock, µs."""
        return int(self.nondeterminism.now() * 1_000_000)

    @property
    def place(self) -> object:
        """Identifies the place of the keys: caches with the same place share their entries."""
        return self.store.place

    # -- the context of a call: an enclosing load, a transaction, a scope --------------------------------------------

    @property
    def dirty_check(self) -> Callable[[tuple[str, ...]], bool] | None:
        """Whether the current transaction has changed something with one of these declared tags; with (), anything at
        all."""
        return self._dirty_check

    @dirty_check.setter
    def dirty_check(self, check: Callable[[tuple[str, ...]], bool] | None) -> None:
        self._dirty_check = check
        self._choose_detour()

    @property
    def is_disabled(self) -> bool:
        """Whether every call loads, in this process or in this context."""
        return self._is_disabled or ((scope := self.scope.get()) is not None and scope.disabled)

    @property
    def memo(self) -> Memo | None:
        """What answers repeated calls in this context."""
        scope = self.scope.get()
        return None if scope is None else scope.memo

    def forget_memo(self) -> None:
        """There was a write in this context."""
        if self.detour is not None and (memo := self.memo) is not None:
            memo.clear()

    @contextlib.contextmanager
    def within(self, *, disabled: bool = False, memo: bool = False) -> Iterator[None]:
        """Let this hold for this thread or task, and for the tasks that it starts, beside what holds already."""
        if not self._has_scopes:
            self._has_scopes = True
            self._choose_detour()
        around = self.scope.get() or Scope()
        # A write within an inner memo has to end the outer one, too: there is one for both.
        kept = around.memo or (Memo() if memo else None)
        token = self.scope.set(Scope(disabled or around.disabled, kept))
        try:
            yield
        finally:
            # It may end in another context, as a streamed response does: then it is over with its own.
            with contextlib.suppress(ValueError):
                self.scope.reset(token)

    def _choose_detour(self) -> None:
        if self.hooks.hit or self._is_disabled:
            self.detour = _always
        elif self._has_scopes or self.auditor is not None:
            self.detour = self._is_scoped
        else:
            self.detour = self._dirty_check

    def _is_scoped(self, tags: tuple[str, ...]) -> bool:
        return (
            self.scope.get() is not None
            or (self._dirty_check is not None and self._dirty_check(tags))
            or (self.auditor is not None and self.auditor.draw())
        )

    def loading_around(self) -> tuple[str, ...]:
        """The keys in this store at which the enclosing loads will be stored."""
        load = enclosing_load()
        if load is None:
            return ()
        return tuple(key for of in around(load) if of.store == self.place for key in of.stored_at)

    @property
    def reads_local(self) -> bool:
        """Whether a call may be answered by this process's copies: not within a load, which would become as old as they
        are, and not within a transaction that has changed something."""
        return enclosing_load() is None and (self._dirty_check is None or not self._dirty_check(()))

    def changed(self, tags: tuple[str, ...]) -> bool:
        """Whether the current transaction has changed something that an entry with these tags depends on."""
        return self._dirty_check is not None and self._dirty_check(declared_in(tags))

    # -- what is remembered, and logged once -------------------------------------------------------------------------

    def expect(self, key: str, tags: tuple[str, ...]) -> None:
        """Remember which tags the entry under this key has in addition to those of its call."""
        if len(self.expected) >= _MOST_EXPECTED:
            self.expected.clear()
        self.expected[key] = tags

    def note_digest(self) -> None:
        """A digest of arguments is about to be stored: log a warning, once, if no secret keys it."""
        namespace = self.store.namespace
        if namespace and not self.key_secret:
            self.notices.once(
                namespace,
                "no key_secret",
                f"the cache {namespace!r} has no key_secret: anyone who can read its keys can find out arguments and "
                "row numbers by trying all values, a phone number in hours. Give Cache.from_url key_secret=, the same "
                "in all processes: python -c 'import secrets; print(secrets.token_hex(32))' makes one.",
            )


def _machine_now() -> int:
    return int(machine_clock() * 1_000_000)


def _always(tags: tuple[str, ...]) -> bool:  # noqa: ARG001  # as a dirty check
    return True
