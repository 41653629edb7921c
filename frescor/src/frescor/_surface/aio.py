"""The cache, for event loops: the async driver of `_plan`."""

import asyncio
import functools
import logging
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from frescor import _plan as plan
from frescor._calls.keys import check_key
from frescor._calls.loading import CurrentLoad, begin_apart
from frescor._calls.policy import Policy, Seconds, check_tag
from frescor._copies.local import Copy
from frescor._protocol.commands import (
    Command,
    Landing,
)
from frescor._protocol.outcome import Outcome, Result
from frescor._runtime.engine import Engine
from frescor._runtime.ride_aio import AsyncRide, awaited_loader
from frescor._store.base import AsyncStore
from frescor._store.opening_aio import awaited
from frescor._surface.callsite import codec_of, mapped_annotation, return_annotation
from frescor._values.codec import Codec
from frescor._values.shapes import Shape, policy_shape
from frescor._values.tags import NAMESPACE_TAG, declared_tags, entry_tags, key_tags, pattern_tag, with_blind_tags

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
        self._store: AsyncStore = awaited(engine.store)
        # A future belongs to its loop: loops in several threads each have their own.
        self._flights: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Future[Landing]]] = (
            weakref.WeakKeyDictionary()
        )
        # A task that nobody holds may be collected while it runs.
        self._behind: set[asyncio.Task[Any]] = set()

    @overload
    async def get(self, key: str) -> object: ...
    @overload
    async def get(self, key: str, default: T) -> object | T: ...
    @overload
    async def get(self, key: str, default: None = None, *, as_type: type[T]) -> T | None: ...
    async def get(self, key: str, default: object = None, *, as_type: object = None) -> object:
        """The value under a key; `default` on a miss and with the store down."""
        engine = self._engine
        check_key(key)
        codec = engine.plain if as_type is None else codec_of(as_type)
        engine.listen()
        fresh = not engine.reads_local
        outcome = await self._drive(plan.look_up(engine.process, key, key_tags(key), codec, engine.now(), fresh=fresh))
        return engine.found_at(key, outcome, default)

    async def get_many(self, *keys: str) -> dict[str, object]:
        """The values that are there, by key, in one round trip; those missing are left out."""
        engine = self._engine
        wanted = {check_key(key): key_tags(key) for key in keys}
        if not wanted:
            return {}
        found = await self._drive(plan.look_up_many(engine.process, wanted, engine.plain, engine.now()))
        return engine.found_by_key(found, wanted)

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
        engine = self._engine
        codec = engine.plain if as_type is None else codec_of(as_type)
        entries, ttl_ms, refused = engine.entries(mapping, expire, tags, codec)
        return not mapping or await self._drive(plan.put(engine.process, entries, ttl_ms, refused))

    async def delete(self, *keys: str, confirm: bool | None = None) -> bool:
        """Remove the values under these keys; loaders of them that are under way do not store. False: it waits."""
        return await self._invalidate(keys=tuple(check_key(key) for key in keys), confirm=confirm)

    async def invalidate(self, *tags: str, confirm: bool | None = None) -> bool:
        """Make every entry that depends on one of these tags a miss, in one round trip."""
        return await self._invalidate(tags=declared_tags(with_blind_tags(map(check_tag, tags))), confirm=confirm)

    async def invalidate_pattern(self, pattern: str, *, confirm: bool | None = None) -> bool:
        """Invalidate the keys below a prefix (`dashboard:*`), everything (`*`), or one key."""
        tag = pattern_tag(pattern)
        if tag is None:
            return await self.delete(pattern, confirm=confirm)
        return await self._invalidate(tags=(tag,), confirm=confirm)

    async def clear_all(self, *, confirm: bool | None = None) -> bool:
        """Invalidate every entry of the namespace."""
        return await self._invalidate(tags=(NAMESPACE_TAG,), confirm=confirm)

    @overload
    async def get_or_load(
        self, key: str, loader: Callable[[], Coroutine[Any, Any, R]], policy: Policy, *, as_type: object = None
    ) -> R: ...
    @overload
    async def get_or_load(self, key: str, loader: Callable[[], R], policy: Policy, *, as_type: object = None) -> R: ...
    async def get_or_load(self, key: str, loader: Callable[[], Any], policy: Policy, *, as_type: object = None) -> Any:
        """The value under a key, else what the loader returns, stored by the policy; a plain one runs in a thread."""
        codec = codec_of(return_annotation(loader) if as_type is None else as_type)
        awaited = awaited_loader(loader)
        tags, shape = entry_tags(check_key(key), policy.tags_for({})), policy_shape(policy.name, policy.version)
        return await self._read_through(key, tags, policy, codec, awaited, shape=shape)

    async def get_or_load_many(
        self,
        keys: Iterable[str],
        loader: Callable[[tuple[str, ...]], Any],
        policy: Policy,
        *,
        as_type: object = None,
    ) -> dict[str, Any]:
        """The values under several keys; one call of the loader for all that are missing, with their keys."""
        engine = self._engine
        codec = codec_of(mapped_annotation(loader) if as_type is None else as_type)
        tags, shape = policy.tags_for({}), policy_shape(policy.name, policy.version)
        found: dict[str, Any] = {}
        requests = {}
        engine.listen()
        for key in keys:
            copy = engine.local_copy(check_key(key), policy, shape)
            if copy is not None:
                found[key] = copy.value()
            else:
                depends = entry_tags(key, tags)
                requests[key] = engine.request(key, depends, policy, codec, refresh=False, shape=shape)

        if requests:
            ride = AsyncRide(self, engine.reading_many(requests), requests)
            try:
                while await ride.wants_load():
                    with ride as load:
                        load.value = await awaited_loader(functools.partial(loader, ride.to_load), like=loader)()
            finally:
                ride.leave()
            for key, outcome in ride.result.items():
                engine.came_to(requests[key], outcome)
                found[key] = outcome.value
        return found

    async def close(self) -> None:
        """Give this loop's connections back; the rest is closed by `Cache.close`."""
        for task in tuple(self._behind):
            task.cancel()
        await asyncio.gather(*self._behind, return_exceptions=True)
        await self._store.close()

    async def _invalidate(
        self,
        *,
        tags: tuple[str, ...] = (),
        keys: tuple[str, ...] = (),
        durable: bool = False,
        confirm: bool | None = None,
    ) -> bool:
        engine = self._engine
        waited = bool(engine.pending) and engine.pending.invalidations
        done = await self._drive(plan.invalidate(engine.process, tags, keys, durable=durable, confirm=confirm))
        if not done and not waited:
            logger.warning("invalidations wait in this process until the store takes them")
        return done

    async def _read_through(
        self,
        key: str,
        tags: tuple[str, ...],
        policy: Policy,
        codec: Codec,
        loader: Callable[[], Awaitable[object]],
        *,
        shape: Shape,
    ) -> object:
        engine = self._engine
        if (copy := engine.local_copy(key, policy, shape)) is not None:
            return copy.value()
        engine.listen()
        call = AsyncCall(self, engine.request(key, tags, policy, codec, refresh=False, shape=shape), loader)
        try:
            while await call.wants_load():
                with call as load:
                    load.value = await loader()
            return await call.value()
        finally:
            call.leave()

    def _begin_call(
        self, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool
    ) -> "AsyncCall | AsyncCopyFound":
        """A call of a cached function: what its caller is to run, if there is something, and to return."""
        engine = self._engine
        key, tags = site.bind(engine, args, kwargs)
        if not refresh and (copy := engine.local_copy(key, site.policy, site.shape)) is not None:
            return AsyncCopyFound(copy)
        engine.listen()
        request = engine.request(
            key, tags, site.policy, site.codec, refresh=refresh, shape=site.shape, label=site.label
        )
        return AsyncCall(self, request, functools.partial(site.function, *args, **kwargs), site)

    async def _refresh_behind(
        self, request: plan.Request, loader: Callable[[], Awaitable[object]], outcome: Outcome
    ) -> object:
        """Load anew in a task; what the caller gets meanwhile."""
        task = self._keep(self._refresh(request, loader))
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
                AsyncRide(self, plan.read_through(engine.process, again), {again.key: again}), loader
            )
        except Exception as error:  # noqa: BLE001  # nobody calls: it is handed to who waits, and counted
            engine.reporter.add(request.policy.name, "errors")
            logger.warning("a refresh failed: %r (policy %s)", error, request.policy.name)
            return error
        engine.reporter.add(request.policy.name, "refreshes")
        return outcome

    async def _load(self, ride: AsyncRide[Outcome], loader: Callable[[], Awaitable[object]]) -> Outcome:
        try:
            while await ride.wants_load():
                with ride as load:
                    load.value = await loader()
            return ride.result
        finally:
            ride.leave()

    def _keep(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return task

    # -- the driver --------------------------------------------------------------------------------------------------

    async def _drive(self, steps: Generator[Command, Any, R]) -> R:
        """Carry out a plan that loads nothing."""
        ride = AsyncRide(self, steps)
        try:
            if await ride.wants_load():
                raise AssertionError("this plan loads nothing")
            return ride.result
        finally:
            ride.leave()


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


class AsyncCall(AsyncRide[Outcome]):
    """One read-through call (see `_runtime.ride.Ride`)."""

    _cache: AsyncCache
    __slots__ = ("_again", "_request", "_site", "_start")

    def __init__(
        self,
        cache: AsyncCache,
        request: plan.Request,
        again: Callable[[], Awaitable[object]],
        site: "CallSite | None" = None,
    ) -> None:
        """`again`: the loader, to be run behind the caller's back."""
        super().__init__(cache, cache._engine.reading(request), {request.key: request})
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
