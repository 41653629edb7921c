"""One call of a function with one of Flask-Caching's decorators: applies the decorator's options and gets the value."""

import functools
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_caching import Cache as FlaskCaching
from flask_caching import CachedResponse, signals
from flask_caching.utils import join_generator, normalize_timeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from frescor._calls.loading import CurrentLoad, current_load
from frescor._calls.policy import Policy
from frescor._doors.key_values import FOREVER
from frescor.flask_caching.backend import FrescorCache, values_of
from frescor.flask_caching.responses import KEPT, from_kept, to_kept

logger = logging.getLogger("frescor")

# What Flask-Caching uses as the name of an instance if there is none.
MISSING_NAME = ""
_SAID: set[str] = set()


@dataclass(frozen=True)
class Asked:
    """A decorator's options, by name."""

    options: dict[str, Any]

    @classmethod
    def of(cls, decorator: Callable[..., Any], args: Any, options: Any) -> "Asked":
        """The options given to one of Flask-Caching's decorators, with its own defaults filled in."""
        bound = inspect.signature(decorator).bind(None, *args, **options)
        bound.apply_defaults()
        return cls(dict(bound.arguments))

    def option(self, name: str) -> Any:
        """One option; None if this version of Flask-Caching does not have it."""
        return self.options.get(name)

    def is_true(self, name: str, /, *arguments: Any, **more: Any) -> bool:
        """Whether an option that is a function returns True; it gets the arguments if it takes any."""
        function = self.option(name)
        if not callable(function):
            return False
        takes = _takes_arguments(function)
        return (function(*arguments, **more) if takes else function()) is True

    def is_stale(self, value: Any, /, *arguments: Any, **more: Any) -> bool:
        """Whether the option `is_stale` says so of a value; it gets the call's arguments if it takes more than the
        value."""
        function = self.option("is_stale")
        if not callable(function):
            return False
        takes = len(_positional(function)) > 1
        return (function(value, *arguments, **more) if takes else function(value)) is True


def _takes_arguments(function: Callable[..., Any]) -> bool:
    return bool(_positional(function))


def _positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]


class GuardedCall:
    """One call: answered by the cache, or loaded once for all who ask."""

    def __init__(
        self,
        cache: FlaskCaching,
        backend: FrescorCache,
        key: str,
        tags: tuple[str, ...],
        timeout: int | None,
        asked: Asked,
        run: Callable[[], Any],
        args: Any,
        kwargs: Any,
        *,
        is_view: bool,
    ) -> None:
        self._cache, self._backend, self._key, self._tags = cache, backend, key, tags
        self._asked, self._run, self._args, self._kwargs, self._is_view = asked, run, args, kwargs, is_view
        self._seconds = seconds_of(backend.default_timeout if timeout is None else timeout)
        self._ran = False
        self._made: Any = None
        self._kept: Any = None

    @property
    def hit(self) -> bool:
        """Whether the value was in the cache."""
        return not self._ran

    def result(self) -> Any:
        """The value from the cache, or what the function returned; raises the HTTP error that it raised."""
        asked = self._asked
        forced = asked.is_true("forced_update", *self._args, **self._kwargs)
        if forced:
            self._backend.delete(self._key)
        value = self._through()
        if not forced and not self._ran and asked.is_stale(value, *self._args, **self._kwargs):
            values, seen = values_of(self._backend), self._kept
            values.drive(values.remove_if(self._key, lambda kept: bool(kept == seen)))
            value = self._through()
        if not self._ran:
            self._tell(hit=True)
        return value

    def answer(self, value: Any) -> Any:
        """The value as the function would have returned it; an HTTP error is raised."""
        if self._is_view and isinstance(value, HTTPException):
            raise value
        return value

    def _through(self) -> Any:
        values = values_of(self._backend)
        policy = policy_for(values.prefix, self._seconds)
        self._kept = values.cache.get_or_load(values.key(self._key), self._load, policy, as_type=KEPT)
        # The caller that ran the function gets its own result, which was not encoded and decoded.
        return self._made if self._ran else from_kept(self._kept)

    def _load(self) -> Any:
        self._ran = True
        self._tell(hit=False)
        load = current_load()
        load.depends_on(*self._tags)
        made = self._made = self._computed()
        if self._is_private(made, load):
            load.keep_private()
            return None
        if isinstance(made, CachedResponse) and made.timeout:
            load.expire(seconds_of(made.timeout))
        return to_kept(made)

    def _computed(self) -> Any:
        try:
            made = self._run()
        except HTTPException as error:
            if not self._is_view:
                raise
            made = error
        return join_generator(made) if inspect.isgenerator(made) else made

    def _is_private(self, made: Any, load: CurrentLoad) -> bool:
        accepts = self._asked.option("response_filter")
        shown = made.get_response() if self._is_view and isinstance(made, HTTPException) else made
        if callable(accepts) and not accepts(shown):
            return True
        if made is None and not self._asked.option("cache_none"):
            return True
        if isinstance(made, AnyResponse) and made.headers.getlist("Set-Cookie"):
            self._say("its response sets a cookie, which is for one visitor only")
            return True
        if isinstance(made, AnyResponse) and made.direct_passthrough:
            self._say("its response is a file that is sent as it is")
            return True
        return load.private

    def _say(self, reason: str) -> None:
        name = getattr(self._run.func, "__qualname__", "a view") if isinstance(self._run, functools.partial) else ""
        sentence = f"{name} is not cached: {reason}"
        if sentence not in _SAID:
            _SAID.add(sentence)
            logger.warning("%s", sentence)

    def _tell(self, *, hit: bool) -> None:
        if not self._cache.enable_signals:
            return
        more = {"cache": self._cache, "cache_key": self._key, "args": self._args, "kwargs": self._kwargs}
        if self._is_view:
            (signals.cache_view_hit if hit else signals.cache_view_miss).send(**more)
        else:
            f = getattr(self._run, "func", None)
            (signals.cache_memoize_hit if hit else signals.cache_memoize_miss).send(f=f, **more)


@functools.lru_cache(maxsize=256)
def policy_for(prefix: str, seconds: float) -> Policy:
    """The policy for values kept for this many seconds. Without early loads, which have no request."""
    return Policy(name=prefix, expire=seconds, jitter=0, early=False)


def seconds_of(timeout: Any) -> float:
    """A Flask-Caching timeout in seconds; 0 means forever."""
    seconds = normalize_timeout(timeout)
    return float(min(seconds, FOREVER)) if seconds else float(FOREVER)
