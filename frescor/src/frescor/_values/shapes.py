"""Shapes: what made a value, beside the call itself, as a number that stands in its entry.

The key of a call names the function and the arguments, and is the same for every version of the function that runs
anywhere: so `invalidate` and `refresh` reach what any of them would answer from. A version with another return type,
another `version` or another body must not read what the first one has stored. So each entry holds its shape, and a
reader of another shape takes it for a miss.

Which of two versions has the entry under the call's own key is settled without taking turns: whoever finds one of
another shape there that is younger than YOUNG_SECONDS keeps its own beside it, under a key that ends in its shape, for
as long at the most; an older one is stored over. So in a rolling deployment both versions hit, at the price of a second
read for one of them, and minutes after its end each call has one entry and one read again. The entry beside depends on
a tag of its call, which `invalidate` and `refresh` raise; no other entry has that tag, so that none pays for it.
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
    """What made a value: the codec, and the digest that stands in the entry. There is one of each: compare by `is`."""

    codec: Codec | None
    digest: int


# Of values that a caller brought, or asks for without a policy: whatever stands there is taken.
NO_SHAPE = Shape(None, 0)


@functools.lru_cache(maxsize=4096)
def policy_shape(name: str, version: int) -> Shape:
    """The shape of values that are loaded by a policy under keys that the caller chose: without a codec, since nothing
    stands apart there. An entry of another policy or version is stored over."""
    digest = hashlib.blake2b(f"{version} {name}".encode(), digest_size=4, person=b"frescor-policy")
    return Shape(None, int.from_bytes(digest.digest(), "big") or 1)


@functools.lru_cache(maxsize=4096)
def shape_of(codec: Codec, what: bytes) -> Shape:
    """The shape of a codec's values that are made by `what`."""
    digest = hashlib.blake2b(codec.fingerprint.encode(), digest_size=4, person=b"frescor-shape")
    digest.update(what)
    # Never 0, which stands for none.
    return Shape(codec, int.from_bytes(digest.digest(), "big") or 1)


def key_apart(key: str, shape: Shape) -> str:
    """Where an entry of this shape stands while one of another shape has the call's own key."""
    return f"{key}:{shape.digest:08x}"


def call_tag(key: str) -> str:
    """The store's tag for what other versions keep of a call, beside the entry under its own key."""
    return f"+{key}"


def call_tags(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The tags of those keys that a cached function's calls have."""
    return tuple(call_tag(key) for key in keys if _CALL_KEY.fullmatch(key))
