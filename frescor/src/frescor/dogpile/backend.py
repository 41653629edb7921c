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
    """`region.configure("frescor", arguments={…})`.

    cache: a `frescor.Cache`; or url, and namespace ("dogpile"), for a new one. prefix: what its keys begin with
    ("dogpile"). expire: seconds that the store keeps a value, whatever the region's `expiration_time` says of its use;
    without it as long as an entry can live, ten years. grace: seconds past a region's `expiration_time` in which
    `FrescorRegion` gives the old value while it is created anew behind the caller's back (0). lock=False: locks are the
    process's, not the fleet's.

    Values are kept exactly and without pickle: PolicyError for what cannot be; a region's own serializer works, too.
    With the store down reads are NO_VALUE and writes wait or are lost, which never raises.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        cache = arguments.get("cache")
        if cache is None:
            url = arguments.get("url")
            if not isinstance(url, str):
                raise PolicyError(
                    "the backend 'frescor' needs arguments={'cache': …}, a frescor.Cache, or {'url': "
                    "'redis://localhost:6379/0'}; 'memory://' for tests and a single process. Others are "
                    f"{', '.join(_ARGUMENTS[2:])}."
                )
            cache = Cache.from_url(url, arguments.get("namespace", "dogpile"))
        self.frescor: Cache = cache
        self.key_values = KeyValues(cache, arguments.get("prefix", "dogpile"))
        self._expire: float | None = arguments.get("expire")
        self.grace: float = arguments.get("grace", 0)
        self._locks = bool(arguments.get("lock", True))

    def get_mutex(self, key: str) -> CacheMutex | None:
        """A lock that one caller in the fleet holds; one that is killed holds it for 2.5 s more at the most."""
        return cast(CacheMutex, FleetLock(self.frescor, self.key_values.key(key))) if self._locks else None

    def has_lock_timeout(self) -> bool:
        """No: whoever holds a lock keeps it for as long as it runs."""
        return False

    def get(self, key: str) -> BackendFormatted:
        """The value; NO_VALUE where there is none."""
        return from_stored(self.key_values.drive(self.key_values.get(key)))

    def get_multi(self, keys: Iterable[str]) -> Sequence[BackendFormatted]:
        """The values in the keys' order, in one round trip."""
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
        """Remove a value; nobody in the fleet reads it from then on."""
        self.delete_multi([key])

    def delete_multi(self, keys: Iterable[str]) -> None:
        """Remove several values in one round trip."""
        self.key_values.drive(self.key_values.delete(keys))

    def clear(self) -> None:
        """Remove all values below the prefix, in one write however many there are."""
        self.key_values.drive(self.key_values.clear())


def to_stored(value: object) -> object:
    """A region's value as Frescor keeps it: bytes as they are, and a value with its metadata as a plain pair."""
    return (value.payload, dict(value.metadata)) if isinstance(value, CachedValue) else value


def from_stored(value: Any) -> BackendFormatted:
    """What `to_stored` was given; NO_VALUE for anything else."""
    if isinstance(value, bytes):
        return value
    if type(value) is tuple and len(value) == 2 and isinstance(value[1], dict) and "ct" in value[1]:
        return CachedValue(*value)
    return NO_VALUE
