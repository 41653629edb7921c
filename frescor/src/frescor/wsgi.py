"""A middleware that caches whole responses by rules, for any WSGI application: Django, Pyramid, Bottle and others."""

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from types import TracebackType
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication

from frescor._calls.claims import Claims
from frescor._calls.loading import current_load
from frescor._calls.policy import Policy
from frescor._http.answering import answer
from frescor._http.asking import METHODS, Passing, identified, sorted_query
from frescor._http.environ import WatchedEnviron
from frescor._http.rules import Rule, rules_from
from frescor._http.storing import NOT_STORED, Headers, Reads, Said, StoredResponse, to_store, why_not_stored
from frescor._surface.cache import Cache
from frescor._surface.decorator import Cached, caching

__all__ = ["CachingMiddleware", "Rule"]

Environ = dict[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
# Handled when the entry is sent: the application has to make the whole response.
_CONDITIONAL = ("IF_MATCH", "IF_MODIFIED_SINCE", "IF_NONE_MATCH", "IF_RANGE", "IF_UNMODIFIED_SINCE")


class CachingMiddleware:
    """Caches responses by rules: `application = CachingMiddleware(application, rules=[Rule("/products/*", POLICY)],
    cache=cache)`.

    A response is stored by method, scheme, host, path, sorted query, and its rule's `vary`. On a hit nothing within the
    middleware runs, including checks of permissions. So requests with `Authorization` or with cookies bypass the cache,
    unless the rule varies on them or says whom a response is for (`public=True` allows cookies). A response is sent but
    not stored if it sets a cookie, is streamed, contains `no-store`, names a header in `Vary` that the rule does not,
    or was made by reading such a header; the log says so once, and what to write. Errors are not stored.

    It sends `ETag` (and 304 to clients that have the response), `Age`, `Vary` and `Cache-Control: max-age`, never
    longer than the entry is kept. One request runs the application while others for the same response wait. Methods
    other than GET and HEAD, and requests with a body or a range pass unchanged. With the store down the application
    runs.

    cache: a Cache, or a function that returns it.
    """

    def __init__(self, app: WSGIApplication, rules: Iterable[Rule], cache: Cache | Callable[[], Cache]) -> None:
        self._app = app
        source = (lambda: cache) if isinstance(cache, Cache) else cache
        claims = Claims(by_objects=False)
        self._find = rules_from(rules, lambda rule, policy: _Paths(app, rule, policy, source, claims))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or pass it on."""
        paths = self._find(_text(environ.get("PATH_INFO", "")) or "/")
        if paths is None:
            return self._app(environ, start_response)
        return paths.respond(environ, start_response)


class _Paths:
    """The paths of one rule."""

    def __init__(
        self, app: WSGIApplication, rule: Rule, policy: Policy, source: Callable[[], Cache], claims: Claims
    ) -> None:
        self.app, self.rule, self.policy, self._source = app, rule, policy, source
        self.passing, self.say = Passing(), Said(rule.path, policy)
        self._cached = cast(
            "Cached[..., StoredResponse]",
            caching(policy, source, claims, name=rule.label, ignore=("load",))(_respond),
        )

    @property
    def largest(self) -> int:
        """The most bytes of a body that is stored."""
        return self._source()._engine.packing.largest

    def respond(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The response, from its entry or from the application."""
        asked = self._asked(environ)
        if asked is None or asked in self.passing:
            return self.app(environ, start_response)
        call = _Call(self, asked, environ)
        try:
            stored = self._cached(asked, call.load)
        except _Failed:
            stored = NOT_STORED
        if stored.status == 0:
            # The request's own response; or a new one, if a load in the background, or another request's, had a private
            # one.
            return self.app(environ, start_response) if call.made is None else call.made.send(start_response)
        if call.made is not None:
            # An error, in whose place the old response is sent.
            call.made.close()
        options = self.rule.options
        status, headers, body = answer(
            stored,
            options,
            method=environ["REQUEST_METHOD"],
            asked=[(name[5:].replace("_", "-"), str(value)) for name, value in environ.items() if name[:5] == "HTTP_"],
            hit=not call.loads,
            now=time.time(),
            personal=bool(options.functions),
        )
        start_response(_status_line(status), headers)
        return [body]

    def _asked(self, environ: Environ) -> bytes | None:
        """What distinguishes the request from others; None if it must not be answered from the cache."""
        options = self.rule.options
        brings = environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ
        if environ["REQUEST_METHOD"] not in METHODS or brings or "HTTP_RANGE" in environ or "HTTP_UPGRADE" in environ:
            return None
        if not options.functions:
            if "HTTP_AUTHORIZATION" in environ and "authorization" not in options.headers:
                return None
            if "HTTP_COOKIE" in environ and "cookie" not in options.headers and not options.public:
                self.say(
                    "its request has cookies: give vary=(…,) a function that says for whom the response is, or "
                    "public=True if it is the same for everybody"
                )
                return None
        return identified(
            (
                environ["REQUEST_METHOD"],
                environ["wsgi.url_scheme"],
                environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME')}:{environ.get('SERVER_PORT')}",
                environ.get("SCRIPT_NAME", ""),
                environ.get("PATH_INFO", ""),
                sorted_query(environ.get("QUERY_STRING", "")),
                *((name, environ.get(f"HTTP_{name.upper().replace('-', '_')}")) for name in sorted(options.headers)),
                *(function(environ) for function in options.functions),
            ),
            self.policy,
        )


class _Failed(Exception):
    """The application's response is an error, for which the policy serves the old response if there is one."""


class _Call:
    """One request on its way through the cache."""

    def __init__(self, paths: _Paths, asked: bytes, environ: Environ) -> None:
        self._paths, self._asked, self._environ = paths, asked, environ
        self._original = dict(environ)
        self._thread = threading.get_ident()
        self.loads = False
        # The request's own response, if it may not be stored.
        self.made: _Made | None = None

    def load(self) -> StoredResponse:
        """The loader: the application's response to this request or, for a refresh in the background, to one like
        it."""
        here = threading.get_ident() == self._thread
        paths, reads, environ = self._paths, Reads(), dict(self._original)
        for name in _CONDITIONAL:
            environ.pop(f"HTTP_{name}", None)
        if not here:
            environ["wsgi.input"] = io.BytesIO()
        given = WatchedEnviron(environ, reads.headers) if paths.rule.watch else environ
        made = _Made(paths.app, given)
        if here:
            # What the application put into its environment is available to outer middleware, as without a cache.
            self._environ.update({name: one for name, one in dict.items(given) if name not in self._environ})
            self.loads = True
        reason = made.whole_within(paths.largest)
        if not reason:
            # Requests with one of these bypass the cache unless they are distinguished by it, so reading it is harmless
            # here.
            noted = Reads(reads.headers - {"cookie", "authorization"})
            reason = why_not_stored(made.status, made.headers, noted, paths.rule.options)
        if not reason:
            return to_store(made.status, made.headers, made.body, paths.policy)
        if here:
            self.made, self.loads = made, False
        else:
            made.close()
        if made.status >= 500 and paths.policy.on_failure == "stale":
            raise _Failed(f"status {made.status}")
        paths.say(reason)
        paths.passing.add(self._asked)
        # Nobody else gets this response: other requests that wait for it run the application themselves.
        current_load().keep_private()
        return NOT_STORED


def _respond(asked: bytes, load: Callable[[], StoredResponse]) -> StoredResponse:
    del asked
    return load()


class _Made:
    """An application's response, read as far as needed to know whether it may be stored. For a server it is the body:
    what was read, then the rest."""

    def __init__(self, app: WSGIApplication, environ: Environ) -> None:
        self._line, self._closed = "", False
        self._listed: list[tuple[str, str]] = []
        # Written through the function that `start_response` returns, or read from the body itself.
        self._written: list[bytes] = []
        self._read: list[bytes] = []
        self._parts = app(environ, self._start)
        try:
            self._rest = iter(self._parts)
            # An application may begin its response together with the first part of the body.
            while not self._line:
                self._read.append(next(self._rest))
        except StopIteration:
            self.close()
            raise AssertionError("the application ended without having begun a response") from None
        except BaseException:
            self.close()
            raise

    def _start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        if self._line and exc_info is None:
            raise AssertionError("the application has begun its response already: start_response was called twice")
        self._line, self._listed = status, list(headers)
        return self._written.append

    @property
    def status(self) -> int:
        """The status, as a number."""
        return int(self._line[:3])

    @property
    def headers(self) -> Headers:
        """The headers."""
        return tuple(self._listed)

    @property
    def body(self) -> bytes:
        """What was read of the body."""
        return b"".join([*self._written, *self._read])

    def whole_within(self, largest: int) -> str:
        """Read the body, if it is complete and not larger than this. Returns why it may not be stored, or ''."""
        length = self._known_length()
        if length is None:
            return "its response is streamed: give it a Content-Length to have it cached"
        size = 0
        try:
            while length <= largest and size <= largest:
                part = next(self._rest, None)
                if part is None:
                    self.close()
                    return ""
                self._read.append(part)
                size += len(part)
        except BaseException:
            self.close()
            raise
        return f"it is larger than largest_value, {largest:,} bytes"

    def _known_length(self) -> int | None:
        """The approximate length of the body; None for one that is produced while it is sent."""
        parts: Any = self._parts
        if isinstance(parts, list | tuple):
            return sum(map(len, parts))
        given = next((value for name, value in self._listed if name.lower() == "content-length"), "")
        if given.isdigit():
            return int(given)
        # Django's response, which is its own iterable.
        return 0 if getattr(parts, "streaming", None) is False else None

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """The response, unchanged, for a server."""
        write = start_response(self._line, self._listed)
        for part in self._written:
            write(part)
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield from self._read
        yield from self._rest

    def close(self) -> None:
        """Tell the application, once, that its response was taken."""
        close = getattr(self._parts, "close", None)
        if close is not None and not self._closed:
            self._closed = True
            close()


def _text(value: str) -> str:
    """A part of a path: in the environment its bytes are stored as Latin-1 (PEP 3333)."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"
