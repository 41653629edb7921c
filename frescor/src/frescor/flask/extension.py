"""The current application's cache, for code that is imported before there is an application."""

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar, Unpack, overload

from flask import Flask, current_app, has_app_context

from frescor.cache import Cache
from frescor.claims import Claims
from frescor.decorator import CachedDecorator, caching, invalidating, policy_from
from frescor.errors import PolicyError
from frescor.policy import Policy, PolicyOptions

P = ParamSpec("P")
R = TypeVar("R")


class FlaskCache:
    """Decorates functions now and finds the cache when they are called: that of the application that is current.

    Nothing of an application is kept here, so that several in one process each have their own.
    """

    def __init__(self, name: str = "frescor") -> None:
        self._name = name
        # Functions of two applications may hold objects of each: the cache that they use tells those apart.
        self._claims = Claims(by_objects=False)

    def init_app(self, app: Flask, make: Callable[[], Cache]) -> None:
        """Give an application its cache; `make` is called when it is first used, once in a process."""

        def make_for_app() -> Cache:
            cache = make()
            # A thread that loads anew has no application of its own.
            cache.around_refresh = app.app_context
            return cache

        app.extensions[self._name] = _Lazily(make_for_app)

    def of(self, app: Flask) -> Cache:
        """The application's cache. Raises LookupError where `init_app` was not called."""
        lazily: _Lazily | None = app.extensions.get(self._name)
        if lazily is None:
            raise LookupError(f"this application has no cache {self._name!r}: call init_app(app, make) in its factory.")
        return lazily.cache

    def source(self) -> Callable[[], Cache]:
        """What gives the cache of the application that is current now, also where none is: for `track(engine, this)`.
        Raises PolicyError outside of an application context."""
        if not has_app_context():
            raise PolicyError(
                "which application's cache is meant? Call this within `with app.app_context():`, or give a function: "
                "track(engine, lambda: flask_cache.of(app))."
            )
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way
        return lambda: self.of(app)

    @property
    def current(self) -> Cache:
        """The current application's cache. Raises RuntimeError outside of an application context."""
        return self.of(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way

    @overload
    def cached(
        self, policy: Policy, /, *, name: str | None = None, ignore: tuple[str, ...] = ()
    ) -> CachedDecorator: ...
    @overload
    def cached(
        self,
        policy: None = None,
        /,
        *,
        key_prefix: str,
        name: str | None = None,
        ignore: tuple[str, ...] = (),
        **options: Unpack[PolicyOptions],
    ) -> CachedDecorator: ...
    def cached(
        self,
        policy: Policy | None = None,
        /,
        *,
        name: str | None = None,
        ignore: tuple[str, ...] = (),
        **options: object,
    ) -> CachedDecorator:
        """As `Cache.cached`, for whichever application is current at the call."""
        return caching(policy_from(policy, options), lambda: self.current, self._claims, name=name, ignore=ignore)

    def invalidate_cache_pattern(self, *patterns: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """As `Cache.invalidate_cache_pattern`, for whichever application is current at the call."""
        return invalidating(patterns, lambda: self.current)


class _Lazily:
    def __init__(self, make: Callable[[], Cache]) -> None:
        self._make = make
        self._cache: Cache | None = None
        self._lock = threading.Lock()

    @property
    def cache(self) -> Cache:
        if self._cache is None:
            with self._lock:
                if self._cache is None:
                    self._cache = self._make()
        return self._cache
