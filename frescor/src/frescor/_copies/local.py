"""Copies of entries in this process, and the stamps of tags by which they are checked.

A copy is used only if each of its tags has a known stamp, no stamp is newer than the copy, and the server's pushes are
known to arrive (the listener keeps `alive_until` ahead of the clock). A push drops the tag's stamp; the next read that
has to ask the server learns the new one.

Replies and pushes arrive on different connections, so they race. Whoever asks the server takes a `mark` first, and what
it learns is kept only if no push for it has come since. So a stamp read before a write is never kept after the write's
push.
"""

import dataclasses
import datetime as dt
import enum
import math
import random
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from frescor._clocks import Steady, wall_clock
from frescor._copies.admission import TinyLfu
from frescor._copies.watching import Watched, report_if_changed
from frescor._values.codec import ValueCodec
from frescor._values.entry import Entry
from frescor._values.named import NAMED
from frescor._values.shapes import NO_SHAPE, Shape
from frescor._values.tags import BUT, SLICES, blind_tags_of

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
# What a copy takes beside its bytes; and how much larger an object is than its encoding, roughly.
_OVERHEAD, _OBJECT_FACTOR = 400, 4
# This many stamps and pushes are remembered; beyond that all are forgotten, which costs reads and nothing else.
_MOST_STAMPS = 200_000

_IMMUTABLE = frozenset(
    {type(None), bool, int, float, complex, str, bytes, Decimal, uuid.UUID, dt.date, dt.datetime, dt.time, dt.timedelta}
    | NAMED
)


class Copy:
    """A copy: the value itself if no reader can change it, else its bytes, which are decoded for each reader. If its
    policy says that readers share the value, both."""

    __slots__ = (
        "_codec",
        "_is_promised",
        "as_of",
        "checked",
        "ends",
        "payload",
        "shape",
        "shared",
        "size",
        "stale_until",
        "tags",
        "watched",
    )

    def __init__(
        self,
        entry: Entry,
        value: Any,
        codec: ValueCodec,
        ends: float,
        size: int,
        shape: Shape,
        *,
        promised: bool = False,
        watched: Watched | None = None,
    ) -> None:
        self.as_of = entry.as_of
        self.tags = entry.tags
        self.shape = shape
        self.stale_until = entry.stale_until
        self.ends = ends
        self.checked = -1
        frozen = is_immutable(value)
        self._is_promised = promised and not frozen
        # The value that readers share; and the bytes that each reader decodes, None if no reader can change the value.
        self.shared: Any = value if frozen or promised else None
        self.payload = None if frozen else entry.payload
        self.watched = watched if self._is_promised else None
        self._codec = codec
        factor = _OBJECT_FACTOR if frozen else 1 + _OBJECT_FACTOR * promised
        self.size = size + _OVERHEAD + len(entry.payload) * factor

    def value(self, *, shared: bool = False) -> Any:
        """The value, for one reader. shared: this reader has promised not to change it. Raises PolicyError if one that
        is watched was changed."""
        if self.payload is None:
            return self.shared
        if not shared or not self._is_promised:
            return self._codec.decode(self.payload)
        if self.watched is not None:
            self.watched.check(self.shared)
        return self.shared


