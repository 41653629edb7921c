"""Large payloads are compressed (Zstandard, RFC 8878), before they are sealed: sealed bytes do not compress.

A compressed payload begins with a byte of its own, then one frame. What stands in it is a payload that is not
compressed again, of a length that is bounded whatever the frame says. Where nobody vouches for stored bytes, a few of
them must not become many: what would shrink to less than a part in `RATIO` is then not compressed, and not expanded.
"""

import sys

from frescor.errors import EntryUnreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSED = b"z"
# Below this, a caller's time is worth more than the bytes.
THRESHOLD = 4096
# What no value comes near: a server takes no string above 512 MB.
LARGEST = 512 * 1024 * 1024
# Up to so many bytes any ratio will do: what decodes from them is bounded by them.
RATIO, ROOM = 32, 256 * 1024
_LEVEL = 3
# 8 MiB, more than this level uses: a frame may ask its reader for two gigabytes.
_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


def compressed(payload: bytes, *, ratio: int | None = None) -> bytes:
    """The payload, compressed where that is worth it: large, and at least an eighth smaller afterwards.

    ratio: not to less than this part of it, above `ROOM`.
    """
    size = len(payload)
    if size < THRESHOLD:
        return payload
    squeezed = zstd.compress(payload, _LEVEL)
    if len(squeezed) >= size - size // 8 or (ratio is not None and size > ROOM + ratio * len(squeezed)):
        return payload
    return COMPRESSED + squeezed


def expanded(payload: bytes, largest: int = LARGEST) -> bytes:
    """The payload as it was before `compressed`. Raises EntryUnreadable for bytes that it did not make, and for more
    than `largest`."""
    if payload[:1] != COMPRESSED:
        return payload
    decompressor = zstd.ZstdDecompressor(options=_OPTIONS)
    try:
        whole = decompressor.decompress(payload[1:], max_length=largest)
    except (zstd.ZstdError, MemoryError) as error:
        raise EntryUnreadable("the stored value does not decompress: it is loaded again") from error
    if not decompressor.eof or decompressor.unused_data or whole[:1] == COMPRESSED:
        raise EntryUnreadable("the stored value is cut off, too large or compressed twice: it is loaded again")
    return whole
