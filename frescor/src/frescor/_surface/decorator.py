"""Cached functions: what `@cache.cached` turns a function into."""

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, Unpack, cast, overload

from frescor._calls.callables import read_callable
from frescor._calls.claims import Claims
from frescor._calls.loading import CurrentLoad
from frescor._calls.miss import MISS, Miss
from frescor._calls.policy import Policy
from frescor._runtime.engine import Engine
from frescor._surface.callsite import CacheInfo, CallSite
from frescor._surface.options import CallOptions
from frescor._surface.owners import check_class_body, check_owner
from frescor._values.tags import pattern_tag

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")
_NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


class LoadingCall(Protocol):
    """One call that is being carried out: `while call.wants_load(): with call as load: load.value = …`, then `result`.
    `leave` has to be called in any case. `run` does all of this."""

    result: Any

    def run(self) -> Any: ...
    def wants_load(self) -> bool: ...
    def __enter__(self) -> CurrentLoad: ...
    def __exit__(self, kind: object, error: BaseException | None, trace: object, /) -> bool | None: ...
    def leave(self) -> None: ...


class AsyncLoadingCall(Protocol):
    """`LoadingCall` for coroutines."""

    result: Any

    async def wants_load(self) -> bool: ...
    def __enter__(self) -> CurrentLoad: ...
    def __exit__(self, kind: object, error: BaseException | None, trace: object, /) -> bool | None: ...
    def leave(self) -> None: ...


class AsyncCallingCache(Protocol):
    """What a cached coroutine function needs from its cache."""

    @property
    def _engine(self) -> Engine: ...
    def _begin_call(
        self, site: CallSite, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool = False
    ) -> AsyncLoadingCall: ...
    async def _look_up_calls(
        self, site: CallSite, wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
    ) -> list[object]: ...
    async def delete(self, *keys: str) -> bool: ...
    async def invalidate_pattern(self, pattern: str) -> bool: ...


class CallingCache(Protocol):
    """What a cached function needs from its cache."""

    @property
    def _engine(self) -> Engine: ...
    @property
    def aio(self) -> AsyncCallingCache: ...
    def _begin_call(
        self, site: CallSite, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool = False
    ) -> LoadingCall: ...
    def _look_up_calls(
        self, site: CallSite, wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
    ) -> list[object]: ...
    def delete(self, *keys: str) -> bool: ...
    def invalidate_pattern(self, pattern: str) -> bool: ...


class _Declared:
    """What cached functions of both kinds have: the policy, and what is known before a call."""

    def __init__(self, site: CallSite) -> None:
        functools.update_wrapper(cast(Callable[..., object], self), site.callee.function)
        self.policy = site.policy
        self._site = site

    def _binds_to(self, instance: object, owner: type | None) -> tuple[object, ...]:
        """The arguments that are added in front when it is read as an attribute: none, the instance, or the class."""
        binding = self._site.callee.binding
        if binding == "class":
            return (owner if owner is not None else type(instance),)
        return () if instance is None or binding == "none" else (instance,)

    def __set_name__(self, owner: type, name: str) -> None:
        if self._site.callee.binding == "instance":
            check_owner(owner, self._site)


