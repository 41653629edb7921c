"""Views whose whole responses are cached, by what a request asks for and what the view is declared to vary on."""

import contextlib
import functools
import hashlib
import logging
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, cast
from urllib.parse import urlencode

from flask import Flask, Request, Response, current_app, has_request_context, request

from frescor._calls.claims import Claims
from frescor._calls.loading import current_load
from frescor._calls.policy import Policy, Seconds, seconds
from frescor._surface.cache import Cache
from frescor._surface.decorator import Cached, caching
from frescor.errors import PolicyError
from frescor.flask.request_reads import ANY_HEADER, RequestReads, session_is_read

P = ParamSpec("P")
Vary = str | Callable[[], object]

logger = logging.getLogger("frescor")

# Headers that belong to one connection or one moment, and one visitor's cookies.
_NOT_KEPT = frozenset(
    {"age", "connection", "date", "keep-alive", "server", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade"}
)
# Already part of the key.
_IN_THE_KEY = frozenset({"host"})
# After a response that may not be stored, similar requests skip the cache for this long and do not wait for each other.
PASS_SECONDS = 10.0
# The reason for not storing a response when nobody can do anything about it.
UNSAID = "-"
_MOST_PASSING = 4096


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A stored response; when it was made and when it ends, in seconds since 1970."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    etag: str
    made_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How a view is cached, apart from its policy; see `FlaskCache.view`."""

    vary: tuple[Vary, ...]
    public: bool
    max_age: float
    statuses: frozenset[int]

    @property
    def headers(self) -> frozenset[str]:
        """The names of the request headers that the view varies on, in lower case."""
        return frozenset(vary.lower() for vary in self.vary if isinstance(vary, str))

    @property
    def functions(self) -> tuple[Callable[[], object], ...]:
        """The functions that say for whom a response is."""
        return tuple(vary for vary in self.vary if not isinstance(vary, str))


def options_from(
    vary: Vary | Iterable[Vary], *, public: bool, max_age: Seconds, statuses: Iterable[int], policy: Policy
) -> ViewOptions:
    """The options of a view. Raises PolicyError for options that make no sense."""
    given: tuple[object, ...] = (vary,) if isinstance(vary, str) or callable(vary) else tuple(vary)
    for one in given:
        if not callable(one) and not (isinstance(one, str) and one.strip() and one.isascii() and one != "*"):
            raise PolicyError(
                "vary holds names of request headers, such as 'Accept-Language', and functions without arguments, such "
                f"as lambda: current_user.get_id(); got {one!r}.",
                policy=policy.name,
            )
    if public and any(callable(one) for one in given):
        raise PolicyError(
            "public=True says that everybody gets the same response, and a function in vary that each gets another: "
            "leave one of them out.",
            policy=policy.name,
        )
    return ViewOptions(
        vary=cast("tuple[Vary, ...]", given),
        public=public,
        max_age=0.0 if max_age == 0 else seconds(max_age, policy=policy.name),
        statuses=frozenset(statuses),
    )


class CachedView:
    """What `FlaskCache.view` makes of a view function; Flask calls it in place of the view."""

    def __init__(
        self,
        view: Callable[..., Any],
        policy: Policy,
        options: ViewOptions,
        source: Callable[[], Cache],
        claims: Claims,
        *,
        name: str | None,
    ) -> None:
        # Flask takes the endpoint's name from it.
        self.__name__ = getattr(view, "__name__", type(view).__name__)
        functools.update_wrapper(self, view)
        self.policy = policy
        self._view, self._options = view, options
        self._passing: OrderedDict[object, float] = OrderedDict()
        self._lock = threading.Lock()
        self._said: set[str] = set()

        def respond(asked: tuple[object, ...], run: Callable[[Callable[..., Any]], StoredResponse]) -> StoredResponse:
            del asked
            # In a closure, so that another version of the view does not answer from this version's entries.
            return run(view)

        label = name or f"{view.__module__}.{view.__qualname__}".replace("<locals>.", "")
        self._cached: Cached[..., StoredResponse] = caching(policy, source, claims, name=label, ignore=("run",))(
            respond
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The response to the current request: from its entry, as 304 if the client has it, or from the view."""
        asked = self._asked()
        if asked is None or self._passes(asked):
            return current_app.ensure_sync(self._view)(*args, **kwargs)
        call = _Call(self, asked, args, kwargs)
        stored = self._cached(asked, call.run)
        if call.response is not None:
            # This request's own response, which may not be stored.
            return call.response
        return self._answer(stored, hit=not call.ran)

    def invalidate_all(self) -> bool:
        """Invalidate all responses of this view, in one write. False with the store down: then it is still pending."""
        return self._cached.invalidate_all()

    # -- what is asked for -------------------------------------------------------------------------------------------

    def _asked(self) -> tuple[object, ...] | None:
        """What distinguishes this request from others; None if the request must not be answered from the cache."""
        options = self._options
        if request.method not in ("GET", "HEAD") or "Range" in request.headers:
            return None
        if not options.functions:
            # What was read before the view began, such as the user, may be part of what the view shows.
            if session_is_read() and not options.public:
                self.say(
                    "the session was read before it began: give vary=(…,) a function that says for whom the response "
                    "is, or public=True if it is the same for everybody"
                )
                return None
            if "Authorization" in request.headers and "authorization" not in options.headers:
                return None
        return (
            request.method,
            request.scheme,
            request.host,
            request.root_path,
            request.path,
            urlencode(sorted(request.args.items(multi=True))),
            *((vary.lower(), request.headers.get(vary)) if isinstance(vary, str) else vary() for vary in options.vary),
        )

    def _passes(self, asked: object) -> bool:
        until = self._passing.get(asked)
        return until is not None and until > time.monotonic()

    def let_pass(self, asked: object) -> None:
        """Let requests like this one skip the cache for a while."""
        with self._lock:
            self._passing[asked] = time.monotonic() + PASS_SECONDS
            self._passing.move_to_end(asked)
            while len(self._passing) > _MOST_PASSING:
                self._passing.popitem(last=False)

    # -- what comes back ---------------------------------------------------------------------------------------------

    def make(self, view: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Response, str]:
        """The view's own response, and the reason why it may not be stored, or ''."""
        with RequestReads() as watch:
            response = current_app.make_response(current_app.ensure_sync(view)(*args, **kwargs))
        return response, self._reason(response, watch)

    def _reason(self, response: Response, watch: RequestReads) -> str:
        options = self._options
        control = response.cache_control
        if response.is_streamed or response.direct_passthrough:
            return "its response is streamed: return the whole body to have it cached"
        if response.headers.getlist("Set-Cookie") or watch.session_modified:
            return "it sets a cookie, or changes the session: that is for one visitor alone"
        if watch.session_read and not options.functions:
            return "it reads the session: give vary=(…,) a function that says for whom the response is"
        unnamed = sorted(watch.headers - options.headers - _IN_THE_KEY)
        if "cookie" in unnamed and options.functions:
            unnamed.remove("cookie")
        if ANY_HEADER in unnamed:
            return "it goes through all request headers: read those that it needs by their names"
        if unnamed:
            named = ", ".join(repr(name.title()) for name in unnamed)
            return f"it reads request headers that it does not vary on: write vary=({named}, …)"
        if "*" in response.headers.get("Vary", ""):
            return "it says Vary: *"
        if control.no_store or (control.private and not options.functions):
            return f"it says Cache-Control: {response.headers['Cache-Control']}"
        # The response is an error, which is made anew each time; nothing is wrong with the view.
        return "" if response.status_code in options.statuses else UNSAID

    def kept(self, response: Response) -> StoredResponse:
        """The response in its stored form, for as long as the policy or the view says."""
        load = current_load()
        policy = self.policy
        rest = load.ttl
        if rest is None:
            rest = policy.ttl * (1 + policy.jitter * (2 * random.random() - 1))  # noqa: S311 - spreads, hides nothing
            load.expire(rest)
        body = response.get_data()
        headers = tuple((name, value) for name, value in response.headers.items() if name.lower() not in _NOT_KEPT)
        etag, _ = response.get_etag()
        now = time.time()
        return StoredResponse(response.status_code, headers, body, etag or _digest(headers, body), now, now + rest)

    def say(self, reason: str) -> None:
        """Log, once, why a response of this view is not stored."""
        if reason not in self._said and reason != UNSAID:
            self._said.add(reason)
            logger.warning("a response of %s (policy %s) is not cached: %s.", self.__name__, self.policy.name, reason)

    def _answer(self, stored: StoredResponse, *, hit: bool) -> Response:
        options = self._options
        response = current_app.response_class(stored.body, stored.status, list(stored.headers))
        now = time.time()
        # Never longer than the entry lives. Browsers learn of an invalidation only by asking again.
        most = options.max_age
        if response.cache_control.max_age is not None:
            most = float(response.cache_control.max_age)
        # An invalidation ends the entry earlier, but a browser learns of that only when it asks.
        response.cache_control.max_age = max(0, min(int(most), int(stored.ends_at - now)))
        response.cache_control.must_revalidate = True
        if options.functions:
            response.cache_control.private = True
            response.vary.add("Cookie")
        response.vary.update(vary for vary in options.vary if isinstance(vary, str))
        if not response.get_etag()[0]:
            response.set_etag(stored.etag)
        if hit:
            response.headers["Age"] = str(max(0, int(now - stored.made_at)))
        if current_app.debug:
            response.headers["Server-Timing"] = f"cache;desc={'hit' if hit else 'miss'}"
        return cast(Response, response.make_conditional(_request()))


class _Call:
    """One request on its way through the cache: whether its own view ran, and its response if it may not be stored."""

    def __init__(self, view: CachedView, asked: tuple[object, ...], args: Any, kwargs: Any) -> None:
        self._view, self._asked, self._args, self._kwargs = view, asked, args, kwargs
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way
        self._environ = dict(_request().environ)
        self.ran = False
        self.response: Response | None = None

    def run(self, view: Callable[..., Any]) -> StoredResponse:
        """The loader: the view's response, in this request or, for a background refresh, in a request like it."""
        self.ran = has_request_context()
        reason = UNSAID
        with contextlib.nullcontext() if self.ran else self._app.request_context(self._environ):
            # What is set up before each request (a locale, say) has to be set up for a background refresh, too.
            if self.ran or self._app.preprocess_request() is None:
                response, reason = self._view.make(view, self._args, self._kwargs)
                if not reason:
                    return self._view.kept(response)
                if self.ran:
                    self.response = response
        self._view.say(reason)
        self._view.let_pass(self._asked)
        # Nobody else gets this response: those who wait for it call the view themselves.
        current_load().keep_private()
        return StoredResponse(0, (), b"", "", 0.0, 0.0)


def _request() -> Request:
    return cast(Request, request._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way


def _digest(headers: tuple[tuple[str, str], ...], body: bytes) -> str:
    digest = hashlib.blake2b(body, digest_size=16)
    for name, value in headers:
        # The same bytes with another type or language are another representation (RFC 9110, 8.8.3).
        if name.lower() in ("content-type", "content-language", "content-encoding"):
            digest.update(f"\0{name.lower()}:{value}".encode())
    return digest.hexdigest()
