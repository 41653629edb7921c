"""A store in this process's memory, for tests and for machines without a server. For one process only."""

import fnmatch
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frescor._clocks import wall_clock
from frescor._protocol.commands import (
    LEASE_MS,
    Announce,
    Announced,
    Delete,
    Dismiss,
    ExtendLease,
    Grant,
    Invalidate,
    Put,
    Read,
    Reading,
    ReleaseLease,
    SoftStamp,
    StoreCommand,
    StoreOutcome,
    TakeLease,
    Together,
    Unheard,
    Write,
)
from frescor._store.base import KeyInfo, Replayer, ServerInfo, Store
from frescor._store.wire import TOMBSTONE_MS
from frescor._values.entry import stamp_of, stamped
from frescor._values.tags import BUT, SLICED, SLICES, blind_tags_of, declared_tag

logger = logging.getLogger("frescor")

TOMBSTONE = "-"


@dataclass(slots=True)
class _Item:
    value: bytes | int | str
    ends: float | None
    size: int


class MemoryStore(Store):
    """Carries out the protocol of `_store/base.py` on a dictionary of limited size, which drops the least recently used
    items."""

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024, now: Callable[[], float] = wall_clock) -> None:
        self._max_bytes = max_bytes
        self._now = now
        self._used = 0
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._counters: dict[str, int] = {}
        self._lock = threading.RLock()
        self._forked = False
        # By a table's tag: its columns' blind tags, each with the clock at its registration. None: unknown.
        self._slices: dict[str, dict[str, int]] | None = None

    def start_again(self) -> None:
        """After a fork: forget everything, since this process will not learn of the parent's changes; and replace the
        lock."""
        self._lock = threading.RLock()
        self._items = OrderedDict()
        self._counters = {}
        self._slices = None
        self._used = 0
        self._forked = True

    def perform(self, command: StoreCommand | Together) -> Any:
        with self._lock:
            if self._forked:
                self._forked = False
                logger.warning(
                    "a cache at memory:// is used in the child of a fork: it is empty there, and neither process "
                    "learns of the other's invalidations. Where several processes share data, give a server's URL."
                )
            if isinstance(command, Together):
                return [self.perform(one) for one in command.commands]
            match command:
                case Read(keys, tags):
                    return Reading([self._entry(key) for key in keys], {tag: self._stamp(tag) for tag in tags})
                case TakeLease():
                    return self._take_lease(command)
                case ExtendLease(key, token):
                    return self._extend_lease(key, token)
                case ReleaseLease(key, token):
                    if self._get(f"l:{key}") == token:
                        self._drop(f"l:{key}")
                    return None
                case Write():
                    return self._write(command)
                case Put():
                    return self._put(command)
                case Delete(keys):
                    return self._delete(keys)
                case Invalidate(tags):
                    return self._invalidate(tags, serve_old=command.serve_old)
                case Announce() | Unheard() | Dismiss():
                    return self.of_copies(command)

    def of_copies(self, command: Announce | Unheard | Dismiss) -> Announced | tuple[tuple[str, str], ...] | None:
        """There are none: no other process keeps copies of what this store holds."""
        match command:
            case Announce():
                return Announced(())
            case Unheard():
                return ()
            case Dismiss():
                return None

    def _take_lease(self, command: TakeLease) -> Grant | None:
        lease = f"l:{command.key}"
        if self._get(lease) not in (None, command.token, TOMBSTONE):
            return None
        self._set(lease, command.token, LEASE_MS)
        as_of = self._clock()
        entry = self._entry(command.key)
        if entry is None or (command.seen is not None and stamp_of(entry) == command.seen):
            return Grant(as_of, None, {})
        return Grant(as_of, entry, {tag: self._stamp(tag) for tag in command.tags})

    def _extend_lease(self, key: str, token: str) -> bool:
        if self._get(f"l:{key}") != token:
            return False
        self._set(f"l:{key}", token, LEASE_MS)
        return True

    def _write(self, command: Write) -> StoreOutcome:
        lease = f"l:{command.key}"
        if self._get(lease) != command.token:
            return StoreOutcome.LEASE_LOST
        clock = self._clock()
        stamps = {tag: self._stamp(tag) for tag in command.tags}
        absent = [tag for tag, stamp in stamps.items() if stamp is None]
        superseded = any(stamp is not None and stamp > command.as_of for stamp in stamps.values())
        superseded = superseded or not self._has_slices_right(command)
        for tag in absent:
            self._set(f"t:{tag}", clock, None)
        self._drop(lease)
        if superseded or (absent and clock != command.as_of):
            return StoreOutcome.SUPERSEDED
        self._set(f"e:{command.key}", command.entry, command.ttl_ms)
        return StoreOutcome.STORED

    def _put(self, command: Put) -> None:
        clock = self._clock()
        for key, (entry, tags) in command.entries.items():
            for tag in tags:
                if self._stamp(tag) is None:
                    self._set(f"t:{tag}", clock, None)
            self._set(f"e:{key}", stamped(entry, clock), command.ttl_ms)
            self._set(f"l:{key}", TOMBSTONE, TOMBSTONE_MS)

    def _delete(self, keys: Sequence[str]) -> int:
        there = sum(self._entry(key) is not None for key in keys)
        for key in keys:
            self._drop(f"e:{key}")
            self._set(f"l:{key}", TOMBSTONE, TOMBSTONE_MS)
        return there

    def _invalidate(self, tags: Sequence[str], *, serve_old: bool = False) -> int:
        last, now = self._get("clock"), self._micros()
        stamp = max(last, now) + 1 if isinstance(last, int) else now + 1
        self._set("clock", stamp, None)
        for tag in tags:
            for name in self._blind_tags(tag, stamp) if BUT in tag else (tag,):
                self._raise(name, stamp, serve_old=serve_old)
        return stamp

    def _raise(self, tag: str, stamp: int, *, serve_old: bool = False) -> None:
        if (last := self._stamp(tag)) is not None:
            raised = SoftStamp(stamp, getattr(last, "floor", last)) if serve_old else stamp
            self._set(f"t:{tag}", raised, None)

    def _known_slices(self, stamp: int) -> dict[str, dict[str, int]]:
        if self._slices is None:
            # Entries may depend on columns that were registered before: invalidate them.
            self._slices = {}
            self._raise(declared_tag(SLICED), stamp)
        return self._slices

    def _blind_tags(self, tag: str, stamp: int) -> list[str]:
        return blind_tags_of(tag, self._known_slices(stamp).get(tag.partition(BUT)[0], ()))

    def _has_slices_right(self, command: Write) -> bool:
        slices = [tag for tag in command.tags if SLICES in tag and not tag.endswith(SLICES)]
        if not slices:
            return True
        return declared_tag(SLICED) in command.tags and all(self._is_registered(tag, command.as_of) for tag in slices)

    def _is_registered(self, tag: str, as_of: int) -> bool:
        table, _, column = tag.partition(SLICES)
        since = (self._slices or {}).get(table, {}).get(f"{table}{SLICES}{column.partition('=')[0]}")
        return since is not None and since <= as_of

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        with self._lock:
            if self._slices is None:
                self._known_slices(self._invalidate(()))
            assert self._slices is not None
            clock = self._clock()
            for table, some in columns.items():
                known = self._slices.setdefault(table, {})
                for column in some:
                    known.setdefault(f"{table}{SLICES}{column}", clock)
        return True

    def set_watermark(self, database: str, at: int) -> bool:  # noqa: ARG002  # what it holds ends with the process
        return False

    def is_unrecorded(self, database: str) -> bool:  # noqa: ARG002  # as for the watermark
        return False

    def told(self, database: str) -> None:
        """Does nothing: this store keeps no watermarks."""

    def replay_by(self, database: str, replayer: Replayer, *, ended: bool = False) -> None:
        """Does nothing: this store is never out of reach and loses nothing."""

    def count(self, deltas: Mapping[str, int]) -> None:
        with self._lock:
            for name, delta in deltas.items():
                self._counters[name] = self._counters.get(name, 0) + delta

    def counters(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counters)

    def list_keys(self, pattern: str, limit: int) -> Iterator[KeyInfo]:
        with self._lock:
            found: list[KeyInfo] = []
            for name in list(self._items):
                if len(found) >= limit:
                    break
                key = name.removeprefix("e:")
                if key != name and self._entry(key) is not None and fnmatch.fnmatchcase(key, pattern):
                    item = self._items[name]
                    left = None if item.ends is None else max(0, round((item.ends - self._now()) * 1000))
                    found.append(KeyInfo(key, left, item.size))
        return iter(found)

    def info(self) -> ServerInfo:
        return ServerInfo("memory", "in process", self._used, self._max_bytes, 0)

    def close(self) -> None:
        with self._lock:
            self._items.clear()
            self._used = 0

    def evict(self, name: str) -> None:
        """Drop one item, as a full server would: `e:` an entry, `t:` a tag, `l:` a lease, `clock`, or `slices` (the
        registered columns). For tests."""
        with self._lock:
            if name == "slices":
                self._slices = None
            self._drop(name)

    def _micros(self) -> int:
        return int(self._now() * 1_000_000)

    def _clock(self) -> int:
        clock = self._get("clock")
        if not isinstance(clock, int):
            clock = self._micros()
            self._set("clock", clock, None)
        return clock

    def _stamp(self, tag: str) -> int | None:
        stamp = self._get(f"t:{tag}")
        return stamp if isinstance(stamp, int) else None

    def _entry(self, key: str) -> bytes | None:
        entry = self._get(f"e:{key}")
        return entry if isinstance(entry, bytes) else None

    def _get(self, name: str) -> bytes | int | str | None:
        item = self._items.get(name)
        if item is None:
            return None
        if item.ends is not None and item.ends <= self._now():
            self._drop(name)
            return None
        self._items.move_to_end(name)
        return item.value

    def _set(self, name: str, value: bytes | int | str, ttl_ms: int | None) -> None:
        self._drop(name)
        size = len(name) + (len(value) if isinstance(value, bytes) else 16) + 64
        self._items[name] = _Item(value, None if ttl_ms is None else self._now() + ttl_ms / 1000, size)
        self._used += size
        while self._used > self._max_bytes and len(self._items) > 1:
            self._drop(next(iter(self._items)))

    def _drop(self, name: str) -> None:
        item = self._items.pop(name, None)
        if item is not None:
            self._used -= item.size