class Cached(_Declared, Generic[P, R]):
    """A function whose results are cached by its arguments.

    A call returns the value of a valid entry. Otherwise it runs the function, once among all processes, and stores what
    the function returned. With the store down it runs the function. It raises what the function raises, and PolicyError
    for arguments without an identity by value, for results that cannot be kept exactly, and for a call that leads back
    to itself.
    """

    def __init__(self, site: CallSite, source: Callable[[], CallingCache]) -> None:
        super().__init__(site)
        self._source = source

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        # A hit on a local copy computes no key: the copy is found by the arguments and their types.
        cache = self._source()
        site = self._site
        if (copy := site.local_copy(cache._engine, args, kwargs)) is not None:
            value: R = copy.shared if copy.payload is None else copy.value(shared=site.policy.shared)
            return value
        # The function runs in this frame, so that a recursive one reaches about half the depth that it has without a
        # cache.
        call = cache._begin_call(site, args, kwargs)
        try:
            while call.wants_load():
                with call as load:
                    site.loads += 1
                    load.value = site.loader(*args, **kwargs)
            return cast(R, call.result)
        finally:
            call.leave()

    @overload
    def __get__(self, instance: None, owner: type, /) -> "Cached[P, R]": ...
    @overload
    def __get__(
        self: "Cached[Concatenate[Any, Q], R]", instance: object, owner: type | None = None, /
    ) -> "BoundCached[Q, R]": ...
    def __get__(self, instance: object, owner: type | None = None, /) -> Any:
        """The function bound to an instance or a class, as any method is."""
        first = self._binds_to(instance, owner)
        return BoundCached(self, *first) if first else self

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function now, replace the stored result, and return it."""
        return cast(R, self._source()._begin_call(self._site, args, kwargs, refresh=True).run())

    def many(self, calls: Iterable[tuple[object, ...]]) -> list[R]:
        """The results of several calls, each given as a tuple of positional arguments, in the same order.

        All stored values are read in one round trip. Each missing call is then made separately, so that its entry
        depends only on what that call read: a sum over years then consists of months that are invalidated one by one.
        If all values were found they are of the same moment; otherwise none is older than the call of `many`.
        """
        wanted = [(tuple(args), _NO_KEYWORDS) for args in calls]
        found = self._source()._look_up_calls(self._site, wanted)
        run = cast(Callable[..., R], self)
        return [run(*args) if value is MISS else cast(R, value) for (args, _), value in zip(wanted, found, strict=True)]

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> R | Miss:
        """The value of a valid entry; MISS if there is none, or with the store down. Never runs the function."""
        return cast(R | Miss, self._source()._look_up_calls(self._site, [(args, kwargs)])[0])

    def uncached(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function without reading or writing the cache."""
        return cast(Callable[P, R], self._site.function)(*args, **kwargs)

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of this call: the policy's name, the function's name, and a digest of the arguments. All versions of
        the function have the same key."""
        return self._site.bind(self._source()._engine, args, kwargs)[0]

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove the result of this call, by whatever version of the function it was stored. False with the store down:
        it is pending (see `Cache.invalidate`)."""
        return self._source().delete(self.key(*args, **kwargs))

    def invalidate_all(self) -> bool:
        """Invalidate the results of all calls, in one write. False with the store down: it is pending."""
        return self._source().invalidate_pattern(f"{self._site.prefix}:*")

    def cache_info(self) -> CacheInfo:
        """How its calls ended in this process, in the form of `functools.lru_cache`."""
        return self._site.info(self._source()._engine)

    def cache_clear(self) -> None:
        """Same as `invalidate_all`."""
        self.invalidate_all()


