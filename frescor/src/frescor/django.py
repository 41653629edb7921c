"""A backend for Django's `CACHES` over Frescor: `"BACKEND": "frescor.django.FrescorCache"`."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import Morsel
from typing import Any

from frescor._calls.miss import MISS
from frescor._doors.key_values import KeyValues
from frescor._extras import extra
from frescor._surface.cache import Cache
from frescor.errors import PolicyError

with extra("django", "frescor.django"):
    from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
    from django.db.models import Model, QuerySet
    from django.http import HttpResponse
    from django.utils.safestring import SafeString, mark_safe

_OPTIONS = frozenset({"namespace", "local", "timeout", "key_secret", "seal_secrets", "largest_value", "confirm"})
_CACHES: dict[str, Cache] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class KeptSafe:
    """Text that a template has escaped, such as a cached part of one."""

    text: str


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """A whole response, as `cache_page` and the cache middleware store it; cookies by name, value, text and options."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    cookies: list[tuple[str, str, str, dict[str, Any]]]
    content: bytes


KEPT = KeptSafe | KeptResponse | Any


class FrescorCache(BaseCache):  # type: ignore[misc]  # Django has no types
    """Django's cache methods, sync and async. `LOCATION` is an address, as for `Cache.from_url`; `OPTIONS` can contain
    `namespace` ("django") and the other options of `Cache.from_url`.

    A `TIMEOUT` of None means as long as possible, ten years. `add`, `incr` and `touch` are atomic among all processes;
    `clear` is one write. With the store down reads return the default, `add` and `touch` return False, `set_many`
    returns all its keys, and `incr` raises ValueError, as for a missing key.

    Values are kept exactly and without pickle; PolicyError for values that cannot be, such as an instance of a model or
    a QuerySet. A response comes back as an `HttpResponse` of the same status, headers, cookies and content, whatever
    its class was; one that is streamed is refused.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = dict(params.get("OPTIONS") or {})
        unknown = sorted(set(options) - _OPTIONS - {"MAX_ENTRIES", "CULL_FREQUENCY"})
        if unknown:
            raise PolicyError(f"OPTIONS has no {', '.join(unknown)}: there are {', '.join(sorted(_OPTIONS))}.")
        if not location:
            raise PolicyError("LOCATION is not set: give the server's address, such as 'redis://localhost:6379/0'.")
        given = {name: value for name, value in options.items() if name in _OPTIONS}
        self.frescor = _cache_at(location, given)
        self._values = KeyValues(self.frescor, "django", as_type=KEPT)

    def _key(self, key: Any, version: int | None) -> str:
        return str(self.make_and_validate_key(key, version=version))

    def _expire(self, timeout: Any) -> float | None:
        chosen = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if chosen is None else max(float(chosen), 0)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Store a value if there is none; True for only one caller among all processes."""
        expire = self._expire(timeout)
        if expire == 0:
            # As Django's own: it would have been stored, and is over at once.
            return not self.has_key(key, version)
        with _advice(value):
            steps = self._values.add(self._key(key, version), _to_kept(value), expire)
            return bool(self._values.drive(steps))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or the default."""
        value = self._values.drive(self._values.get(self._key(key, version)))
        return default if value is MISS else _from_kept(value)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Store a value."""
        self.set_many({key: value}, timeout, version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Set a new time to live. False if there is no value."""
        return bool(self._values.drive(self._values.touch(self._key(key, version), self._expire(timeout))))

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Remove a value; returns whether it existed."""
        removed = False

        def seen(_: object) -> bool:
            nonlocal removed
            removed = True
            return True

        done = self._values.drive(self._values.remove_if(self._key(key, version), seen))
        return bool(done) and removed

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """The values that were found, in one round trip."""
        wanted = {self._key(key, version): key for key in keys}
        found: Mapping[str, Any] = self._values.drive(self._values.get_many(wanted))
        return {wanted[name]: _from_kept(value) for name, value in found.items()}

    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        """Store several values in one round trip; returns the keys that were not stored."""
        values = {self._key(key, version): _to_kept(value) for key, value in data.items()}
        with _advice(*data.values()):
            done = self._values.drive(self._values.set_many(values, self._expire(timeout)))
        return [] if done else list(data)

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        """Remove several values in one round trip."""
        self._values.drive(self._values.delete([self._key(key, version) for key in keys]))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Whether there is a value, even if it is None."""
        return self.get(key, MISS, version) is not MISS

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to a number and return it; its time to live does not change. Raises ValueError if there is none."""
        steps = self._values.increment(self._key(key, version), delta, initial=None, expire=None)
        number = self._values.drive(steps)
        if number is MISS or number is None:
            raise ValueError(f"Key '{key}' not found")
        return int(number)

    def clear(self) -> None:
        """Remove all of Django's values in this namespace, in one write for any number of values."""
        self._values.drive(self._values.clear())


def _cache_at(location: str, options: dict[str, Any]) -> Cache:
    # Django makes a backend for each thread; copies and connections are shared by the whole process.
    name = repr((location, sorted(options.items())))
    with _LOCK:
        if name not in _CACHES:
            _CACHES[name] = Cache.from_url(location, options.pop("namespace", "django"), **options)
        return _CACHES[name]


def _to_kept(value: Any) -> Any:
    if type(value) is SafeString:
        return KeptSafe(str.__str__(value))
    if isinstance(value, HttpResponse):
        cookies = [(name, one.value, one.coded_value, dict(one)) for name, one in value.cookies.items()]
        return KeptResponse(
            value.status_code, value.reason_phrase, list(value.headers.items()), cookies, bytes(value.content)
        )
    return value


def _from_kept(value: Any) -> Any:
    if isinstance(value, KeptSafe):
        safe: Callable[[str], Any] = mark_safe
        return safe(value.text)
    if isinstance(value, KeptResponse):
        response = HttpResponse(value.content, status=value.status, reason=value.reason, headers=dict(value.headers))
        for name, content, coded, options in value.cookies:
            morsel: Morsel[str] = Morsel()
            morsel.set(name, content, coded)
            morsel.update(options)
            response.cookies[name] = morsel
        return response
    return value


@contextmanager
def _advice(*values: Any) -> Iterator[None]:
    """Adds to a refusal what to store instead of models."""
    try:
        yield
    except PolicyError as error:
        if any(_of_models(value) for value in values):
            raise PolicyError(
                f"{error} Store values instead of models: list(queryset.values('id', 'name')), "
                "or model_to_dict(instance)."
            ) from error
        raise


def _of_models(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return isinstance(value, Model | QuerySet) or (
        isinstance(value, list | tuple | set | frozenset) and any(isinstance(one, Model) for one in value)
    )
