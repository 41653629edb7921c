"""dogpile.cache regions whose values are loaded by Frescor: one computation among all processes, and nothing stale."""

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dogpile.cache import CacheRegion
from dogpile.cache.exception import DogpileCacheException
from dogpile.cache.region import DefaultInvalidationStrategy

from frescor._calls.loading import current_load
from frescor._calls.policy import Policy
from frescor._doors.key_values import FOREVER, KeyValues
from frescor.dogpile.backend import FrescorBackend

Stored = tuple[Any, dict[str, Any]]
# The version that dogpile stores with each value, and checks when it reads it.
_VERSION = 2


class FrescorRegion(CacheRegion):
    """A dogpile region. With the backend `frescor` and without proxies, serializers or an asynchronous runner,
    `get_or_create`, `get_or_create_multi` and the decorators are Frescor loads. Otherwise it works as dogpile's own
    region.

    A Frescor load means: one caller among all processes runs a creator while the others wait; a change to what the
    creator read from a tracked database invalidates the value; and `invalidate()` invalidates all values in all
    processes, in one write. `invalidate(hard=False)` works within this process, as in dogpile: each value is created
    anew when it is next requested here.
    """

    def configure(self, backend: str, *args: Any, **options: Any) -> "FrescorRegion":
        """See dogpile's `CacheRegion.configure`."""
        super().configure(backend, *args, **options)
        own = self._own_backend()
        if own is not None and type(self.region_invalidator) is DefaultInvalidationStrategy:
            self.region_invalidator = _FleetInvalidation(own)
        return self

    def invalidate(self, hard: bool = True) -> None:
        """Invalidate all values in all processes; with `hard=False`, in this process only, each when it is next
        requested."""
        super().invalidate(hard)  # type: ignore[no-untyped-call]  # dogpile's

    def _own_backend(self) -> FrescorBackend | None:
        backend: object = self.backend
        plain = not (self.serializer or self.deserializer or self.async_creation_runner)
        return backend if plain and isinstance(backend, FrescorBackend) else None

    def get_or_create(
        self,
        key: str,
        creator: Callable[..., Any],
        expiration_time: float | None = None,
        should_cache_fn: Callable[[Any], bool] | None = None,
        creator_args: tuple[Any, Mapping[str, Any]] | None = None,
    ) -> Any:
        """See dogpile's `CacheRegion.get_or_create`; one caller among all processes creates a missing value."""
        backend = self._own_backend()
        if backend is None:
            return super().get_or_create(key, creator, expiration_time, should_cache_fn, creator_args)
        run = functools.partial(creator, *creator_args[0], **creator_args[1]) if creator_args else creator
        values, limit = backend.key_values, self._limit(expiration_time)
        mangled = self.key_mangler(key) if self.key_mangler else key
        name = values.key(mangled)

        def load() -> Stored:
            made = run()
            self._check_soft(limit)
            if should_cache_fn is not None and not should_cache_fn(made):
                current_load().do_not_store()
            return made, {"ct": time.time(), "v": _VERSION}

        policy = _policy(values.prefix, limit, backend.grace)
        stored = values.cache.get_or_load(name, load, policy)
        if self._is_over(stored, limit, backend.grace):
            self._remove(values, mangled, stored)
            stored = values.cache.get_or_load(name, load, policy)
        return stored[0]

    def get_or_create_multi(
        self,
        keys: Iterable[str],
        creator: Callable[..., Any],
        expiration_time: float | None = None,
        should_cache_fn: Callable[[Any], bool] | None = None,
    ) -> Any:
        """See dogpile's `CacheRegion.get_or_create_multi`; one call of the creator for all missing keys."""
        backend = self._own_backend()
        if backend is None:
            return super().get_or_create_multi(keys, creator, expiration_time, should_cache_fn)
        asked = list(keys)
        values, limit = backend.key_values, self._limit(expiration_time)
        names = {values.key(self.key_mangler(key) if self.key_mangler else key): key for key in sorted(set(asked))}
        kept_back: dict[str, Stored] = {}

        def load(missing: tuple[str, ...]) -> dict[str, Stored]:
            made = creator(*(names[name] for name in missing))
            self._check_soft(limit)
            stored: dict[str, Stored] = {}
            for name, value in zip(missing, made, strict=False):
                cacheable = should_cache_fn is None or should_cache_fn(value)
                (stored if cacheable else kept_back)[name] = (value, {"ct": time.time(), "v": _VERSION})
            return stored

        policy = _policy(values.prefix, limit, backend.grace)
        found = values.cache.get_or_load_many(names, load, policy)
        over = [name for name, stored in found.items() if self._is_over(stored, limit, backend.grace)]
        if over:
            for name in over:
                self._remove(values, self.key_mangler(names[name]) if self.key_mangler else names[name], found[name])
            found |= values.cache.get_or_load_many(over, load, policy)
        by_key = {names[name]: stored[0] for name, stored in (found | kept_back).items()}
        return [by_key[key] for key in asked]

    def _limit(self, expiration_time: float | None) -> float | None:
        limit = self.expiration_time if expiration_time is None else expiration_time
        return None if limit is None or limit == -1 else float(limit)

    def _check_soft(self, limit: float | None) -> None:
        if limit is None and self.region_invalidator.was_soft_invalidated():
            raise DogpileCacheException("Non-None expiration time required for soft invalidation")

    @staticmethod
    def _remove(values: KeyValues, key: str, seen: Stored) -> None:
        values.drive(values.remove_if(key, lambda stored: bool(stored == seen)))

    def _is_over(self, stored: Stored, limit: float | None, grace: float) -> bool:
        """Whether a stored value must not be used, because of this call's limit or an invalidation that dogpile knows
        of."""
        made_at: float = stored[1]["ct"]
        if self.region_invalidator.is_soft_invalidated(made_at):
            self._check_soft(limit)
            return True
        is_old = limit is not None and time.time() - made_at > limit + grace
        return is_old or self.region_invalidator.is_hard_invalidated(made_at)


class _FleetInvalidation(DefaultInvalidationStrategy):
    """A region's invalidation: hard ones are final and apply to all processes, soft ones to this process."""

    def __init__(self, backend: FrescorBackend) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # dogpile's
        self._backend = backend

    def invalidate(self, hard: bool = True) -> None:
        if hard:
            # In the store, so that it does not depend on this machine's clock.
            self._backend.clear()
            super().__init__()  # type: ignore[no-untyped-call]  # dogpile's
        else:
            super().invalidate(hard=False)


@functools.lru_cache(maxsize=256)
def _policy(prefix: str, limit: float | None, grace: float) -> Policy:
    if limit is None:
        return Policy(name=prefix, expire=FOREVER, jitter=0)
    return Policy(name=prefix, expire=min(max(limit, 0.001), FOREVER), grace=grace, jitter=0)


def make_region(*args: Any, **options: Any) -> FrescorRegion:
    """A region that is not configured yet, like dogpile's `make_region`."""
    return FrescorRegion(*args, **options)
