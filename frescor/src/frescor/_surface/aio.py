"""The cache, for event loops: the async driver of `_plan`."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from frescor import _plan as plan
from frescor._calls.loading import CurrentLoad, begin_apart
from frescor._calls.policy import Policy, Seconds
from frescor._copies.local import Copy
from frescor._protocol.commands import (
    Command,
)
from frescor._protocol.outcome import Outcome, Result
from frescor._runtime.driver_aio import AsyncDriver, AsyncProcess, awaited_loader
from frescor._runtime.engine import Engine
from frescor._store.opening_aio import awaited
from frescor._surface import calls

logger = logging.getLogger("frescor")

if TYPE_CHECKING:
    from frescor._surface.callsite import CallSite

R = TypeVar("R")
T = TypeVar("T")


class AsyncCache:
    """`Cache`, awaited: the same entries, copies and promises. `cache.aio` is the one of a `Cache`.

    Its calls may be awaited in any event loop. A task that is cancelled while it waits or loads leaves no lease and no
    waiter behind. What each call does and returns stands at the call of the same name of `Cache`.
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
        return await self._drive(calls.get(self._engine, key, default, as_type))

    async def get_many(self, *keys: str) -> dict[str, object]:
        """The values that are there, by key, in one round trip; those missing are left out."""
        return await self._drive(calls.get_many(self._engine, keys))

    async def set(
        self, key: str, value: object, expire: Seconds = 300, tags: tuple[str, ...] = (), *, as_type: object = None
    ) -> bool:
        """Store a value for `expire` seconds. False with the store down: then the key is deleted once it is back."""
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
        return await self._drive(calls.set_many(self._engine, mapping, expire, tags, as_type))

    async def delete(self, *keys: str, confirm: bool | None = None) -> bool:
        """Remove the values under these keys; loaders of them that are under way do not store. False: it waits."""
        return await self._drive(calls.delete(self._engine, keys, confirm))

    async def invalidate(self, *tags: str, confirm: bool | None = None) -> bool:
        """Make every entry that depends on one of these tags a miss, in one round trip."""
        return await self._drive(calls.invalidate(self._engine, tags, confirm))

    async def invalidate_pattern(self, pattern: str, *, confirm: bool | None = None) -> bool:
        """Invalidate the keys below a prefix (`dashboard:*`), everything (`*`), or one key."""
        return await self._drive(calls.invalidate_pattern(self._engine, pattern, confirm))

    async def clear_all(self, *, confirm: bool | None = None) -> bool:
        """Invalidate every entry of the namespace."""
        return await self._drive(calls.clear_all(self._engine, confirm))

    @overload
    async def get_or_load(
        self, key: str, loader: Callable[[], Coroutine[Any, Any, R]], policy: Policy, *, as_type: object = None
    ) -> R: ...
    @overload
    async def get_or_load(self, key: str, loader: Callable[[], R], policy: Policy, *, as_type: object = None) -> R: ...
    async def get_or_load(self, key: str, loader: Callable[[], Any], policy: Policy, *, as_type: object = None) -> Any:
        """The value under a key, else what the loader returns, stored by the policy; a plain one runs in a thread."""
        found = calls.find_or_request(self._engine, key, loader, policy, as_type)
        if isinstance(found, Copy):
            return found.value()
        run = awaited_loader(loader)
        call = AsyncCall(self, found, run)
        try:
            while await call.wants_load():
                with call as load:
                    load.value = await run()
            return await call.value()
        finally:
            call.leave()

    async def get_or_load_many(
        self,
        keys: Iterable[str],
        loader: Callable[[tuple[str, ...]], Any],
        policy: Policy,
        *,
        as_type: object = None,
    ) -> dict[str, Any]:
        """The values under several keys; one call of the loader for all that are missing, with their keys."""
        many = calls.ManyCalls(self._engine, keys, loader, policy, as_type)
        if many.requests:
            driver = AsyncDriver(self._process, many.steps(), many.requests)
            try:
                while await driver.wants_load():
                    with driver as load:
                        load.value = await awaited_loader(functools.partial(loader, driver.to_load), like=loader)()
            finally:
                driver.leave()
            many.take(driver.result)
        return many.found

    async def close(self) -> None:
        """Give this loop's connections back; the rest is closed by `Cache.close`."""
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
        return await self._drive(steps)

    def _begin_call(
        self, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool = False
    ) -> "AsyncCall | AsyncCopyFound":
        """A call of a cached function: what its caller is to run, if there is something, and to return."""
        found = calls.find_or_request_call(self._engine, site, args, kwargs, refresh=refresh)
        if isinstance(found, Copy):
            return AsyncCopyFound(found)
        return AsyncCall(self, found, functools.partial(site.function, *args, **kwargs), site)

    async def _look_up_calls(
        self, site: "CallSite", wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
    ) -> list[object]:
        """What is there of calls of a cached function."""
        return await self._drive(calls.look_up_calls(self._engine, site, wanted))

    async def _refresh_behind(
        self, request: plan.Request, loader: Callable[[], Awaitable[object]], outcome: Outcome
    ) -> object:
        """Load anew in a task; what the caller gets meanwhile."""
        task = self._process.keep(self._refresh(request, loader))
        patience = request.policy.patience
        if outcome.result is Result.STALE and patience:
            await asyncio.wait([task], timeout=patience)
            if task.done():
                again = task.result()
                if isinstance(again, Exception):
                    if request.policy.on_failure == "raise":
                        raise again
                elif again.result is not Result.SHARED:
                    return again.value
        return outcome.value

    async def _refresh(self, request: plan.Request, loader: Callable[[], Awaitable[object]]) -> Outcome | Exception:
        begin_apart()
        engine = self._engine
        again = engine.again(request)
        try:
            outcome = await self._load(
                AsyncDriver(self._process, plan.read_through(engine.process, again), {again.key: again}), loader
            )
        except Exception as error:  # noqa: BLE001  # nobody calls: it is handed to who waits, and counted
            engine.reporter.add(request.policy.name, "errors")
            logger.warning("a refresh failed: %r (policy %s)", error, request.policy.name)
            return error
        engine.reporter.add(request.policy.name, "refreshes")
        return outcome

    async def _load(self, driver: AsyncDriver[Outcome], loader: Callable[[], Awaitable[object]]) -> Outcome:
        try:
            while await driver.wants_load():
                with driver as load:
                    load.value = await loader()
            return driver.result
        finally:
            driver.leave()

    # -- the driver --------------------------------------------------------------------------------------------------

    async def _drive(self, steps: Generator[Command, Any, R]) -> R:
        """Carry out a plan that loads nothing."""
        driver = AsyncDriver(self._process, steps)
        try:
            if await driver.wants_load():
                raise AssertionError("this plan loads nothing")
            return driver.result
        finally:
            driver.leave()


