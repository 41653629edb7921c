"""The cache, for event loops: the async driver of `frescor.plan`."""

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast, overload

from frescor import plan
from frescor.callsite import codec_of, mapped_annotation, return_annotation
from frescor.codec import Codec
from frescor.commands import (
    Command,
    Landing,
)
from frescor.engine import Engine
from frescor.keys import check_key
from frescor.loading import begin_apart
from frescor.outcome import Outcome, Result
from frescor.policy import Policy, Seconds, check_tag
from frescor.ride_aio import AsyncLoader, AsyncRide, awaited_loader, for_one
from frescor.shapes import Shape, policy_shape
from frescor.store.base import AsyncStore
from frescor.store.opening_aio import awaited
from frescor.tags import NAMESPACE_TAG, declared_tag, entry_tags, key_tags, pattern_tag

logger = logging.getLogger("frescor")

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

    async def delete(self, *keys: str) -> bool:
        """Remove the values under these keys; loaders of them that are under way do not store. False: it waits."""
        return await self._invalidate(keys=tuple(check_key(key) for key in keys))

    async def invalidate(self, *tags: str) -> bool:
        """Make every entry that depends on one of these tags a miss, in one round trip."""
        return await self._invalidate(tags=tuple(declared_tag(check_tag(tag)) for tag in tags))

    async def invalidate_pattern(self, pattern: str) -> bool:
        """Invalidate the keys below a prefix (`dashboard:*`), everything (`*`), or one key."""
        tag = pattern_tag(pattern)
        return await (self.delete(pattern) if tag is None else self._invalidate(tags=(tag,)))

    async def clear_all(self) -> bool:
        """Invalidate every entry of the namespace."""
        return await self._invalidate(tags=(NAMESPACE_TAG,))

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

        async def load(missing: tuple[str, ...]) -> Mapping[str, object]:
            values = await awaited_loader(lambda: loader(missing), like=loader)()
            return cast(Mapping[str, object], values)

        if requests:
            for key, outcome in (await self._drive(engine.reading_many(requests), load, requests)).items():
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
        self, *, tags: tuple[str, ...] = (), keys: tuple[str, ...] = (), durable: bool = False
    ) -> bool:
        engine = self._engine
        waited = bool(engine.pending) and engine.pending.invalidations
        done = await self._drive(plan.invalidate(engine.process, tags, keys, durable=durable))
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
        refresh: bool = False,
    ) -> object:
        engine = self._engine
        if not refresh and (copy := engine.local_copy(key, policy, shape)) is not None:
            return copy.value()
        engine.listen()
        request = engine.request(key, tags, policy, codec, refresh=refresh, shape=shape)
        outcome = await self._drive(engine.reading(request), for_one(loader), {key: request})
        engine.came_to(request, outcome)
        if outcome.due:
            return await self._refresh_behind(request, loader, outcome)
        return outcome.value

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
            outcome = await self._drive(plan.read_through(engine.process, again), for_one(loader), {again.key: again})
        except Exception as error:  # noqa: BLE001  # nobody calls: it is handed to who waits, and counted
            engine.reporter.add(request.policy.name, "errors")
            logger.warning("a refresh failed: %r (policy %s)", error, request.policy.name)
            return error
        engine.reporter.add(request.policy.name, "refreshes")
        return outcome

    def _keep(self, coroutine: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return task

    # -- the driver --------------------------------------------------------------------------------------------------

    async def _drive(
        self,
        steps: Generator[Command, Any, R],
        loader: AsyncLoader | None = None,
        requests: Mapping[str, plan.Request] = MappingProxyType({}),
    ) -> R:
        """Carry out a plan. However it ends, its waiters are woken and its leases are given back."""
        ride = AsyncRide(self, loader, requests)
        try:
            reply: Any = None
            while True:
                try:
                    command = steps.send(reply)
                except StopIteration as done:
                    return cast(R, done.value)
                reply = await ride.carry_out(command)
        finally:
            ride.leave()
