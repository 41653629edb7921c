"""A cachelib cache over Frescor: `FrescorCache` has the methods of `cachelib.BaseCache`."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from frescor._calls.miss import MISS
from frescor._doors.key_values import KeyValues
from frescor._extras import extra
from frescor._surface.cache import Cache
from frescor.errors import PolicyError

with extra("cachelib", "frescor.cachelib"):
    import cachelib

Key = str | Callable[[], str]
Timeout = int | dt.timedelta | None


class FrescorCache(cachelib.BaseCache):
    """A cachelib cache that keeps its values in a Frescor cache, below a prefix of its keys.

    `cache`: a `frescor.Cache`, or an address and a namespace for a new one. A timeout is in seconds; None means the
    default, 0 means as long as possible, ten years. `add`, `inc`, `dec` and `has` are correct among all processes. With
    the store down reads return None, writes and `add` return False, `inc` returns None.

    Values are kept exactly and without pickle; PolicyError for values that cannot be, such as an instance of a class.
    """

    def __init__(
        self,
        cache: Cache | str = "memory://",
        namespace: str = "cachelib",
        *,
        key_prefix: str | None = None,
        default_timeout: int | dt.timedelta = 300,
        ignore_delete_many_errors: bool = True,
    ) -> None:
        super().__init__(default_timeout, ignore_delete_many_errors)
        if callable(key_prefix):
            raise PolicyError(
                "key_prefix (CACHE_KEY_PREFIX) is a function here: it would be called once, and all tenants would "
                "share what one of them stored. Give text, and let the keys name the tenant."
            )
        self.key_prefix = key_prefix or ""
        self.frescor = Cache.from_url(cache, namespace) if isinstance(cache, str) else cache
        self._key_values = self._make_values(self.key_prefix.strip(":").replace("*", ".") or "cachelib")

    def _make_values(self, prefix: str) -> KeyValues:
        return KeyValues(self.frescor, prefix)

    def _to_stored(self, value: Any) -> Any:
        return value

    def _from_stored(self, value: Any) -> Any:
        return value

    def get(self, key: Key) -> Any:
        """The value; None if there is none."""
        return self._from_stored(self._drive(self._key_values.get(_text(key), None)))

    def has(self, key: Key) -> bool:
        """Whether there is a value, even if it is None."""
        return self._drive(self._key_values.get(_text(key))) is not MISS

    def get_many(self, *keys: Key) -> list[Any]:
        """The values in the order of the keys, None for missing ones; one round trip."""
        found = self._drive(self._key_values.get_many(map(_text, keys)))
        return [self._from_stored(found.get(_text(key))) for key in keys]

    def set(self, key: Key, value: Any, timeout: Timeout = None) -> bool:
        """Store a value. False with the store down."""
        return bool(
            self._drive(self._key_values.set_many({_text(key): self._to_stored(value)}, self._seconds(timeout)))
        )

    def set_many(self, mapping: dict[str, Any], timeout: Timeout = None) -> list[Any]:
        """Store several values in one round trip; returns the keys that were stored."""
        values = {_text(key): self._to_stored(value) for key, value in mapping.items()}
        return list(mapping) if self._drive(self._key_values.set_many(values, self._seconds(timeout))) else []

    def add(self, key: Key, value: Any, timeout: Timeout = None) -> bool:
        """Store a value if there is none; True for only one caller among all processes."""
        return bool(self._drive(self._key_values.add(_text(key), self._to_stored(value), self._seconds(timeout))))

    def delete(self, key: Key) -> bool:
        """Remove a value. True once it is removed, whether or not it existed."""
        return bool(self._drive(self._key_values.delete((_text(key),))))

    def delete_many(self, *keys: Key) -> list[Any]:
        """Remove several values in one round trip; returns their keys. With the store down it returns none, or raises
        RuntimeError if `ignore_delete_many_errors` is off."""
        if not keys or self._drive(self._key_values.delete(map(_text, keys))):
            return list(keys)
        if not self.ignore_delete_many_errors:
            raise RuntimeError(
                "the values could not be deleted, since the store does not answer: they will be deleted once it is "
                "back, and nobody reads them before that."
            )
        return []

    def clear(self) -> bool:
        """Remove all values below the prefix, in one write for any number of values."""
        return bool(self._drive(self._key_values.clear()))

    def inc(self, key: Key, delta: int = 1) -> int | None:
        """Add to a number and return it; `delta` if there is none. Its time to live does not change."""
        number: int | None = self._drive(
            self._key_values.increment(_text(key), delta, initial=0, expire=self._seconds(None))
        )
        return number

    def dec(self, key: Key, delta: int = 1) -> int | None:
        """Subtract from a number; see `inc`."""
        return self.inc(key, -delta)

    def _drive(self, steps: Any) -> Any:
        return self._key_values.drive(steps)

    def _seconds(self, timeout: Timeout) -> float | None:
        # 0 means forever, as everywhere in cachelib.
        chosen: float = self.default_timeout if timeout is None else _number(timeout)
        return chosen if chosen > 0 else None if chosen == 0 else 0


def _text(key: Key) -> str:
    return key() if callable(key) else key


def _number(timeout: int | dt.timedelta) -> float:
    return timeout.total_seconds() if isinstance(timeout, dt.timedelta) else timeout
