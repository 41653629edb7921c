"""Entries: what is stored under a key. A header, the encoded value, and a proof.

Layout, big-endian: format version (1 byte), as_of (8), flags (1), fresh until (7), shape (4), the load's cost (2, a
half-precision float of seconds), length of the tags (1; 255 means that it follows in 4 bytes); stale until (8), if it
differs from fresh until; the tags beyond those of the key, in UTF-8, separated by NUL; the payload, compressed where
that is worth it; the proof, over the key and everything before it.

If the cache has secrets, the proof is a keyed digest that covers the namespace, too (see `_values/seal.py`). In a
sealed entry everything after the first 24 bytes is encrypted, and these are authenticated along with it. Without
secrets the proof is a checksum, which detects accidents but not somebody who changes an entry on purpose.

The `as_of` of an explicit `set` is filled in by the store, by the script that also creates the tags: in its place, and
once more after the proof, which cannot cover it there. A flag marks such an entry.

A later release reads this format for as long as it writes it; an entry in any other format is a miss. `as_of` stays in
the same place in every format, because scripts and other releases compare it.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from frescor._values.compression import COMPRESSED, RATIO, ROOM, compressed, expanded
from frescor._values.tags import implied_tags
from frescor.errors import EntryUnreadable

if TYPE_CHECKING:
    from frescor._values.seal import KeyRing

FORMAT_VERSION = 5
# The flags and fresh until share eight bytes.
_HEAD = struct.Struct(">BQQIeB")
_FLAGS_SHIFT = 56
# In the year 4253. Times to live are limited to ten years.
LATEST = (1 << _FLAGS_SHIFT) - 1
_STALE = struct.Struct(">Q")
_LENGTH = struct.Struct(">I")
_CHECKSUM = struct.Struct(">I")
AS_OF = slice(1, 9)
_STAMP_BYTES = 8
_NO_STAMP = bytes(_STAMP_BYTES)
# Means that the length of the tags does not fit into one byte.
_LONG = 255
_SEALED, _BY_CALLER, _OWN_TIME, _GRACE, _KEY_TAGS = 1, 2, 4, 8, 16
_KNOWN_FLAGS = 31
LARGEST_COST = 65_000_000_000
_LARGEST_FLOAT = 65_504.0
# How far the end of an entry may lie beyond what this process's clock and the policy allow, µs.
SKEW = 300_000_000
# Bytes of an encoded value before compression. A larger one is returned to the caller and not kept.
LARGEST_VALUE = 64 * 1024 * 1024
# Room for what surrounds the value; no entry's tags take that much.
_AROUND = 4 * 1024 * 1024
# The most tags that an entry without a proof may have: the reader has to ask for each of them.
MOST_TAGS = 10_000
# Servers accept no string above 512 MB, and what surrounds the value needs room, too.
MOST_VALUE = 500_000_000


class Entry(msgspec.Struct, frozen=True):
    """A stored value.

    as_of: the namespace's clock, read before the loader ran (µs, see the protocol in `_store/base.py`).
    fresh_until: the wall clock, µs since 1970, after which the value is to be loaded again.
    stale_until: likewise, after which the value is not served at all.
    cost: how long the load took, µs, kept with a precision of a thousandth.
    tags: what it depends on; the entry is valid while each is present with a stamp ≤ as_of.
    payload: the encoded value.
    shape: a digest of what made the value (see `_values/shapes.py`), so that another version of the function or policy
    does not read it; 0 for a value from `set`.
    by_caller: stored by an explicit `set`, and stamped by the store.
    own_time: the loader set its time to live, so that of the policy does not limit it.
    proven: a key of this cache proves all of it.
    """

    as_of: int
    fresh_until: int
    stale_until: int
    cost: int
    tags: tuple[str, ...]
    payload: bytes
    shape: int = 0
    by_caller: bool = False
    own_time: bool = False
    proven: bool = False


class Packing:
    """How one cache's entries become bytes and come back: with its secrets, if it has any, and up to which size."""

    def __init__(self, ring: "KeyRing | None" = None, *, largest: int = LARGEST_VALUE) -> None:
        self.ring = ring
        self.largest = largest

    def pack(self, key: str, entry: Entry, *, sealed: bool = False) -> bytes:
        """The bytes of an entry. sealed: needs a key ring that can seal."""
        ring, tags = self.ring, entry.tags
        own = implied_tags(key)
        flags = (entry.by_caller and _BY_CALLER) | (entry.own_time and _OWN_TIME) | (sealed and _SEALED)
        if tags[: len(own)] == own:
            flags |= _KEY_TAGS
            tags = tags[len(own) :]
        named = "\0".join(tags).encode()
        rest = b"" if len(named) < _LONG else _LENGTH.pack(len(named))
        if entry.stale_until != entry.fresh_until:
            flags |= _GRACE
            rest += _STALE.pack(entry.stale_until)
        as_of, cost = 0 if entry.by_caller else entry.as_of, min(entry.cost, LARGEST_COST) / 1e6
        flags_and_end = flags << _FLAGS_SHIFT | entry.fresh_until
        head = _HEAD.pack(FORMAT_VERSION, as_of, flags_and_end, entry.shape, cost, min(len(named), _LONG))
        rest += named + compressed(entry.payload, ratio=None if ring is not None else RATIO)
        if ring is None:
            data = head + rest
            data += _CHECKSUM.pack(_checksum(key, data))
        elif sealed:
            data = head + ring.seal(rest, key, head)
        else:
            data = ring.prove(head + rest, key)
        return stamped(data + _NO_STAMP, entry.as_of) if entry.by_caller else data

    def unpack(self, key: str, data: bytes, own: tuple[str, ...] | None = None, *, sealed: bool = False) -> Entry:
        """The entry in these bytes. Raises EntryUnreadable for bytes that `pack` did not make for this key and
        `sealed`.

        own: the key's own tags, if the caller has them.
        """
        if len(data) > self.largest + _AROUND:
            raise EntryUnreadable("an entry larger than any that this cache stores: it is loaded again")
        try:
            version, as_of, flags_and_end, shape, cost, length = _HEAD.unpack_from(data)
            flags, fresh_until = flags_and_end >> _FLAGS_SHIFT, flags_and_end & LATEST
            if version != FORMAT_VERSION or flags > _KNOWN_FLAGS:
                raise EntryUnreadable(f"entry of format {version}, this is format {FORMAT_VERSION}: it is loaded again")
            if bool(flags & _SEALED) is not sealed:
                raise EntryUnreadable(
                    "a plain entry where a sealed one is expected, or the other way round: it is loaded again"
                )
            by_caller = bool(flags & _BY_CALLER)
            if by_caller:
                data = _unstamped(data)
            rest = self._rest(key, data, sealed=sealed)
            place = 0
            if length == _LONG:
                (length,) = _LENGTH.unpack_from(rest)
                place = _LENGTH.size
            stale_until = fresh_until
            if flags & _GRACE:
                (stale_until,) = _STALE.unpack_from(rest, place)
                place += _STALE.size
            payload = rest[place + length :]
            if length > len(rest) - place or not 0 <= cost <= _LARGEST_FLOAT:
                raise EntryUnreadable("entry with a header that makes no sense: it is loaded again")
            named = rest[place : place + length]
            if self.ring is None and named.count(0) >= MOST_TAGS:
                raise EntryUnreadable("an entry with more tags than can be asked for: it is loaded again")
            tags = tuple(named.decode().split("\0")) if named else ()
        except (struct.error, UnicodeDecodeError) as error:
            raise EntryUnreadable(
                "bytes that are no entry: something else wrote this key; it is loaded again"
            ) from error
        if flags & _KEY_TAGS:
            tags = (implied_tags(key) if own is None else own) + tags
        if payload[:1] == COMPRESSED:
            payload = expanded(payload, self._most(len(payload)))
        return Entry(
            as_of=as_of,
            fresh_until=fresh_until,
            stale_until=stale_until,
            cost=round(cost * 1e6),
            tags=tags,
            payload=payload,
            shape=shape,
            by_caller=by_caller,
            own_time=bool(flags & _OWN_TIME),
            proven=self.ring is not None,
        )

    def _rest(self, key: str, data: bytes, *, sealed: bool) -> bytes:
        """What stands between the header and the proof. Raises EntryUnreadable if the proof does not hold."""
        ring = self.ring
        if ring is not None:
            if sealed:
                return ring.open(data[_HEAD.size :], key, data[: _HEAD.size])
            return ring.proven(data, key)[_HEAD.size :]
        body = data[: -_CHECKSUM.size]
        if _CHECKSUM.pack(_checksum(key, body)) != data[-_CHECKSUM.size :]:
            raise EntryUnreadable("entry that was changed or cut off: it is loaded again")
        return body[_HEAD.size :]

    def _most(self, stored: int) -> int:
        """How large a compressed payload may become: in a cache without secrets anybody may have written it."""
        return self.largest if self.ring is not None else min(self.largest, ROOM + RATIO * stored)


