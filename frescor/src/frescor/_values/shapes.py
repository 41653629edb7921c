"""Shapes: a number in each entry that tells what made the value, beside the call itself.

A call's key names the function and the arguments. It is the same for all versions of the function that run anywhere, so
that `invalidate` and `refresh` reach whatever any of them would return. But a version with another return type, another
`version` or another body must not read what the first one stored. So each entry contains its shape, and a reader of
another shape counts it as a miss.

Two versions need no agreement about which of them stores under the call's own key. If a version finds an entry of
another shape there that is younger than YOUNG_SECONDS, it stores its own beside it, under a key that ends in its shape,
and for no longer than that; an older entry is replaced. So during a rolling deployment both versions hit, one of them
at the price of a second read. A few minutes after its end each call has one entry and one read again. The entry beside
depends on an additional tag of its call, which `invalidate` and `refresh` raise; other entries do not have that tag,
and so pay nothing for it.
"""

import functools
import hashlib
import re
from dataclasses import dataclass

from frescor._values.codec import Codec

YOUNG_SECONDS = 300

_CALL_KEY = re.compile(r"(?:.+:)?[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What made a value: the codec, and the digest in the entry. Equal shapes are one object: compare by `is`."""

    codec: Codec | None
    digest: int


# For values from `set`, and for reads without a policy, which accept any shape.
NO_SHAPE = Shape(None, 0)


@functools.lru_cache(maxsize=4096)
def policy_shape(name: str, version: int) -> Shape:
    """The shape of values that a policy loads under keys chosen by the caller. It has no codec, because no entry stands
    beside another there: an entry of another policy or version is replaced."""
    digest = hashlib.blake2b(f"{version} {name}".encode(), digest_size=4, person=b"frescor-policy")
    return Shape(None, int.from_bytes(digest.digest(), "big") or 1)


@functools.lru_cache(maxsize=4096)
def shape_of(codec: Codec, what: bytes) -> Shape:
    """The shape of a codec's values that are made by `what`."""
    digest = hashlib.blake2b(codec.fingerprint.encode(), digest_size=4, person=b"frescor-shape")
    digest.update(what)
    # Never 0, which means "no shape".
    return Shape(codec, int.from_bytes(digest.digest(), "big") or 1)


def key_apart(key: str, shape: Shape) -> str:
    """The key for an entry of this shape, while one of another shape has the call's own key."""
    return f"{key}:{shape.digest:08x}"


def call_tag(key: str) -> str:
    """The store's tag for entries of a call that other versions stored beside its own key."""
    return f"+{key}"


def call_tags(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The tags, as by `call_tag`, of those keys that belong to calls of cached functions."""
    return tuple(call_tag(key) for key in keys if _CALL_KEY.fullmatch(key))
