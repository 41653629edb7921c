"""The current application's cache, for code that is imported before there is an application."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from flask import Flask, current_app, g, has_app_context

from frescor._calls.claims import Claims
from frescor._calls.policy import Policy, Seconds
from frescor._http.options import Vary, options_from
from frescor._surface.cache import Cache
from frescor._surface.decorator import Cached, CachedDecorator, caching, invalidating
from frescor._surface.options import CachedOptions, CallOptions, policy_from, split
from frescor.errors import PolicyError
from frescor.flask.fragments import add_fragments
from frescor.flask.settings import cache_from_settings
from frescor.flask.view import CachedView

P = ParamSpec("P")
R = TypeVar("R")


class FlaskCache:
    """Decorates functions now, and finds the cache when they are called: that of the current application.

    It keeps nothing of an application, so that several applications in one process can use it.
    """

    def __init__(self, name: str = "frescor") -> None:
        self._name = name
        # A function may hold objects of several applications. Each application's cache tells those apart itself.
        self._claims = Claims(by_objects=False)
        self._fragments: dict[Policy, Cached[..., str]] = {}

    def init_app(self, app: Flask, make: Callable[[], Cache] | None = None, *, memo: bool = False) -> None:
        """Give an application its cache, and its templates the tag `{% cache policy, … %}` (see `Fragments`).

        `make` is called when the cache is first used, once in a process. Without it, the application's settings
        `FRESCOR_URL`, `FRESCOR_NAMESPACE` (else the application's name) and so on are read (see `cache_from_settings`),
        here and now: raises PolicyError for one that is missing, wrong or unknown.

        `memo`: each request is within `Cache.memo()`, from its first handler to its end: repeated calls return what the
        first one returned, until the request writes something.
        """
        if make is None:
            ready = cache_from_settings(app.config, app.name)
            ready.close()
            config = dict(app.config)
            make = partial(cache_from_settings, config, app.name)

        made = make

        def make_for_app() -> Cache:
            cache = made()
            # A thread that refreshes a value has no application context of its own.
            cache.around_refresh = app.app_context
            return cache

        app.extensions[self._name] = _Lazily(make_for_app)
        # If an application has a second cache, the tag stays with the first.
        if not hasattr(app.jinja_env, "frescor_render"):
            add_fragments(app.jinja_env, self._render_fragment)
        if memo:
            self._memorize_requests(app)

    def _memorize_requests(self, app: Flask) -> None:
        name = f"_{self._name}_memo"

        def begin() -> None:
            stack = contextlib.ExitStack()
            stack.enter_context(self.of(app).memo())
            setattr(g, name, stack)

        def end(_: BaseException | None) -> None:
            if (stack := g.pop(name, None)) is not None:
                stack.close()

        # Before those that the application has already: they may look up the user.
        app.before_request_funcs.setdefault(None, []).insert(0, begin)
        app.teardown_request(end)

    def _render_fragment(
        self, policy: Policy, digest: str, values: tuple[object, ...], render: Callable[[], str]
    ) -> str:
        fragment = self._fragments.get(policy)
        if fragment is None:
            fragment = self._fragments[policy] = self.cached(policy, name="fragment", ignore=("render",))(_fragment)
        return fragment(digest, values, render)

    def of(self, app: Flask) -> Cache:
        """The application's cache. Raises LookupError if `init_app` was not called for it."""
        lazily: _Lazily | None = app.extensions.get(self._name)
        if lazily is None:
            raise LookupError(f"this application has no cache {self._name!r}: call init_app(app, make) in its factory.")
        return lazily.cache

    def source(self) -> Callable[[], Cache]:
        """A function that returns the cache of the application that is current now, for `track(engine, this)`; it works
        outside of a context, too. Raises PolicyError if no application is current now."""
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
    def cached(self, policy: Policy, /, **options: Unpack[CallOptions]) -> CachedDecorator: ...
    @overload
    def cached(
        self, policy: None = None, /, *, key_prefix: str, **options: Unpack[CachedOptions]
    ) -> CachedDecorator: ...
    def cached(self, policy: Policy | None = None, /, **options: Any) -> CachedDecorator:
        """As `Cache.cached`, for whichever application is current at the call."""
        chosen, of_call = split(policy, options)
        return caching(chosen, lambda: self.current, self._claims, **of_call)

    @overload
    def cached_method(self, policy: Policy, /, **options: Unpack[CallOptions]) -> CachedDecorator: ...
    @overload
    def cached_method(
        self, policy: None = None, /, *, key_prefix: str, **options: Unpack[CachedOptions]
    ) -> CachedDecorator: ...
    def cached_method(self, policy: Policy | None = None, /, **options: Any) -> CachedDecorator:
        """As `Cache.cached_method`, for whichever application is current at the call."""
        chosen, of_call = split(policy, options)
        return caching(chosen, lambda: self.current, self._claims, is_method=True, **of_call)

    def view(
        self,
        policy: Policy | None = None,
        /,
        *,
        vary: Vary | Iterable[Vary] = (),
        public: bool = False,
        max_age: Seconds = 0,
        statuses: Iterable[int] = (200,),
        name: str | None = None,
        **options: object,
    ) -> Callable[[Callable[..., object]], CachedView]:
        """Cache a view's whole responses; stands below `@app.route`.

        A response is stored by method, scheme, host, path, sorted query, and `vary`: names of request headers, and
        functions without arguments that say for whom it is (`lambda: current_user.get_id()`). As with `cached`, changes
        in a tracked database invalidate it. It is sent with an ETag (a request that has it gets 304), `Age`, `Vary`,
        and `Cache-Control: max-age` of at most `max_age` seconds and never longer than the entry lives. With the
        default of 0 browsers ask each time, so that they learn of an invalidation; with more they may be stale for that
        long.

        A response is not stored if it sets a cookie, changes the session, reads the session without a function in
        `vary`, reads request headers that are not in `vary`, is streamed, says `no-store`, or has a status not in
        `statuses`. The log says so once, and what to write. If the session was read before the view began (to look the
        user up, say), and nothing in `vary` says for whom the response is, the cache is not used, unless `public=True`
        says that the response is the same for everybody. Methods other than GET and HEAD are passed through.

        With the store down the view runs. Raises PolicyError for options that make no sense.
        """
        chosen = policy_from(policy, options)
        given = options_from(vary, public=public, max_age=max_age, statuses=statuses, policy=chosen)

        def decorate(view: Callable[..., object]) -> CachedView:
            return CachedView(view, chosen, given, lambda: self.current, self._claims, name=name)

        return decorate

    def invalidate_cache_pattern(self, *patterns: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """As `Cache.invalidate_cache_pattern`, with the cache of the application that is current at the call."""
        return invalidating(patterns, lambda: self.current)


def _fragment(digest: str, values: tuple[object, ...], render: Callable[[], str]) -> str:
    del digest, values
    return str(render())


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