class AsyncCopyFound:
    """A call that is answered by this process's copy."""

    __slots__ = ("_copy",)

    def __init__(self, copy: Copy) -> None:
        self._copy = copy

    async def wants_load(self) -> Literal[False]:
        """Nothing is to be loaded."""
        return False

    def __enter__(self) -> CurrentLoad:
        raise AssertionError("a copy needs no load")

    def __exit__(self, *_: object) -> Literal[False]:
        return False

    async def value(self) -> object:
        """The copy's, for one reader."""
        return self._copy.value()

    def leave(self) -> None:
        """It holds nothing."""


class AsyncCall(AsyncDriver[Outcome]):
    """One read-through call (see `_runtime.driver.Driver`)."""

    __slots__ = ("_again", "_cache", "_request", "_site", "_start")

    def __init__(
        self,
        cache: AsyncCache,
        request: plan.Request,
        again: Callable[[], Awaitable[object]],
        site: "CallSite | None" = None,
    ) -> None:
        """`again`: the loader, to be run behind the caller's back."""
        super().__init__(cache._process, cache._engine.reading(request), {request.key: request})
        self._cache = cache
        self._request = request
        self._again = again
        self._site = site
        self._start = b"" if site is None else site.start

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if self._site is not None and self._site.has_moved(self._start):
            # It may have read what belongs to another key.
            self.loading.keep_private()
        return super().__exit__(kind, error, trace)

    async def value(self) -> object:
        """What the caller gets, once nothing more is to be loaded."""
        outcome = self.result
        self._engine.came_to(self._request, outcome)
        if outcome.due:
            return await self._cache._refresh_behind(self._request, self._again, outcome)
        return outcome.value