def _checksum(key: str, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(key.encode()))


def _unstamped(data: bytes) -> bytes:
    """The entry of an explicit `set` as its proof covers it. Raises EntryUnreadable if its two stamps differ."""
    if data[AS_OF] != data[-_STAMP_BYTES:]:
        raise EntryUnreadable("entry that was changed or cut off: it is loaded again")
    return data[: AS_OF.start] + _NO_STAMP + data[AS_OF.stop : -_STAMP_BYTES]


def stamped(data: bytes, as_of: int) -> bytes:
    """The entry of an explicit `set` with this `as_of`."""
    stamp = as_of.to_bytes(_STAMP_BYTES, "big")
    return data[: AS_OF.start] + stamp + data[AS_OF.stop : -_STAMP_BYTES] + stamp


def stamp_of(data: bytes) -> int | None:
    """What stands in the place of `as_of`, in any format: enough to tell entries apart. None if the data is cut off."""
    return int.from_bytes(data[AS_OF], "big") if len(data) >= AS_OF.stop else None


def may_be_served_old(entry: Entry, stamps: Mapping[str, int | None]) -> bool:
    """Whether each tag that ends the entry was raised since by none but invalidations which allow serving it."""
    as_of = entry.as_of
    return all(stamp is not None and getattr(stamp, "floor", stamp) <= as_of for stamp in map(stamps.get, entry.tags))


def is_valid(entry: Entry, stamps: Mapping[str, int | None]) -> bool:
    """Whether each tag of the entry is present in `stamps` with a stamp that is not after `as_of`."""
    as_of = entry.as_of
    for tag in entry.tags:
        stamp = stamps.get(tag)
        if stamp is None or stamp > as_of:
            return False
    return True
