"""Large payloads are compressed (Zstandard, RFC 8878), before they are sealed: sealed bytes do not compress.

A compressed payload begins with a byte of its own, then one frame. What stands in it is a payload that is not
compressed again, of a length that is bounded whatever the frame says.
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
_LEVEL = 3


def compressed(payload: bytes) -> bytes:
    """The payload, compressed where that is worth it: large, and at least an eighth smaller afterwards."""
    if len(payload) < THRESHOLD:
        return payload
    squeezed = zstd.compress(payload, _LEVEL)
    return COMPRESSED + squeezed if len(squeezed) < len(payload) - len(payload) // 8 else payload


def expanded(payload: bytes) -> bytes:
    """The payload as it was before `compressed`. Raises EntryUnreadable for bytes that it did not make."""
    if payload[:1] != COMPRESSED:
        return payload
    decompressor = zstd.ZstdDecompressor()
    try:
        whole = decompressor.decompress(payload[1:], max_length=LARGEST)
    except (zstd.ZstdError, MemoryError) as error:
        raise EntryUnreadable("the stored value does not decompress: it is loaded again") from error
    if not decompressor.eof or decompressor.unused_data or whole[:1] == COMPRESSED:
        raise EntryUnreadable("the stored value is cut off, too large or compressed twice: it is loaded again")
    return whole
