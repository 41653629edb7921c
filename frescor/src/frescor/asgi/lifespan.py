"""A cache that is opened when an application starts and closed when it stops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any, TypeVar, overload

from frescor._surface.cache import Cache
from frescor.errors import PolicyError

State = TypeVar("State", bound=Mapping[str, Any] | None)
# The attribute of an application's state that holds its cache.
STATE = "frescor"
# The cache for the current request.
CURRENT: ContextVar[Cache] = ContextVar("frescor_cache")


@overload
def lifespan(
    cache: Cache | Callable[[], Cache], within: None = None
) -> Callable[[Any], AbstractAsyncContextManager[None]]: ...
@overload
def lifespan(
    cache: Cache | Callable[[], Cache], within: Callable[[Any], AbstractAsyncContextManager[State]]
) -> Callable[[Any], AbstractAsyncContextManager[State]]: ...
def lifespan(
    cache: Cache | Callable[[], Cache], within: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None
) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    """For `FastAPI(lifespan=lifespan(cache))`: the application's cache, from its start to its end.

    `cache` is a cache, or a function that creates one when the application starts. It becomes `app.state.frescor`, also
    for applications that are mounted in this one, and is used by `cached_view`. When the application stops, counters
    are delivered and connections closed. `within` is the application's own lifespan, which runs while the cache is
    open, and provides its state as before. Starting does not connect, so an application starts even if the server is
    unreachable.
    """
    if not callable(cache) and not isinstance(cache, Cache):
        raise PolicyError(f"lifespan takes a Cache, or a function that makes it; got {type(cache).__name__}.")

    @contextlib.asynccontextmanager
    async def run(app: Any) -> AsyncIterator[Any]:
        opened = cache if isinstance(cache, Cache) else cache()
        _give(app, opened)
        try:
            async with within(app) if within is not None else contextlib.nullcontext() as state:
                yield state
        finally:
            await opened.aio.close()
            # Closing waits until the last counters are delivered.
            await asyncio.to_thread(opened.close)

    return run


def _give(app: Any, cache: Cache) -> None:
    """Make the cache available to an application and those mounted in it."""
    if hasattr(app, "state"):
        setattr(app.state, STATE, cache)
    for route in getattr(app, "routes", ()):
        mounted = getattr(route, "app", None)
        if hasattr(mounted, "state") and mounted is not app:
            _give(mounted, cache)


def cache_of(app: Any) -> Cache:
    """The cache of an application. Raises PolicyError if it has none."""
    cache = getattr(getattr(app, "state", None), STATE, None)
    if not isinstance(cache, Cache):
        raise PolicyError(
            "this application has no cache: make it as FastAPI(lifespan=lifespan(cache)), and in tests run its "
            "lifespan (`with TestClient(app)`), or say which one is meant: cached_view(policy, cache=cache)."
        )
    return cache
