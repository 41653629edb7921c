"""A backend of dogpile.cache that keeps its values in Frescor."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from dogpile.cache.api import NO_VALUE, BackendFormatted, BackendSetType, CacheBackend, CachedValue, CacheMutex

from frescor._doors.fleet_lock import FleetLock
from frescor._doors.key_values import KeyValues
from frescor._surface.cache import Cache
from frescor.errors import PolicyError

_ARGUMENTS = ("cache", "url", "namespace", "prefix", "expire", "grace", "lock")


class FrescorBackend(CacheBackend):
    """A backend for `region.configure("frescor", arguments={…})`.

    The arguments are: cache, a `frescor.Cache`; or url, with an optional namespace ("dogpile"), for a new one. prefix:
    the beginning of its keys ("dogpile"). expire: how many seconds the store keeps a value, whatever the region's
    `expiration_time`; by default as long as possible, ten years. grace: for how many seconds past a region's
    `expiration_time` `FrescorRegion` returns the old value while a new one is created in the background (0).
    lock=False: use locks of this process only, instead of locks among all processes.

    Values are kept exactly and without pickle; PolicyError for values that cannot be. A region's own serializer works,
    too. With the store down reads return NO_VALUE, and writes are kept for later or lost; nothing raises.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        cache = arguments.get("cache")
        if cache is None:
            url = arguments.get("url")
            if not isinstance(url, str):
                raise PolicyError(
                    "the backend 'frescor' needs arguments={'cache': …}, a frescor.Cache, or {'url': "
                    "'redis://localhost:6379/0'}; 'memory://' for tests and a single process. The others are "
                    f"{', '.join(_ARGUMENTS[2:])}."
                )
            cache = Cache.from_url(url, arguments.get("namespace", "dogpile"))
        self.frescor: Cache = cache
        self.key_values = KeyValues(cache, arguments.get("prefix", "dogpile"))
        self._expire: float | None = arguments.get("expire")
        self.grace: float = arguments.get("grace", 0)
        self._locks = bool(arguments.get("lock", True))

    def get_mutex(self, key: str) -> CacheMutex | None:
        """A lock that one caller among all processes holds; after its process is killed it is held for at most 2.5 s
        more."""
        return cast(CacheMutex, FleetLock(self.frescor, self.key_values.key(key))) if self._locks else None

    def has_lock_timeout(self) -> bool:
        """False: a lock is held for as long as its holder runs."""
        return False

    def get(self, key: str) -> BackendFormatted:
        """The value; NO_VALUE if there is none."""
        return from_stored(self.key_values.drive(self.key_values.get(key)))

    def get_multi(self, keys: Iterable[str]) -> Sequence[BackendFormatted]:
        """The values in the order of the keys, in one round trip."""
        wanted = list(keys)
        found = self.key_values.drive(self.key_values.get_many(wanted))
        return [from_stored(found.get(key, NO_VALUE)) for key in wanted]

    def set(self, key: str, value: BackendSetType) -> None:
        """Store a value."""
        self.set_multi({key: value})

    def set_multi(self, mapping: Mapping[str, BackendSetType]) -> None:
        """Store several values in one round trip."""
        values = {key: to_stored(value) for key, value in mapping.items()}
        self.key_values.drive(self.key_values.set_many(values, self._expire))

    def delete(self, key: str) -> None:
        """Remove a value; no process reads it from then on."""
        self.delete_multi([key])

    def delete_multi(self, keys: Iterable[str]) -> None:
        """Remove several values in one round trip."""
        self.key_values.drive(self.key_values.delete(keys))

    def clear(self) -> None:
        """Remove all values below the prefix, in one write for any number of values."""
        self.key_values.drive(self.key_values.clear())


def to_stored(value: object) -> object:
    """A region's value as Frescor keeps it: bytes unchanged, and a value with its metadata as a plain pair."""
    return (value.payload, dict(value.metadata)) if isinstance(value, CachedValue) else value


def from_stored(value: Any) -> BackendFormatted:
    """What `to_stored` was given; NO_VALUE for anything else."""
    if isinstance(value, bytes):
        return value
    if type(value) is tuple and len(value) == 2 and isinstance(value[1], dict) and "ct" in value[1]:
        return CachedValue(*value)
    return NO_VALUE
