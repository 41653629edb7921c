"""Entries: what is stored under a key, a header and the encoded value.

Layout, big-endian: format version (1 byte), as_of (8), as_of again (8), checksum (4) of all that follows, fresh until
(8), stale until (8), what the load cost (4), shape (8), number of tags (2), each tag's length (2) and UTF-8 bytes, then
the payload. `as_of` stands at a fixed place because an explicit `set` has it filled in on the server, by the script
that also creates the tags; and twice, because that script cannot compute a checksum. So bytes that were changed or cut
off are noticed; against those who change them on purpose there are sealed policies.
"""

import struct
import zlib
from collections.abc import Mapping

import msgspec

from frescor.errors import EntryUnreadable

FORMAT_VERSION = 3
_START = struct.Struct(">BQQI")
_HEAD = struct.Struct(">QQIQH")
_LENGTH = struct.Struct(">H")
AS_OF, AS_OF_AGAIN = slice(1, 9), slice(9, 17)
LARGEST_COST = 2**32 - 1


class Entry(msgspec.Struct, frozen=True):
    """A stored value.

    as_of: the namespace's clock, read before the loader ran (µs, see the protocol in `frescor.store.base`).
    fresh_until: wall-clock µs since 1970 after which it is to be loaded anew.
    stale_until: likewise, after which it is not served at all.
    cost: what the load took, µs.
    tags: what it depends on; valid while each is present with a stamp ≤ as_of.
    shape: a digest of what made the value (see `frescor.shapes`), so that no other version of the function reads it; 0
    where the caller chose the key.
    """

    as_of: int
    fresh_until: int
    stale_until: int
    cost: int
    tags: tuple[str, ...]
    payload: bytes
    shape: int = 0


def pack(entry: Entry) -> bytes:
    """The bytes of an entry."""
    cost = min(entry.cost, LARGEST_COST)
    parts = [_HEAD.pack(entry.fresh_until, entry.stale_until, cost, entry.shape, len(entry.tags))]
    for tag in entry.tags:
        encoded = tag.encode()
        parts += (_LENGTH.pack(len(encoded)), encoded)
    parts.append(entry.payload)
    rest = b"".join(parts)
    return _START.pack(FORMAT_VERSION, entry.as_of, entry.as_of, zlib.crc32(rest)) + rest


def unpack(data: bytes) -> Entry:
    """The entry in these bytes. Raises EntryUnreadable for anything that `pack` did not make."""
    try:
        version, as_of, again, checksum = _START.unpack_from(data)
        if version != FORMAT_VERSION:
            raise EntryUnreadable(f"entry of format {version}, this is format {FORMAT_VERSION}: it is loaded again")
        place = _START.size
        if as_of != again or zlib.crc32(memoryview(data)[place:]) != checksum:
            raise EntryUnreadable("entry that was changed or cut off: it is loaded again")
        fresh_until, stale_until, cost, shape, count = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        tags = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(data, place)
            place += _LENGTH.size
            raw = data[place : place + length]
            if len(raw) != length:
                raise EntryUnreadable("entry cut off inside its tags: it is loaded again")
            tags.append(raw.decode())
            place += length
    except (struct.error, UnicodeDecodeError) as error:
        raise EntryUnreadable("bytes that are no entry: something else wrote this key; it is loaded again") from error
    return Entry(
        as_of=as_of,
        fresh_until=fresh_until,
        stale_until=stale_until,
        cost=cost,
        tags=tuple(tags),
        payload=data[place:],
        shape=shape,
    )


def stamped(data: bytes, as_of: int) -> bytes:
    """The same entry with another `as_of`."""
    return data[: AS_OF.start] + as_of.to_bytes(8, "big") * 2 + data[AS_OF_AGAIN.stop :]


def stamp_of(data: bytes) -> int | None:
    """What stands where an entry has its `as_of`, readable or not: enough to tell it from another; None if cut off."""
    return int.from_bytes(data[AS_OF], "big") if len(data) >= AS_OF.stop else None


def is_valid(entry: Entry, stamps: Mapping[str, int | None]) -> bool:
    """Whether every tag of the entry is present in `stamps` and was not invalidated after `as_of`."""
    as_of = entry.as_of
    for tag in entry.tags:
        stamp = stamps.get(tag)
        if stamp is None or stamp > as_of:
            return False
    return True
