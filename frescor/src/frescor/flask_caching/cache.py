"""Flask-Caching's `Cache` over Frescor: its decorators, with one computation for all who ask and nothing stale."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, Response, after_this_request, current_app, has_app_context, has_request_context
from flask_caching import Cache as FlaskCaching
from flask_caching.utils import function_namespace, normalize_timeout

from frescor._calls.keys import key_digest
from frescor._surface.cache import Cache as Frescor
from frescor.errors import CacheError, PolicyError
from frescor.flask_caching.backend import FrescorCache, values_of
from frescor.flask_caching.call import MISSING_NAME, Asked, GuardedCall
from frescor.flask_caching.fragments import add_fragments

F = TypeVar("F", bound=Callable[..., Any])

if not hasattr(FlaskCaching, "_memoize_version"):
    raise CacheError(
        "this version of Flask-Caching has no Cache._memoize_version, which delete_memoized needs: "
        "pip install 'Flask-Caching>=2.3,<3', or a newer Frescor."
    )


# The separate steps from which Flask-Caching's decorators are built. Here they are one step.
_STEPS = ("get", "set", "has", "delete", "get_many", "set_many", "delete_many")


class Cache(FlaskCaching):
    """A replacement for `flask_caching.Cache`: the same decorators, options, keys, signals and template tag.

    The differences: one caller among all processes computes a value while the others wait; a change to what a function
    read from a tracked database invalidates its value; `delete_memoized` is one write, and a running load cannot bring
    an old value back; a response that sets a cookie is not kept; None is not confused with a miss. With a `CACHE_TYPE`
    other than the default `frescor.flask_caching.FrescorCache`, and in a subclass with its own `get` or `set`, it works
    as Flask-Caching itself.
    """

    def init_app(self, app: Flask, config: dict[str, Any] | None = None) -> None:
        """Give an application its cache; see `FrescorCache` for the settings. Raises PolicyError for invalid ones."""
        given = {**app.config, **(self.config or {}), **(config or {})}
        if "CACHE_TYPE" not in given:
            config = {**(config or {}), "CACHE_TYPE": "frescor.flask_caching.FrescorCache"}
        super().init_app(app, config)
        if self.with_jinja2_ext and isinstance(app.extensions["cache"][self], FrescorCache):
            add_fragments(app.jinja_env)

    @property
    def backend(self) -> FrescorCache | None:
        """The backend of the current application, or else of the last one; None if it is not Frescor's, or if a
        subclass reads or writes it in its own way."""
        backend: object = self.cache
        own = isinstance(backend, FrescorCache) and not self._has_own_steps()
        return cast(FrescorCache, backend) if own else None

    @classmethod
    def _has_own_steps(cls) -> bool:
        return any(getattr(cls, step) is not getattr(FlaskCaching, step) for step in _STEPS)

    @property
    def frescor(self) -> Frescor:
        """The Frescor cache of the current application, for `track(engine, this)`. Raises PolicyError with another
        backend."""
        backend = self.backend
        if backend is None:
            raise PolicyError("CACHE_TYPE names another backend: use 'frescor.flask_caching.FrescorCache'.")
        return backend.frescor

    def cached(self, *args: Any, **options: Any) -> Callable[[F], F]:  # type: ignore[override]  # its own signature
        """See `flask_caching.Cache.cached`, which describes the options."""
        decorate = super().cached(*args, **options)
        asked = Asked.of(FlaskCaching.cached, args, options)
        make_key = asked.option("make_cache_key")

        def key(plain: Any, f: Callable[..., Any], args: Any, kwargs: Any) -> str:
            del f
            if callable(make_key):
                return cast(str, make_key(*args, **kwargs))
            return cast(str, plain.make_cache_key(*args, use_request=True, **kwargs))

        return self._guarding(decorate, asked, key, is_view=True)

    def memoize(self, *args: Any, **options: Any) -> Callable[[F], F]:  # type: ignore[override]  # its own signature
        """See `flask_caching.Cache.memoize`, which describes the options."""
        decorate = super().memoize(*args, **options)

        def key(plain: Any, f: Callable[..., Any], args: Any, kwargs: Any) -> str:
            return cast(str, plain.make_cache_key(f, *args, **kwargs))

        return self._guarding(decorate, Asked.of(FlaskCaching.memoize, args, options), key, is_view=False)

    def delete_memoized(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """See `flask_caching.Cache.delete_memoized`: removes all results of a function or an instance, or that of one
        call."""
        super().delete_memoized(cast(Any, f), *args, **kwargs)

    def _guarding(
        self, decorate: Callable[..., Any], asked: Asked, make_key: Callable[..., str], *, is_view: bool
    ) -> Callable[[F], F]:
        def guard(f: F) -> F:
            plain: Any = decorate(f)

            @functools.wraps(f)
            def call(*args: Any, **kwargs: Any) -> Any:
                backend = self.backend
                if backend is None:
                    return plain(*args, **kwargs)
                run = functools.partial(
                    (current_app if has_app_context() else self.app).ensure_sync(f), *args, **kwargs
                )
                if asked.is_true("unless", f, *args, **kwargs):
                    return run()
                key = make_key(guarded, f, args, kwargs)
                tags = () if is_view else self._tags_of(f, args, asked.option("args_to_ignore"))
                timeout = normalize_timeout(guarded.cache_timeout)
                one = GuardedCall(self, backend, key, tags, timeout, asked, run, args, kwargs, is_view=is_view)
                result = one.result()
                if asked.option("response_hit_indication") and has_request_context():
                    after_this_request(functools.partial(_say_hit, hit=one.hit))
                return one.answer(result)

            guarded: Any = call
            guarded.uncached = f
            guarded.cache_timeout = plain.cache_timeout
            guarded.make_cache_key = plain.make_cache_key
            if not is_view:
                guarded.delete_memoized = functools.partial(self.delete_memoized, guarded)
            return cast(F, guarded)

        return guard

    # -- tags instead of Flask-Caching's random versions: they are raised in one step with the clock -----------------

    def _memoize_version(  # type: ignore[override]  # of what it is asked, three things matter
        self, f: Any, args: Any = None, kwargs: Any = None, reset: bool = False, delete: bool = False, **more: Any
    ) -> tuple[str, str | None]:
        if self.backend is None:
            return super()._memoize_version(f, args=args, kwargs=kwargs, reset=reset, delete=delete, **more)
        name, instance = _namespace_of(f, args, more.get("args_to_ignore"))
        if reset or delete:
            self.frescor.invalidate(self._tag(instance or name))
        return name, instance or MISSING_NAME

    def _tags_of(self, f: Any, args: Any, ignored: Any) -> tuple[str, ...]:
        name, instance = _namespace_of(f, args, ignored)
        return (self._tag(name), *(() if instance is None else (self._tag(instance),)))

    def _tag(self, name: str) -> str:
        backend = cast(FrescorCache, self.backend)
        # The names of functions and instances may have any length.
        return f"memoized:{key_digest(f'{values_of(backend).prefix} {name}')}"


def _namespace_of(f: Any, args: Any, ignored: Any) -> tuple[str, str | None]:
    name, instance = function_namespace(f, args=args)
    return name, None if "self" in (ignored or ()) else instance


def _say_hit(response: Response, *, hit: bool) -> Response:
    if hit:
        response.headers["hit_cache"] = "True"
    return response
