"""Large payloads are compressed (Zstandard, RFC 8878) before they are sealed, because sealed bytes do not compress.

A compressed payload begins with a byte of its own, followed by one frame. The frame's content is never compressed
twice, and its length is limited, whatever the frame says. Without secrets, a few stored bytes must not become a huge
value: so a payload that would shrink to less than a `RATIO`th is not compressed then, and one that did is not expanded.
"""

import sys

from frescor.errors import EntryUnreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSED = b"z"
# Below this size, compressing takes the caller more time than the saved bytes are worth.
THRESHOLD = 4096
# More than any value has: a server accepts no string above 512 MB.
LARGEST = 512 * 1024 * 1024
# Up to ROOM bytes any ratio is accepted, since whatever decodes from them is small.
RATIO, ROOM = 32, 256 * 1024
_LEVEL = 3
# 8 MiB, more than this level uses. Without a limit a frame could demand two gigabytes from its reader.
_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


def compressed(payload: bytes, *, ratio: int | None = None) -> bytes:
    """The payload, compressed if that is worth it: if it is large, and shrinks by at least an eighth.

    ratio: do not compress to less than this fraction, above `ROOM`.
    """
    size = len(payload)
    if size < THRESHOLD:
        return payload
    squeezed = zstd.compress(payload, _LEVEL)
    if len(squeezed) >= size - size // 8 or (ratio is not None and size > ROOM + ratio * len(squeezed)):
        return payload
    return COMPRESSED + squeezed


def expanded(payload: bytes, largest: int = LARGEST) -> bytes:
    """The payload as it was before `compressed`. Raises EntryUnreadable for bytes that `compressed` did not make, and
    for more than `largest` bytes."""
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
