"""What the sync and the async cache have in common: the process's state, and how calls become plans. No driver."""

import atexit
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from frescor import _plan as plan
from frescor._calls.claims import Claims
from frescor._calls.keys import check_key, key_digest
from frescor._calls.loading import CurrentLoad, Subject, around, enclosing_load, refuse_return
from frescor._calls.policy import Policy, Seconds, check_tag, seconds, tuple_of
from frescor._copies.listening import CopyListener, Listeners
from frescor._copies.local import Copy, Local
from frescor._protocol.commands import (
    LEASE_MS,
    UNAVAILABLE,
    ExtendLease,
    Grant,
    Invalidate,
    Loaded,
    Raised,
    ReleaseLease,
    StoreCommand,
    TakeLease,
    Together,
    Write,
)
from frescor._protocol.outcome import Outcome
from frescor._protocol.pending import Pending
from frescor._runtime.lease import Flights, Keeper, Waits
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._runtime.reporter import Reporter
from frescor._store.base import ListenerFactory, Store
from frescor._values.codec import Codec, TooLarge, ValueCodec
from frescor._values.entry import LARGEST_VALUE, Entry, Packing
from frescor._values.shapes import NO_SHAPE, Shape
from frescor._values.tags import declared_in, entry_tags, key_tags
from frescor.errors import CacheError, PolicyError, StoreRejected, StoreUnavailable

logger = logging.getLogger("frescor")

if TYPE_CHECKING:
    from frescor._values.seal import KeyRing