class AsyncCached(_Declared, Generic[P, T]):
    """`Cached` for a coroutine function: its methods are awaited. A plain function runs in a thread."""

    def __init__(self, site: CallSite, source: Callable[[], AsyncCallingCache]) -> None:
        super().__init__(site)
        self._source = source
        # Python 3.11 only has asyncio's own mark for coroutine functions.
        mark = getattr(inspect, "markcoroutinefunction", None)
        if mark is not None:
            mark(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return self._get(args, kwargs, refresh=False)

    @overload
    def __get__(self, instance: None, owner: type, /) -> "AsyncCached[P, T]": ...
    @overload
    def __get__(
        self: "AsyncCached[Concatenate[Any, Q], T]", instance: object, owner: type | None = None, /
    ) -> "BoundAsyncCached[Q, T]": ...
    def __get__(self, instance: object, owner: type | None = None, /) -> Any:
        """The function bound to an instance or a class, as any method is."""
        first = self._binds_to(instance, owner)
        return BoundAsyncCached(self, *first) if first else self

    async def refresh(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the function now, replace the stored result, and return it."""
        return await self._get(args, kwargs, refresh=True)

    async def many(self, calls: Iterable[tuple[object, ...]]) -> list[T]:
        """See `Cached.many`. Missing calls are made one after another."""
        wanted = [(tuple(args), _NO_KEYWORDS) for args in calls]
        found = await self._source()._look_up_calls(self._site, wanted)
        run = cast(Callable[..., Awaitable[T]], self)
        return [
            await run(*args) if value is MISS else cast(T, value)
            for (args, _), value in zip(wanted, found, strict=True)
        ]

    async def peek(self, *args: P.args, **kwargs: P.kwargs) -> T | Miss:
        """See `Cached.peek`."""
        return cast(T | Miss, (await self._source()._look_up_calls(self._site, [(args, kwargs)]))[0])

    async def uncached(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the function without reading or writing the cache."""
        return await cast(Callable[P, Awaitable[T]], self._site.function)(*args, **kwargs)

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of this call: the policy's name, the function's name, and a digest of the arguments. All versions of
        the function have the same key."""
        return self._site.bind(self._source()._engine, args, kwargs)[0]

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove the result of this call, by whatever version of the function it was stored. False with the store down:
        it is pending (see `Cache.invalidate`)."""
        return await self._source().delete(self.key(*args, **kwargs))

    async def invalidate_all(self) -> bool:
        """Invalidate the results of all calls, in one write. False with the store down: it is pending."""
        return await self._source().invalidate_pattern(f"{self._site.prefix}:*")

    def cache_info(self) -> CacheInfo:
        """How its calls ended in this process, in the form of `functools.lru_cache`."""
        return self._site.info(self._source()._engine)

    async def cache_clear(self) -> None:
        """Same as `invalidate_all`."""
        await self.invalidate_all()

    async def _get(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool) -> T:
        cache, site = self._source(), self._site
        if not refresh and (copy := site.local_copy(cache._engine, args, kwargs)) is not None:
            return cast(T, copy.value(shared=site.policy.shared))
        # The function runs in this frame, so that a recursive one reaches about half the depth that it has without a
        # cache.
        call = cache._begin_call(site, args, kwargs, refresh=refresh)
        try:
            while await call.wants_load():
                with call as load:
                    site.loads += not refresh
                    load.value = await site.loader(*args, **kwargs)
            return cast(T, call.result)
        finally:
            call.leave()


class _Passing(Cached[P, R]):
    """A cached function with `bypass_if`. A class of its own, so that other functions pay nothing for the check."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        bypass = self._site.bypass
        if bypass is not None and bypass(*args, **kwargs):
            self._site.join_enclosing_load(self._source()._engine, args, kwargs)
            return self.uncached(*args, **kwargs)
        return super().__call__(*args, **kwargs)


class _AsyncPassing(AsyncCached[P, T]):
    """See `_Passing`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        bypass = self._site.bypass
        if bypass is not None and bypass(*args, **kwargs):
            self._site.join_enclosing_load(self._source()._engine, args, kwargs)
            return self.uncached(*args, **kwargs)
        return super().__call__(*args, **kwargs)


if TYPE_CHECKING:

    class _Bound:
        def __init__(self, function: object, *first: object) -> None: ...

        func: Any
        args: tuple[Any, ...]
        keywords: dict[str, Any]

else:
    # Implemented in C and without a frame of its own, because it runs before every call of a method.
    _Bound = functools.partial


class BoundCached(_Bound, Generic[P, R]):
    """A cached function bound to an instance or a class, which becomes the first argument of each call."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @property
    def policy(self) -> Policy:
        """The policy by which it is cached."""
        return cast(Policy, self.func.policy)

    @property
    def __self__(self) -> object:
        return self.args[0]

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Cached.refresh`."""
        return cast(R, self.func.refresh(*self.args, *args, **kwargs))

    def many(self, calls: Iterable[tuple[object, ...]]) -> list[R]:
        """See `Cached.many`."""
        return cast(list[R], self.func.many([(*self.args, *args) for args in calls]))

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> R | Miss:
        """See `Cached.peek`."""
        return cast(R | Miss, self.func.peek(*self.args, *args, **kwargs))

    def uncached(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Cached.uncached`."""
        return cast(R, self.func.uncached(*self.args, *args, **kwargs))

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """See `Cached.key`."""
        return cast(str, self.func.key(*self.args, *args, **kwargs))

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """See `Cached.invalidate`."""
        return cast(bool, self.func.invalidate(*self.args, *args, **kwargs))

    def invalidate_all(self) -> bool:
        """Invalidate the results of all calls of all instances, in one write. False with the store down: it is
        pending."""
        return cast(bool, self.func.invalidate_all())

    def cache_info(self) -> CacheInfo:
        """See `Cached.cache_info`; counts the calls of all instances."""
        return cast(CacheInfo, self.func.cache_info())

    def cache_clear(self) -> None:
        """Same as `invalidate_all`."""
        self.func.cache_clear()


class BoundAsyncCached(_Bound, Generic[P, T]):
    """A cached coroutine function bound to an instance or a class, which becomes the first argument of each call."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]: ...

    @property
    def policy(self) -> Policy:
        """The policy by which it is cached."""
        return cast(Policy, self.func.policy)

    @property
    def __self__(self) -> object:
        return self.args[0]

    async def refresh(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `AsyncCached.refresh`."""
        return cast(T, await self.func.refresh(*self.args, *args, **kwargs))

    async def many(self, calls: Iterable[tuple[object, ...]]) -> list[T]:
        """See `AsyncCached.many`."""
        return cast(list[T], await self.func.many([(*self.args, *args) for args in calls]))

    async def peek(self, *args: P.args, **kwargs: P.kwargs) -> T | Miss:
        """See `AsyncCached.peek`."""
        return cast(T | Miss, await self.func.peek(*self.args, *args, **kwargs))

    async def uncached(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `AsyncCached.uncached`."""
        return cast(T, await self.func.uncached(*self.args, *args, **kwargs))

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """See `AsyncCached.key`."""
        return cast(str, self.func.key(*self.args, *args, **kwargs))

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """See `AsyncCached.invalidate`."""
        return cast(bool, await self.func.invalidate(*self.args, *args, **kwargs))

    async def invalidate_all(self) -> bool:
        """Invalidate the results of all calls of all instances, in one write. False with the store down: it is
        pending."""
        return cast(bool, await self.func.invalidate_all())

    def cache_info(self) -> CacheInfo:
        """See `AsyncCached.cache_info`; counts the calls of all instances."""
        return cast(CacheInfo, self.func.cache_info())

    async def cache_clear(self) -> None:
        """Same as `invalidate_all`."""
        await self.func.cache_clear()


class CachedDecorator(Protocol):
    """What `cached(…)` returns: it turns a coroutine function into an `AsyncCached`, any other into a `Cached`."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a coroutine function is a function too: it is asked for first
        self, function: Callable[P, Coroutine[Any, Any, T]], /
    ) -> AsyncCached[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Cached[P, R]: ...


def caching(
    policy: Policy,
    source: Callable[[], CallingCache],
    claims: Claims,
    *,
    is_method: bool = False,
    **options: Unpack[CallOptions],
) -> CachedDecorator:
    """The decorator for this policy. `source` returns the cache, at each call."""

    def decorate(function: Any) -> Any:
        callee = read_callable(function, policy.name)
        site = CallSite(callee, policy, claims, is_method=is_method, **options)
        if callee.binding == "instance":
            check_class_body(sys._getframe(1), site)
        if callee.awaits:
            return (AsyncCached if site.bypass is None else _AsyncPassing)(site, lambda: source().aio)
        return (Cached if site.bypass is None else _Passing)(site, source)

    return cast(CachedDecorator, decorate)


def invalidating(
    patterns: tuple[str, ...], source: Callable[[], CallingCache]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that invalidates key patterns each time the function returns. Works with coroutine functions, too."""
    for pattern in patterns:
        pattern_tag(pattern)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: Any, **kwargs: Any) -> Any:
                result = await function(*args, **kwargs)
                for pattern in patterns:
                    await source().aio.invalidate_pattern(pattern)
                return result

            return cast(Callable[P, R], call_async)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            result = function(*args, **kwargs)
            for pattern in patterns:
                source().invalidate_pattern(pattern)
            return result

        return call

    return decorate
