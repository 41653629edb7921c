"""L1: copies of entries in this process, and the stamps of tags that say whether they hold.

A copy is used only while every tag that it depends on has a known stamp, none is newer than the copy, and the server's
pushes are known to arrive (`listen` keeps `alive_until` ahead of the clock). A push drops the tag's stamp; the next
read that has to ask the server learns it anew.

A reply and a push race on two connections. Whoever asks the server takes a `mark` first; what it learns is installed
only if no push for it came since. So a stamp that was read before a write is never installed after its push.
"""

import dataclasses
import datetime as dt
import enum
import math
import random
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from frescor._copies.admission import TinyLfu
from frescor._values.codec import ValueCodec
from frescor._values.entry import Entry
from frescor._values.shapes import NO_SHAPE, Shape
from frescor._values.tags import BUT, SLICES, blind_tags_of

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
# A copy's own weight beside its bytes; an object weighs about so many times its encoding.
_OVERHEAD, _OBJECT_FACTOR = 400, 4
# How many stamps and pushes are remembered before all of them are forgotten, which costs reads and nothing else.
_MOST_STAMPS = 200_000

_IMMUTABLE = frozenset(
    {type(None), bool, int, float, complex, str, bytes, Decimal, uuid.UUID, dt.date, dt.datetime, dt.time, dt.timedelta}
)


class Copy:
    """A local copy: the value itself if no reader can change it, else its bytes, decoded for each reader."""

    __slots__ = ("_codec", "as_of", "checked", "ends", "payload", "shape", "shared", "size", "stale_until", "tags")

    def __init__(self, entry: Entry, value: Any, codec: ValueCodec, ends: float, size: int, shape: Shape) -> None:
        self.as_of = entry.as_of
        self.tags = entry.tags
        self.shape = shape
        self.stale_until = entry.stale_until
        self.ends = ends
        self.checked = -1
        frozen = is_immutable(value)
        # One of them is None: the value itself, shared by all readers, or the bytes that each reader decodes.
        self.shared: Any = value if frozen else None
        self.payload = None if frozen else entry.payload
        self._codec = codec
        self.size = size + _OVERHEAD + len(entry.payload) * (_OBJECT_FACTOR if frozen else 1)

    def value(self) -> Any:
        """The value, for one reader."""
        return self.shared if self.payload is None else self._codec.decode(self.payload)


