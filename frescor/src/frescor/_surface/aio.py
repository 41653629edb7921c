"""The cache for event loops. The async driver carries out each call."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from frescor._calls.policy import Policy, Seconds
from frescor._runtime.driver_aio import AsyncDriver, AsyncProcess, awaited_loader
from frescor._runtime.engine import Engine
from frescor._store.opening_aio import awaited
from frescor._surface import calls

if TYPE_CHECKING:
    from frescor._surface.callsite import CallSite

R = TypeVar("R")
T = TypeVar("T")


class AsyncCache:
    """`Cache` for coroutines: the same entries, copies and promises. `cache.aio` is the async side of a `Cache`.

    Its calls may be awaited in any event loop. A task that is cancelled while it waits or loads leaves no lease and no
    waiter behind. What each call does and returns is documented at the method of the same name of `Cache`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._process = AsyncProcess(engine, awaited(engine.store))

    @overload
    async def get(self, key: str) -> object: ...
    @overload
    async def get(self, key: str, default: T) -> object | T: ...
    @overload
    async def get(self, key: str, default: None = None, *, as_type: type[T]) -> T | None: ...
    async def get(self, key: str, default: object = None, *, as_type: object = None) -> object:
        """The value under a key; `default` on a miss and with the store down."""
        return await AsyncDriver(self._process, calls.get(self._engine, key, default, as_type)).run()

    async def get_many(self, *keys: str) -> dict[str, object]:
        """The values that were found, by key, in one round trip. Missing keys are left out."""
        return await AsyncDriver(self._process, calls.get_many(self._engine, keys)).run()

    async def set(
        self, key: str, value: object, expire: Seconds = 300, tags: tuple[str, ...] = (), *, as_type: object = None
    ) -> bool:
        """Store a value for `expire` seconds. False with the store down: the key is then deleted once the store is
        back."""
        return await self.set_many({key: value}, expire, tags, as_type=as_type)

    async def set_many(
        self,
        mapping: Mapping[str, object],
        expire: Seconds = 300,
        tags: tuple[str, ...] = (),
        *,
        as_type: object = None,
    ) -> bool:
        """Store several values at once; atomic on one server, key by key on a cluster. False: as for `set`."""
        return await AsyncDriver(self._process, calls.set_many(self._engine, mapping, expire, tags, as_type)).run()

    async def delete(self, *keys: str, confirm: bool | None = None) -> bool:
        """Remove the values under these keys; running loads of them do not store. False: the removal is pending."""
        return await AsyncDriver(self._process, calls.delete(self._engine, keys, confirm)).run()

    async def invalidate(self, *tags: str, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """Make every entry that depends on one of these tags a miss, in one round trip."""
        return await AsyncDriver(
            self._process, calls.invalidate(self._engine, tags, confirm, serve_old=serve_old)
        ).run()

    async def invalidate_pattern(self, pattern: str, *, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """Invalidate all keys with a prefix (`dashboard:*`), all keys (`*`), or one key."""
        return await AsyncDriver(
            self._process, calls.invalidate_pattern(self._engine, pattern, confirm, serve_old=serve_old)
        ).run()

    async def touch(self, key: str | Callable[..., object], expire: Seconds = 300) -> bool:
        """Give the value under a key another time to live from now. False: there is none, or the store is down."""
        return await AsyncDriver(self._process, calls.touch(self._engine, key, expire)).run()

    async def expire(self, key: str | Callable[..., object], *, confirm: bool | None = None) -> bool:
        """Let the time of the value under a key be over: within its grace it is served while one caller loads it anew.
        False with the store down: the key is then deleted once it is back."""
        return await AsyncDriver(self._process, calls.expire(self._engine, key, confirm)).run()

    async def clear_all(self, *, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """Invalidate every entry of the namespace."""
        return await AsyncDriver(self._process, calls.clear_all(self._engine, confirm, serve_old=serve_old)).run()

    @overload
    async def get_or_load(
        self, key: str, loader: Callable[[], Coroutine[Any, Any, R]], policy: Policy, *, as_type: object = None
    ) -> R: ...
    @overload
    async def get_or_load(self, key: str, loader: Callable[[], R], policy: Policy, *, as_type: object = None) -> R: ...
    async def get_or_load(self, key: str, loader: Callable[[], Any], policy: Policy, *, as_type: object = None) -> Any:
        """The value under a key, or else what the loader returns, which is stored. A plain loader runs in a thread."""
        steps = calls.get_or_load(self._engine, key, loader, policy, as_type)
        return await AsyncDriver(self._process, steps, awaited_loader(loader)).run()

    async def get_or_load_many(
        self,
        keys: Iterable[str],
        loader: Callable[[tuple[str, ...]], Any],
        policy: Policy,
        *,
        as_type: object = None,
    ) -> dict[str, Any]:
        """The values under several keys. The loader is called once, with all the keys that are missing."""
        steps = calls.get_or_load_many(self._engine, keys, loader, policy, as_type)
        return await AsyncDriver(self._process, steps, awaited_loader(loader)).run()

    async def close(self) -> None:
        """Close this loop's connections. `Cache.close` closes everything else."""
        for task in tuple(self._process.behind):
            task.cancel()
        await asyncio.gather(*self._process.behind, return_exceptions=True)
        await self._process.store.close()

    async def _invalidate(
        self,
        *,
        tags: tuple[str, ...] = (),
        keys: tuple[str, ...] = (),
        durable: bool = False,
        confirm: bool | None = None,
    ) -> bool:
        steps = calls.raise_tags(self._engine, tags=tags, keys=keys, durable=durable, confirm=confirm)
        return await AsyncDriver(self._process, steps).run()

    def _begin_call(
        self, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool = False
    ) -> AsyncDriver[Any]:
        """See `Cache._begin_call`."""
        steps = calls.cached_call(self._engine, site, args, kwargs, refresh=refresh)
        return AsyncDriver(self._process, steps, functools.partial(site.loader, *args, **kwargs))

    async def _look_up_calls(
        self, site: "CallSite", wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
    ) -> list[object]:
        """Look up several calls of a cached function without loading."""
        return await AsyncDriver(self._process, calls.look_up_calls(self._engine, site, wanted)).run()