# So many calls of one function are found without making their key; then they are found anew.
_MOST_SHORTCUTS = 4096
# Between two looks at a lease that another process holds, seconds: while pushes arrive they wake the waiter, and the
# last is for a push that was lost; without pushes it looks from the first to the second.
FIRST_LOOK, LAST_LOOK, PUSHED_LOOK = 0.002, 0.05, 0.4
# What calls on keys, which have no policy, are counted under.
BY_KEY = "(keys)"
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The key and tags of one function's calls, by their arguments, and the counter of its local hits; of one engine's
    start."""

    start: object
    calls: dict[tuple[object, ...], tuple[str, tuple[str, ...]]]
    hits: list[int]


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
        # What was said once of a policy, and is not said again.
        self._said: set[tuple[str, str]] = set()
        # Whether invalidations wait until no process uses a copy of what they end.
        self.confirm = confirm
        # The highest clock that the store has shown this process: what is read from a database from now on is no older.
        self.clock_seen = 0
        # Whether a transaction of this context has changed something of these declared tags; of anything, for none.
        self.dirty_check: Callable[[tuple[str, ...]], bool] | None = None
        # What the store refused last, by the kind of command.
        self._refused: dict[str, str] = {}
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
        nondeterminism = self.nondeterminism
        self.flights = Flights()
        self.waits = Waits()
        self.reporter = Reporter(self.store)
        self.keeper = Keeper(self._extend_lease, every=LEASE_MS / 3000)
        listens = bool(self.store.namespace) and self._local_bytes > 0
        self.local = Local(
            max_bytes=self._local_bytes if listens else 0, monotonic=nondeterminism.monotonic, now=nondeterminism.now
        )
        listeners: ListenerFactory[CopyListener] = Listeners(self.local)
        self.listener = self.store.listener(listeners) if listens else None
        # What was remembered before a fork counts in the parent.
        self.start = object()
        # The tags that entries had beside those of their calls, by key: read with them the next time.
        self._expected: dict[str, tuple[str, ...]] = {}
        self.process = plan.Process(self.local, self.pending, self.packing, nondeterminism.token, confirm=self.confirm)
        # Other processes read what this one could not invalidate: it is not to wait for a call of this one.
        self.store.when_back(self.deliver)

    def refused(self, command: object, error: StoreRejected) -> None:
        """The store refused a command: said once, until it takes one of the kind again or has another reason."""
        kind, reason = type(command).__name__, str(error)
        if self._refused.get(kind) != reason:
            self._refused[kind] = reason
            logger.warning("%s", error)

    def accepted(self, command: object) -> None:
        """The store carried a command out."""
        if self._refused.pop(type(command).__name__, None) is not None:
            logger.warning("the store takes %s again", type(command).__name__)

    def ask(self, command: StoreCommand | Together) -> Any:
        """What the store answers; UNAVAILABLE where it does not, or refuses, which is logged."""
        try:
            answer = self.store.perform(command)
        except StoreUnavailable:
            return UNAVAILABLE
        except StoreRejected as error:
            self.refused(command, error)
            return UNAVAILABLE
        if self._refused:  # hardly ever, and asked at every call
            self.accepted(command)
        if type(command) is Invalidate:
            self.clock_seen = max(self.clock_seen, answer)
        return answer

    def deliver(self) -> None:
        """Let the store have what waited for it; what it does not take goes on waiting."""
        steps = plan.settle(self.process)
        try:
            command = next(steps)
            while True:
                try:
                    answer = self.store.perform(cast(Together, command))
                except CacheError:
                    answer = UNAVAILABLE
                command = steps.send(answer)
        except StopIteration:
            return

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

    def remembered(
        self, shortcut: Shortcut | None, policy: str, call: tuple[object, ...], bound: tuple[str, tuple[str, ...]]
    ) -> Shortcut:
        """A function's shortcut, with the key and the tags of this call."""
        if shortcut is None or shortcut.start is not self.start or len(shortcut.calls) >= _MOST_SHORTCUTS:
            shortcut = Shortcut(self.start, {}, self.reporter.cell(policy))
        shortcut.calls[call] = bound
        return shortcut

    def now(self) -> int:
        """The wall clock, µs."""
        return int(self.nondeterminism.now() * 1_000_000)

    def request(
        self,
        key: str,
        tags: tuple[str, ...],
        policy: Policy,
        codec: ValueCodec,
        *,
        refresh: bool,
        shape: Shape = NO_SHAPE,
        label: str = "",
    ) -> plan.Request:
        """A read-through call, of an entry with all these tags.

        Raises PolicyError if it is to be sealed and cannot, and for a call that is part of a load of itself.
        """
        if policy.sealed and (self.packing.ring is None or not self.packing.ring.seals):
            raise PolicyError(
                "the policy is sealed and this cache has no secrets to seal with: give Cache.from_url seal_secrets.",
                policy=policy.name,
            )
        nondeterminism = self.nondeterminism
        load = enclosing_load()
        if load is not None:
            refuse_return(load, self.place, key, label or policy.name)
        spread = policy.ttl * policy.jitter
        return plan.Request(
            key=key,
            tags=tags,
            policy=policy,
            codec=codec,
            token=nondeterminism.token(),
            arrived=self.flights.tick(),
            now=self.now(),
            dice=1.0 - nondeterminism.uniform(0.0, 1.0) or 1.0,
            ttl_ms=milliseconds(policy.ttl + nondeterminism.uniform(-spread, spread)),
            refresh=refresh,
            expected=self._expected.get(key, ()),
            fresh=load is not None,
            shape=shape,
            label=label or policy.name,
        )

    @property
    def place(self) -> object:
        """Where the keys are: caches that share it share their entries."""
        return self.store.place

    def loading_around(self) -> tuple[str, ...]:
        """Where what is being loaded around this call is stored, in this store."""
        load = enclosing_load()
        if load is None:
            return ()
        return tuple(key for of in around(load) if of.store == self.place for key in of.stored_at)

    def subject(self, keys: tuple[str, ...], stored_at: tuple[str, ...], label: str) -> Subject:
        """What a load is of."""
        return Subject(self.place, keys, stored_at, label)

    @property
    def reads_local(self) -> bool:
        """Whether a call may be answered by this process's copies: not within a load, which would be as old as they
        are, nor within a transaction that has changed something."""
        return enclosing_load() is None and (self.dirty_check is None or not self.dirty_check(()))

    def changed(self, tags: tuple[str, ...]) -> bool:
        """Whether a transaction of this context has changed what an entry with these tags depends on."""
        return self.dirty_check is not None and self.dirty_check(declared_in(tags))

    def came_to(self, request: plan.Request, outcome: Outcome) -> None:
        """A call ended: count it, hand what it depends on to the load that it is part of, and expect its tags."""
        self.reporter.add(request.policy.name, outcome.result.value)
        self.is_part(outcome)
        tags = outcome.tags
        if len(tags) > len(request.tags):
            more = tags[len(request.tags) :]
            if more != request.expected:
                if len(self._expected) >= _MOST_SHORTCUTS:
                    self._expected.clear()
                self._expected[request.key] = more

    def reading(self, request: plan.Request) -> plan.Plan[Outcome]:
        """The plan of a read-through call made here."""
        if self.dirty_check is not None and self.dirty_check(()):
            return plan.read_beside(self.process, request, self.changed)
        return plan.read_through(self.process, request)

    def reading_many(self, requests: Mapping[str, plan.Request]) -> plan.Plan[dict[str, Outcome]]:
        """As `reading`, for several calls of one policy."""
        if self.dirty_check is not None and self.dirty_check(()):
            return plan.read_beside_many(self.process, requests, self.changed)
        return plan.read_through_many(self.process, requests)

    def found_by_key(self, found: Mapping[str, Outcome], wanted: Iterable[str]) -> dict[str, object]:
        """The values that were there under keys that a caller chose; each key counted."""
        values = {key: self.found_at(key, found.get(key), _NOTHING) for key in wanted}
        return {key: value for key, value in values.items() if value is not _NOTHING}

    def found_at(self, key: str, outcome: Outcome | None, default: object) -> object:
        """The value that was there under a key that a caller chose, else `default`; counted."""
        if outcome is None or (self.dirty_check is not None and self.changed(outcome.tags)):
            # What may come there is under these tags.
            self.depend_on(key_tags(key))
            self.reporter.add(BY_KEY, "misses")
            return default
        self.is_part(outcome)
        self.reporter.add(BY_KEY, "hits")
        return outcome.value

    def is_part(self, outcome: Outcome) -> None:
        """The value was found for the load that runs here, if one does."""
        load = enclosing_load()
        if load is not None:
            load.consists_of(outcome.tags)
            if outcome.outdated:
                load.do_not_store()

    def depend_on(self, tags: tuple[str, ...]) -> None:
        """The load that runs here, if one does, depends on these of the store's tags."""
        load = enclosing_load()
        if load is not None:
            load.consists_of(tags)

    def again(self, request: plan.Request) -> plan.Request:
        """The same call, to load anew with nobody waiting."""
        return msgspec.structs.replace(
            request, refresh=True, background=True, token=self.nondeterminism.token(), arrived=self.flights.tick()
        )

    def local_copy(self, key: str, policy: Policy, shape: Shape = NO_SHAPE) -> Copy | None:
        """This process's copy, if it holds and the policy allows it; counted."""
        if policy.strict or not self.reads_local or (copy := self.local.get(key)) is None:
            return None
        if copy.shape is not shape:
            return None
        self.reporter.cell(policy.name)[0] += 1
        return copy

    def entries(
        self, mapping: Mapping[str, object], expire: Seconds, tags: Iterable[str], codec: ValueCodec
    ) -> tuple[dict[str, tuple[bytes, tuple[str, ...]]], int, tuple[str, ...]]:
        """The entries of values that a caller brings, by key, their time to live in ms, and the keys of values that are
        too large."""
        ttl_ms = milliseconds(seconds(expire))
        declared = tuple(check_tag(tag) for tag in tuple_of("tags", tags))
        ends = self.now() + ttl_ms * 1000
        entries, refused = {}, []
        for key, value in mapping.items():
            depends = entry_tags(check_key(key), declared)
            payload = self._encoded(codec, value, BY_KEY)
            if payload is None or self._is_too_large(payload, BY_KEY):
                refused.append(key)
                continue
            entry = Entry(0, ends, ends, 0, depends, payload, by_caller=True)
            entries[key] = (self.packing.pack(key, entry), depends)
        return entries, ttl_ms, tuple(refused)

    def _encoded(self, codec: ValueCodec, value: object, policy: str) -> bytes | None:
        """The encoded value; None for one that no encoding can hold. Raises PolicyError as `codec.encode` does."""
        try:
            return codec.encode(value, policy=None if policy is BY_KEY else policy)
        except TooLarge as error:
            self._is_refused(policy, str(error))
            return None

    def _is_too_large(self, payload: bytes, policy: str) -> bool:
        largest = self.packing.largest
        if len(payload) > largest:
            self._is_refused(policy, f"{len(payload):,} bytes as encoded, and largest_value is {largest:,}")
            return True
        return False

    def _is_refused(self, policy: str, why: str) -> None:
        self.reporter.add(policy, "too_large")
        self.say_once(
            policy,
            "too large",
            f"a value is too large to keep: {why}. It was returned, and is computed again each time. Cache a part of "
            f"it, or raise largest_value= of the cache (policy {policy})",
        )

    def note_digest(self) -> None:
        """Digests of what callers pass come to stand in the store: said once if nothing keys them."""
        namespace = self.store.namespace
        if namespace and not self.key_secret:
            self.say_once(
                namespace,
                "no key_secret",
                f"the cache {namespace!r} has no key_secret: whoever reads its keys can find arguments and row numbers "
                "by trying them, a document's number in hours. Give Cache.from_url key_secret=, the same in all "
                "processes: python -c 'import secrets; print(secrets.token_hex(32))' makes one.",
            )

    def say_once(self, policy: str, what: str, sentence: str) -> None:
        """Log a warning, the first time in this process that there is one of the kind for the policy."""
        if (policy, what) not in self._said:
            self._said.add((policy, what))
            logger.warning("%s", sentence)

    def unreadable(self, policy: str, key: str, error: CacheError) -> None:
        """Count an entry that could not be read; say so the first time for each reason."""
        self.reporter.add(policy, "errors")
        reason = str(error)
        self.say_once(policy, reason, f"{reason} (policy {policy}, key {key_digest(key)}; said once for each reason)")

    def loaded(
        self,
        values: Mapping[str, object],
        load: CurrentLoad,
        requests: Mapping[str, plan.Request],
        *,
        began: int,
        cost: float,
    ) -> dict[str, Loaded] | Raised:
        """What a loader returned, encoded, by key; Raised for a value that cannot be kept exactly."""
        loaded: dict[str, Loaded] = {}
        now = self.now()
        for key, value in values.items():
            request = requests.get(key)
            if request is None:
                return Raised(PolicyError(f"the loader returned {key!r}, which it was not asked for."), began)
            policy = request.policy
            try:
                payload = self._encoded(request.codec, value, policy.name)
            except PolicyError as error:
                return Raised(error, began)
            ttl = load.ttl
            if payload is None or self._is_too_large(payload, policy.name):
                ttl = 0.0
            elif ttl is None and value is None and policy.none_expire is not None:
                ttl = seconds(policy.none_expire) if policy.none_expire else 0.0
            loaded[key] = Loaded(
                payload=payload,
                began=began,
                cost=round(cost * 1_000_000),
                now=now,
                tags=load.store_tags,
                ttl_ms=None if ttl is None else (milliseconds(ttl) if ttl else 0),
                as_of=load.as_of,
                private=load.private,
                value=value if payload is None else None,
            )
        return loaded

    def raised(
        self,
        error: Exception,
        load: CurrentLoad,
        keys: Iterable[str],
        requests: Mapping[str, plan.Request],
        *,
        began: int,
    ) -> Raised:
        """What a loader raised; a load that goes on without it depends on the same."""
        tags = dict.fromkeys(tag for key in keys for tag in requests[key].tags) | dict.fromkeys(load.store_tags)
        self.depend_on(tuple(tags))
        return Raised(error, began, tuple(tags))

    def note_leases(self, held: dict[str, str], command: object, answer: object) -> None:
        """Keep account of the leases that a call holds, by what came back for a command."""
        if isinstance(command, Together):
            # Not answered as a whole: each may or may not have happened.
            answers = answer if isinstance(answer, list) else [answer] * len(command.commands)
            for one, its_answer in zip(command.commands, answers, strict=True):
                self.note_leases(held, one, its_answer)
        elif isinstance(command, TakeLease):
            if isinstance(answer, Grant):
                self.clock_seen = max(self.clock_seen, answer.as_of)
                held[command.key] = command.token
        elif isinstance(command, Invalidate):
            if isinstance(answer, int):
                self.clock_seen = max(self.clock_seen, answer)
        elif isinstance(command, ReleaseLease) or (isinstance(command, Write) and answer is not UNAVAILABLE):
            # One that could not be given back ends by itself, no longer kept.
            self.keeper.drop(command.token)
            held.pop(command.key, None)

    def _extend_lease(self, key: str, token: str) -> bool:
        return bool(self.store.perform(ExtendLease(key, token)))


def milliseconds(ttl: float) -> int:
    """Whole milliseconds, at least one."""
    return max(1, round(ttl * 1000))
