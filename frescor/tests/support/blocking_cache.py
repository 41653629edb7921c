"""An async cache that sync tests can call, so that one test suite covers both drivers."""

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from frescor._calls.policy import Policy, Seconds
from frescor._runtime.events import PolicyStats
from frescor._store.base import KeyInfo, Store
from frescor._surface.cache import Cache

R = TypeVar("R")


class BlockingCache:
    """The methods of a `Cache`, carried out by its `aio` on an event loop in a separate thread."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-loop", daemon=True)
        self._thread.start()

    def get(self, key: str, default: object = None, *, as_type: Any = None) -> object:
        """As `Cache.get`."""
        return self._run(self._cache.aio.get(key, default, as_type=as_type))  # type: ignore[call-overload]

    def get_many(self, *keys: str) -> dict[str, object]:
        """As `Cache.get_many`."""
        return self._run(self._cache.aio.get_many(*keys))

    def set(
        self, key: str, value: object, expire: Seconds = 300, tags: tuple[str, ...] = (), *, as_type: object = None
    ) -> bool:
        """As `Cache.set`."""
        return self._run(self._cache.aio.set(key, value, expire, tags, as_type=as_type))

    def set_many(
        self,
        mapping: Mapping[str, object],
        expire: Seconds = 300,
        tags: tuple[str, ...] = (),
        *,
        as_type: object = None,
    ) -> bool:
        """As `Cache.set_many`."""
        return self._run(self._cache.aio.set_many(mapping, expire, tags, as_type=as_type))

    def delete(self, *keys: str, confirm: bool | None = None) -> bool:
        """As `Cache.delete`."""
        return self._run(self._cache.aio.delete(*keys, confirm=confirm))

    def invalidate(self, *tags: str, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """As `Cache.invalidate`."""
        return self._run(self._cache.aio.invalidate(*tags, serve_old=serve_old, confirm=confirm))

    def invalidate_pattern(self, pattern: str, *, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """As `Cache.invalidate_pattern`."""
        return self._run(self._cache.aio.invalidate_pattern(pattern, serve_old=serve_old, confirm=confirm))

    def touch(self, key: Any, expire: Seconds = 300) -> bool:
        """As `Cache.touch`."""
        return self._run(self._cache.aio.touch(key, expire))

    def expire(self, key: Any, *, confirm: bool | None = None) -> bool:
        """As `Cache.expire`."""
        return self._run(self._cache.aio.expire(key, confirm=confirm))

    def clear_all(self, *, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """As `Cache.clear_all`."""
        return self._run(self._cache.aio.clear_all(serve_old=serve_old, confirm=confirm))

    def get_or_load(self, key: str, loader: Callable[[], R], policy: Policy, *, as_type: object = None) -> R:
        """As `Cache.get_or_load`."""
        return self._run(self._cache.aio.get_or_load(key, loader, policy, as_type=as_type))

    def get_or_load_many(
        self,
        keys: Iterable[str],
        loader: Callable[[tuple[str, ...]], Mapping[str, R]],
        policy: Policy,
        *,
        as_type: object = None,
    ) -> dict[str, R]:
        """As `Cache.get_or_load_many`."""
        return self._run(self._cache.aio.get_or_load_many(keys, loader, policy, as_type=as_type))

    def cached(self, policy: Policy | None = None, /, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """See `Cache.cached`; the function becomes a coroutine function, and its calls wait for it."""
        decorator: Any = self._cache.cached(policy, **options)

        def decorate(function: Callable[..., Any]) -> Any:
            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                return await asyncio.to_thread(function, *args, **kwargs)

            return _BlockingCached(self, decorator(awaited))

        return decorate

    def invalidate_cache_pattern(self, *patterns: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """As `Cache.invalidate_cache_pattern`."""
        decorator = self._cache.invalidate_cache_pattern(*patterns)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                return await asyncio.to_thread(function, *args, **kwargs)

            decorated = decorator(awaited)
            return lambda *args, **kwargs: self._run(decorated(*args, **kwargs))

        return decorate

    @property
    def store(self) -> Store:
        """As `Cache.store`."""
        return self._cache.store

    def stats(self) -> dict[str, PolicyStats]:
        """As `Cache.stats`."""
        return self._cache.stats()

    def list_keys(self, pattern: str = "*", limit: int = 1000) -> Iterator[KeyInfo]:
        """As `Cache.list_keys`."""
        return self._cache.list_keys(pattern, limit)

    def close(self) -> None:
        """Close the async side and end its loop; the cache itself belongs to its owner."""
        self._run(self._cache.aio.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


class _BlockingCached:
    def __init__(self, cache: BlockingCache, function: Any) -> None:
        self._cache = cache
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._cache._run(self._function(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._function, name)
        if name == "key":
            return member
        return lambda *args, **kwargs: self._cache._run(member(*args, **kwargs))
