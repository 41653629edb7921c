"""What is different for the calls of one thread or task: no cache at all, or one value for repeated calls."""

import threading
from dataclasses import dataclass
from typing import Any

from frescor._copies.local import Copy, is_immutable
from frescor._values.codec import ValueCodec
from frescor._values.shapes import Shape


@dataclass(frozen=True, slots=True)
class Kept:
    """A value in a memo: itself if no reader can change it, else its bytes, which are decoded for each reader."""

    shape: Shape
    tags: tuple[str, ...]
    shared: Any
    payload: bytes | None
    codec: ValueCodec

    def value(self, *, shared: bool = False) -> Any:  # noqa: ARG002  # as a copy has it
        """The value, for one reader."""
        return self.shared if self.payload is None else self.codec.decode(self.payload)


def kept(value: Any, codec: ValueCodec, shape: Shape, tags: tuple[str, ...]) -> Kept:
    """A value as a memo stores it. Raises PolicyError for one that cannot be encoded."""
    is_shared = is_immutable(value)
    return Kept(shape, tags, value if is_shared else None, None if is_shared else codec.encode(value), codec)


class Memo:
    """The values of the calls that were answered within a context, until a write within it. Threads and tasks of that
    context may share it."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept | Copy] = {}
        self._writes = 0
        self._lock = threading.Lock()

    def mark(self) -> int:
        """The number of writes so far; taken before a value is looked up."""
        return self._writes

    def get(self, key: str, shape: Shape) -> Kept | Copy | None:
        """What is stored for a call."""
        found = self._kept.get(key)
        return found if found is not None and found.shape is shape else None

    def keep(self, mark: int, key: str, found: Kept | Copy) -> None:
        """Store what was looked up after `mark`; do nothing if there was a write since."""
        with self._lock:
            if mark == self._writes:
                self._kept[key] = found

    def clear(self) -> None:
        """Forget all values, since there was a write."""
        with self._lock:
            self._writes += 1
            self._kept.clear()


@dataclass(frozen=True, slots=True)
class Scope:
    """disabled: every call loads. memo: answers repeated calls."""

    disabled: bool = False
    memo: Memo | None = None
