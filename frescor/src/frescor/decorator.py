"""Cached functions: what `@cache.cached` makes of a function."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from frescor.callsite import CallSite
from frescor.errors import PolicyError
from frescor.policy import Policy
from frescor.tags import pattern_tag

if TYPE_CHECKING:
    from frescor.aio import AsyncCache
    from frescor.cache import Cache

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Cached(Generic[P, R]):
    """A function whose results are cached by its arguments.

    Calling it returns a valid entry's value, or runs the function once in the fleet and stores what it returned; with
    the store down it runs the function. It raises what the function raises, and PolicyError for arguments without an
    identity by value and for results that cannot be kept exactly.
    """

    def __init__(self, function: Callable[P, R], policy: Policy, source: "Callable[[], Cache]") -> None:
        functools.update_wrapper(self, function)
        self.policy = policy
        self._site = CallSite(function, policy)
        self._source = source

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        # A hit on a local copy makes no key: the arguments, with their types, lead to it.
        cache = self._source()
        if not kwargs and (copy := self._site.local_copy(cache._engine, args)) is not None:
            value: R = copy.shared if copy.payload is None else copy.value()
            return value
        return self._get(cache, args, kwargs, refresh=False)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function now, store its result over what is there, and return it."""
        return self._get(self._source(), args, kwargs, refresh=True)

    def uncached(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function itself returns; the cache is neither read nor written."""
        return cast(Callable[P, R], self._site.function)(*args, **kwargs)

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of this call: the policy's name, the function's, and a digest of the arguments."""
        return self._site.bind(self._source()._engine, args, kwargs)[0]

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forget this call's result. False with the store down: then it waits (see `Cache.invalidate`)."""
        return self._source().delete(self.key(*args, **kwargs))

    def invalidate_all(self) -> bool:
        """Forget the results of all calls, in one write. False with the store down: then it waits."""
        return self._source().invalidate_pattern(f"{self._site.prefix}:*")

    def _get(self, cache: "Cache", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool) -> R:
        site = self._site
        key, tags = site.bind(cache._engine, args, kwargs)
        value = cache._read_through(
            key,
            tags,
            site.policy,
            site.codec,
            lambda: site.function(*args, **kwargs),
            shape=site.shape,
            refresh=refresh,
        )
        return cast(R, value)


class AsyncCached(Generic[P, T]):
    """As `Cached`, for a coroutine function: each of its calls is awaited. A plain function runs in a thread."""

    def __init__(self, function: Callable[P, Awaitable[T]], policy: Policy, source: "Callable[[], AsyncCache]") -> None:
        functools.update_wrapper(self, function)
        self.policy = policy
        self._site = CallSite(function, policy)
        self._source = source

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return self._get(args, kwargs, refresh=False)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    async def refresh(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the function now, store its result over what is there, and return it."""
        return await self._get(args, kwargs, refresh=True)

    async def uncached(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function itself returns; the cache is neither read nor written."""
        return await cast(Callable[P, Awaitable[T]], self._site.function)(*args, **kwargs)

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The key of this call: the policy's name, the function's, and a digest of the arguments."""
        return self._site.bind(self._source()._engine, args, kwargs)[0]

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forget this call's result. False with the store down: then it waits (see `Cache.invalidate`)."""
        return await self._source().delete(self.key(*args, **kwargs))

    async def invalidate_all(self) -> bool:
        """Forget the results of all calls, in one write. False with the store down: then it waits."""
        return await self._source().invalidate_pattern(f"{self._site.prefix}:*")

    async def _get(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool) -> T:
        cache, site = self._source(), self._site
        if not kwargs and not refresh and (copy := site.local_copy(cache._engine, args)) is not None:
            return cast(T, copy.value())
        key, tags = site.bind(cache._engine, args, kwargs)
        function = cast(Callable[..., Awaitable[object]], site.function)
        value = await cache._read_through(
            key, tags, site.policy, site.codec, lambda: function(*args, **kwargs), shape=site.shape, refresh=refresh
        )
        return cast(T, value)


class CachedDecorator(Protocol):
    """What `cached(…)` gives: a coroutine function becomes an `AsyncCached`, any other a `Cached`."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a coroutine function is a function too: it is asked for first
        self, function: Callable[P, Coroutine[Any, Any, T]], /
    ) -> AsyncCached[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Cached[P, R]: ...


def caching(policy: Policy, source: "Callable[[], Cache]") -> CachedDecorator:
    """The decorator that caches by this policy, in the cache that `source` gives at each call."""

    def decorate(function: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return AsyncCached(function, policy, lambda: source().aio)
        return Cached(function, policy, source)

    return cast(CachedDecorator, decorate)


def policy_from(policy: Policy | None, options: Mapping[str, Any]) -> Policy:
    """The policy that a decorator's arguments stand for: a Policy alone, or its fields with the name as key_prefix."""
    if policy is not None:
        if options:
            raise PolicyError(f"give a Policy or options, not both; got a Policy and {', '.join(options)}.")
        if not isinstance(policy, Policy):
            raise PolicyError(f"cached takes a Policy, or expire= and key_prefix=; got {policy!r}.")
        return policy
    fields = {"expire": 300, **options}
    if "key_prefix" not in fields:
        raise PolicyError("cached needs key_prefix='…', what the keys begin with, or a Policy.")
    fields["name"] = fields.pop("key_prefix")
    try:
        return Policy(**fields)
    except TypeError as error:
        known = ", ".join(name for name, field in Policy.__dataclass_fields__.items() if field.init and name != "name")
        raise PolicyError(f"{error}. A policy's options are: key_prefix, {known}.") from error


def invalidating(
    patterns: tuple[str, ...], source: "Callable[[], Cache]"
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that invalidates key patterns after each call that returned; of a coroutine function, awaited."""
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