class Local:
    """The copies and stamps of one process. Every thread may call every method."""

    def __init__(
        self,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._dice = dice
        # Until when, by the monotonic clock, pushes are known to have arrived. 0: nobody listens.
        self.alive_until = 0.0
        # Under which it is registered with the server, from the next heartbeat on; another one after each gap.
        self.line = secrets.token_hex(8)
        self._copies: dict[str, Copy] = {}
        self._stamps: dict[str, int] = {}
        # Those of columns of which a slice was ever asked for; as many as there are such columns.
        self._blind_tags: set[str] = set()
        # Raised at every change of stamps: a copy that was checked at this version needs no look at its tags.
        self._version = 0
        # Numbers what arrives; when each tag or key was last pushed; marks below `_floor` came before a gap.
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
        """Whether there is room for any copy."""
        return self._admission.max_bytes > 0

    def get(self, key: str) -> Copy | None:
        """The copy under a key, if it holds."""
        copy = self._copies.get(key)
        if copy is None or not self.alive_until > self._monotonic() < copy.ends:
            return None
        if copy.checked != self._version and not self._recheck(copy):
            return None
        self._note_read(key)
        return copy

    def _recheck(self, copy: Copy) -> bool:
        """Whether every tag of the copy is known and not newer, as of a version taken first."""
        version, stamps, as_of = self._version, self._stamps, copy.as_of
        for tag in copy.tags:
            stamp = stamps.get(tag)
            if stamp is None or stamp > as_of:
                return False
        copy.checked = version
        return True

    def peek(self, key: str) -> Copy | None:
        """The copy under a key, whether it holds or not."""
        return self._copies.get(key)

    def mark(self) -> int:
        """The present place in the order of pushes: take it before asking the server."""
        return self._sequence

    def stamps(self, tags: Iterable[str]) -> dict[str, int | None]:
        """The stamps that are known of these tags."""
        if self._monotonic() >= self.alive_until:
            return {}
        known = self._stamps
        return {tag: stamp for tag in tags if (stamp := known.get(tag)) is not None}

    def learn(self, mark: int, stamps: Mapping[str, int | None]) -> None:
        """Take in what the server said of tags, asked after `mark`."""
        if not self.enabled or self._monotonic() >= self.alive_until:
            return
        with self._lock:
            if mark < self._floor:
                return
            for tag, stamp in stamps.items():
                if stamp is not None and self._pushed.get(tag, 0) <= mark and self._stamps.get(tag) != stamp:
                    self._stamps[tag] = stamp
                    self._version += 1
                    if SLICES in tag and "=" not in tag.rpartition(SLICES)[2]:
                        self._blind_tags.add(tag)
            if len(self._stamps) > _MOST_STAMPS:
                self._forget_stamps()

    def keep(self, mark: int, key: str, entry: Entry, value: Any, codec: ValueCodec, shape: Shape = NO_SHAPE) -> None:
        """Take a copy of an entry that was read after `mark`."""
        if not self.enabled or self._monotonic() >= self.alive_until:
            return
        # Each copy ends a little early, by lot (XFetch): the read that then asks the server may load anew.
        left = entry.fresh_until / 1e6 - self._now() + entry.cost / 1e6 * math.log(1.0 - self._dice())
        if left <= 0:
            return
        copy = Copy(entry, value, codec, self._monotonic() + left, len(key), shape)
        with self._lock:
            if mark < self._floor or self._pushed.get(_lease(key), 0) > mark:
                return
            self._admission.touch(self._drain())
            self._copies[key] = copy
            for gone in self._admission.add(key, copy.size):
                self._copies.pop(gone, None)

    def drop(self, *, tags: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
        """What this process invalidated itself, or a push says was changed."""
        woken: list[Callable[[], None]] = []
        with self._lock:
            self._sequence += 1
            for tag in tags:
                if tag.endswith(BUT):
                    # No column's name: all that it has, and those that were asked for and are on their way.
                    self._floor = self._sequence
                for name in blind_tags_of(tag, self._blind_tags) if tag.endswith(BUT) else (tag,):
                    self._pushed[name] = self._sequence
                    self._stamps.pop(name, None)
            # After the stamps went: a reader that saw the new version with an old stamp would believe in it for good.
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
        """Trust nothing that was learned so far: the connection that pushes was lost, or everything was flushed."""
        with self._lock:
            self._forget_stamps()
            woken = self._all_waiters()
        for wake in woken:
            wake()

    def alive(self, line: str, until: float) -> None:
        """Pushes are known to arrive until then, by a heartbeat that was sent under this name."""
        if line == self.line:
            self.alive_until = until

    def lose(self) -> None:
        """Nobody listens any more."""
        self.line = secrets.token_hex(8)
        self.alive_until = 0.0
        self.forget()

    def watch(self, key: str, mark: int, wake: Callable[[], None]) -> bool:
        """Call `wake` at the next push for this key's lease; False, and no call, if one came since `mark`."""
        with self._lock:
            if mark < self._floor or self._pushed.get(_lease(key), 0) > mark:
                return False
            self._waiters.setdefault(key, set()).add(wake)
            return True

    def unwatch(self, key: str, wake: Callable[[], None]) -> None:
        """Do not call it any more."""
        with self._lock:
            waiters = self._waiters.get(key)
            if waiters is not None:
                waiters.discard(wake)
                if not waiters:
                    del self._waiters[key]

    def clear(self) -> None:
        """Drop every copy and stamp: the server has been emptied, leases too."""
        with self._lock:
            self._copies.clear()
            self._admission.clear()
            self._forget_stamps()
            woken = self._all_waiters()
        for wake in woken:
            wake()

    @property
    def used_bytes(self) -> int:
        """What the copies take, about."""
        return self._admission.used

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
    # Tags begin with '=', '/', '+' or '*' (see `_values.tags`): a key's own entry in `_pushed` cannot be one.
    return f"l{key}"


def is_immutable(value: Any) -> bool:
    """Whether no reader can change the value, all the way down."""
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