class Local:
    """The copies and stamps of one process. All methods are thread-safe."""

    def __init__(
        self,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        monotonic: Callable[[], float] = Steady.monotonic,
        now: Callable[[], float] = wall_clock,
        dice: Callable[[], float] = random.random,
        watches_shared: bool = False,
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._dice = dice
        # Whether values that readers share are checked for changes.
        self._watches_shared = watches_shared
        # Until when pushes are known to arrive, by the monotonic clock. 0: nobody listens.
        self.alive_until = 0.0
        # The name for the registration with the server, from the next heartbeat on; a new one after each gap.
        self.line = secrets.token_hex(8)
        self._copies: dict[str, Copy] = {}
        self._stamps: dict[str, int] = {}
        # Those of all columns of which a slice was ever asked for.
        self._blind_tags: set[str] = set()
        # Incremented with every change of stamps: a copy checked at this version need not be checked again.
        self._version = 0
        # _sequence numbers events; _pushed: when each tag or key was last pushed; marks below _floor precede a gap.
        self._sequence = 0
        self._pushed: dict[str, int] = {}
        self._floor = 0
        self._admission = TinyLfu(max_bytes)
        self._reads: deque[str] = deque(maxlen=1024)
        self._note_read = self._reads.append
        self._waiters: dict[str, set[Callable[[], None]]] = {}
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether there is room for copies at all."""
        return self._admission.max_bytes > 0

    def get(self, key: str) -> Copy | None:
        """The copy under a key, if it is valid."""
        copy = self._copies.get(key)
        if copy is None or not self.alive_until > self._monotonic() < copy.ends:
            return None
        if copy.checked != self._version and not self._recheck(copy):
            return None
        self._note_read(key)
        return copy

    def _recheck(self, copy: Copy) -> bool:
        """Whether each of the copy's tags has a known stamp that is not newer, as of a version that is taken first."""
        version, stamps, as_of = self._version, self._stamps, copy.as_of
        for tag in copy.tags:
            stamp = stamps.get(tag)
            if stamp is None or stamp > as_of:
                return False
        copy.checked = version
        return True

    def peek(self, key: str) -> Copy | None:
        """The copy under a key, valid or not."""
        return self._copies.get(key)

    def count(self, prefix: str) -> int:
        """How many copies there are under keys that begin so."""
        return sum(key.startswith(prefix) for key in tuple(self._copies))

    def mark(self) -> int:
        """The present position in the order of pushes: take it before asking the server."""
        return self._sequence

    def stamps(self, tags: Iterable[str]) -> dict[str, int | None]:
        """The known stamps of these tags."""
        if self._monotonic() >= self.alive_until:
            return {}
        known = self._stamps
        return {tag: stamp for tag in tags if (stamp := known.get(tag)) is not None}

    def learn(self, mark: int, stamps: Mapping[str, int | None]) -> None:
        """Take in the server's stamps of tags, asked for after `mark`."""
        if not self.enabled or self._monotonic() >= self.alive_until:
            return
        with self._lock:
            if mark < self._floor:
                return
            for tag, stamp in stamps.items():
                if stamp is not None and self._pushed.get(tag, 0) <= mark and self._stamps.get(tag) != stamp:
                    if SLICES in tag and not self._take_slice(tag, mark):
                        continue
                    self._stamps[tag] = stamp
                    self._version += 1
            if len(self._stamps) > _MOST_STAMPS:
                self._forget_stamps()

    def _take_slice(self, tag: str, mark: int) -> bool:
        """Whether the tag holds: no write that stands for columns which it does not name was pushed since `mark`."""
        table, _, column = tag.rpartition(SLICES)
        if self._pushed.get(table + BUT, 0) > mark:
            return False
        if "=" not in column:
            self._blind_tags.add(tag)
        return True

    def keep(
        self,
        mark: int,
        key: str,
        entry: Entry,
        value: Any,
        codec: ValueCodec,
        shape: Shape = NO_SHAPE,
        *,
        shared: bool = False,
    ) -> None:
        """Take a copy of an entry that was read after `mark`. shared: its readers share this value."""
        if not self.enabled or self._monotonic() >= self.alive_until:
            return
        # Each copy ends a little early, at random (XFetch): the read that then asks the server may load a new value.
        left = entry.fresh_until / 1e6 - self._now() + entry.cost / 1e6 * math.log(1.0 - self._dice())
        if left <= 0:
            return
        watched = Watched(key, value, codec) if shared and self._watches_shared else None
        ends = self._monotonic() + left
        copy = Copy(entry, value, codec, ends, len(key), shape, promised=shared, watched=watched)
        if self._watches_shared and (before := self._copies.get(key)) is not None:
            report_if_changed(before.shared, before.watched)
        with self._lock:
            if mark < self._floor or self._pushed.get(_lease(key), 0) > mark:
                return
            self._admission.touch(self._drain())
            self._copies[key] = copy
            left_out = [self._copies.pop(gone, None) for gone in self._admission.add(key, copy.size)]
        for one in left_out if self._watches_shared else ():
            if one is not None:
                report_if_changed(one.shared, one.watched)

    def drop(self, *, tags: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
        """Drop what this process has invalidated itself, or what a push reports as changed."""
        woken: list[Callable[[], None]] = []
        with self._lock:
            self._sequence += 1
            for tag in tags:
                self._pushed[tag] = self._sequence
                self._stamps.pop(tag, None)
                if BUT in tag:
                    # Drop all that are known and that it does not name. Those that are being asked for: `_take_slice`.
                    self._pushed[tag.partition(BUT)[0] + BUT] = self._sequence
                    for name in blind_tags_of(tag, self._blind_tags):
                        self._pushed[name] = self._sequence
                        self._stamps.pop(name, None)
            # After the stamps are gone: a reader that saw the new version with an old stamp would trust it for good.
            self._version += 1
            for key in keys:
                self._pushed[_lease(key)] = self._sequence
                if self._copies.pop(key, None) is not None:
                    self._admission.remove(key)
                woken += self._waiters.pop(key, ())
            if len(self._pushed) > _MOST_STAMPS:
                self._pushed.clear()
                self._floor = self._sequence
        for wake in woken:
            wake()

    def forget(self) -> None:
        """Trust nothing learned so far: the connection for pushes was lost, or everything was flushed."""
        with self._lock:
            self._forget_stamps()
            woken = self._all_waiters()
        for wake in woken:
            wake()

    def alive(self, line: str, until: float) -> None:
        """Pushes are known to arrive until then, by a heartbeat sent under this name."""
        if line == self.line:
            self.alive_until = until

    def lose(self) -> None:
        """Nobody listens any more."""
        self.line = secrets.token_hex(8)
        self.alive_until = 0.0
        self.forget()

    def watch(self, key: str, mark: int, wake: Callable[[], None]) -> bool:
        """Call `wake` at the next push for this key's lease; returns False, without a call, if one came since
        `mark`."""
        with self._lock:
            if mark < self._floor or self._pushed.get(_lease(key), 0) > mark:
                return False
            self._waiters.setdefault(key, set()).add(wake)
            return True

    def unwatch(self, key: str, wake: Callable[[], None]) -> None:
        """Do not call `wake` any more."""
        with self._lock:
            waiters = self._waiters.get(key)
            if waiters is not None:
                waiters.discard(wake)
                if not waiters:
                    del self._waiters[key]

    def clear(self) -> None:
        """Drop every copy and stamp: the server was emptied, including leases."""
        with self._lock:
            self._copies.clear()
            self._admission.clear()
            self._forget_stamps()
            woken = self._all_waiters()
        for wake in woken:
            wake()

    def _forget_stamps(self) -> None:
        self._sequence += 1
        self._floor = self._sequence
        self._stamps.clear()
        self._pushed.clear()
        self._version += 1

    def _all_waiters(self) -> list[Callable[[], None]]:
        woken = [wake for waiters in self._waiters.values() for wake in waiters]
        self._waiters.clear()
        return woken

    def _drain(self) -> list[str]:
        reads = []
        while self._reads:
            try:
                reads.append(self._reads.popleft())
            except IndexError:
                break
        return reads


def _lease(key: str) -> str:
    # Tags begin with '=', '/', '+' or '*' (see `_values/tags.py`), so a key's own name in `_pushed` is never a tag.
    return f"l{key}"


def is_immutable(value: Any) -> bool:
    """Whether no reader can change the value or anything in it."""
    kind = type(value)
    if kind in _IMMUTABLE:
        return True
    if kind is tuple or kind is frozenset:
        return all(map(is_immutable, value))
    if isinstance(value, enum.Enum):
        return True
    if isinstance(value, tuple):
        return all(map(is_immutable, value))
    if isinstance(value, msgspec.Struct):
        return kind.__struct_config__.frozen and all(
            is_immutable(getattr(value, name)) for name in kind.__struct_fields__
        )
    if dataclasses.is_dataclass(kind):
        return bool(vars(kind)["__dataclass_params__"].frozen) and all(
            is_immutable(getattr(value, part.name)) for part in dataclasses.fields(kind)
        )
    return False
