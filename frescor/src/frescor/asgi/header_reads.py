"""Request headers in a scope that record which of them are read.

Frameworks find a header by comparing its name with those in the scope's list. So each name in the list records what it
is compared with; a search for a missing header is recorded in the same way.
"""

from collections.abc import Iterable
from typing import Any, SupportsIndex

from frescor._http.storing import ANY_HEADER


class _Name(bytes):
    """The name of a header, which records what it is compared with; any other use counts as reading all headers."""

    _noted: set[str]

    def __eq__(self, other: object) -> bool:
        self._noted.add(bytes.decode(other, "latin-1").lower() if isinstance(other, bytes) else ANY_HEADER)
        return bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        self._noted.add(ANY_HEADER)
        return bytes.__hash__(self)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        self._noted.add(ANY_HEADER)
        return bytes.decode(self, encoding, errors)

    def lower(self) -> bytes:
        self._noted.add(ANY_HEADER)
        return bytes.lower(self)

    def title(self) -> bytes:
        self._noted.add(ANY_HEADER)
        return bytes.title(self)

    def startswith(self, *args: Any) -> bool:
        self._noted.add(ANY_HEADER)
        return bytes.startswith(self, *args)

    def replace(self, old: Any, new: Any, count: SupportsIndex = -1, /) -> bytes:
        self._noted.add(ANY_HEADER)
        return bytes.replace(self, old, new, count)

    def __lt__(self, other: bytes) -> bool:
        self._noted.add(ANY_HEADER)
        return bytes.__lt__(self, other)

    def __str__(self) -> str:
        self._noted.add(ANY_HEADER)
        return bytes.__str__(self)

    def __bytes__(self) -> bytes:
        self._noted.add(ANY_HEADER)
        return bytes.__getitem__(self, slice(None))


def watched_headers(headers: Iterable[Iterable[bytes]], noted: set[str]) -> list[tuple[bytes, bytes]]:
    """The same headers; the names of those that are searched for are added to `noted`."""
    found: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        watched = _Name(bytes(name))
        watched._noted = noted
        found.append((watched, value))
    return found
