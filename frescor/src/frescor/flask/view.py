"""Views whose whole responses are cached, by what a request asks for and what the view is declared to vary on."""

import contextlib
import functools
import time
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Request, Response, current_app, has_request_context, request

from frescor._calls.claims import Claims
from frescor._calls.loading import current_load
from frescor._calls.policy import Policy
from frescor._http.answering import headers_to_send
from frescor._http.asking import METHODS, Passing, identified, sorted_query
from frescor._http.naming import name_of_view
from frescor._http.options import ViewOptions
from frescor._http.storing import NOT_STORED, UNSAID, Said, StoredResponse, to_store, why_not_stored
from frescor._http.tagging import filled_tags, without_templates
from frescor._surface.cache import Cache
from frescor._surface.decorator import Cached, caching
from frescor.flask.request_reads import RequestReads, session_is_read


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
        self._passing = Passing()
        self._say = Said(self.__name__, policy)

        def respond(asked: bytes, run: Callable[[Callable[..., Any]], StoredResponse]) -> StoredResponse:
            del asked
            # In a closure, so that another version of the view does not answer from this version's entries.
            return run(view)

        label = name or name_of_view(view)
        self._cached: Cached[..., StoredResponse] = caching(
            without_templates(policy), source, claims, name=label, ignore=("run",)
        )(respond)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The response to the current request: from its entry, as 304 if the client has it, or from the view."""
        asked = self._asked()
        if asked is None or asked in self._passing:
            return current_app.ensure_sync(self._view)(*args, **kwargs)
        call = _Call(self, asked, args, kwargs)
        stored = self._cached(asked, call.run)
        if call.response is not None:
            # This request's own response, which may not be stored.
            return call.response
        if stored.status == 0:
            # A load behind its back had a response that is for nobody else.
            return current_app.ensure_sync(self._view)(*args, **kwargs)
        return self._answer(stored, hit=not call.ran)

    def invalidate_all(self) -> bool:
        """Invalidate all responses of this view, in one write. False with the store down: then it is still pending."""
        return self._cached.invalidate_all()

    # -- what is asked for -------------------------------------------------------------------------------------------

    def _asked(self) -> bytes | None:
        """What distinguishes this request from others; None if the request must not be answered from the cache."""
        options = self._options
        # What a GET brings in its body is no part of the key.
        brings = request.environ.get("CONTENT_LENGTH") not in (None, "", "0") or "Transfer-Encoding" in request.headers
        if request.method not in METHODS or "Range" in request.headers or brings:
            return None
        if not options.functions:
            # What was read before the view began, such as the user, may be part of what the view shows.
            if session_is_read() and not options.public:
                self._say(
                    "the session was read before it began: give vary=(…,) a function that says for whom the response "
                    "is, or public=True if it is the same for everybody"
                )
                return None
            if "Authorization" in request.headers and "authorization" not in options.headers:
                return None
        asked = (
            request.method,
            request.scheme,
            request.host,
            request.root_path,
            request.path,
            sorted_query(request.query_string.decode("latin-1")),
            *((vary.lower(), request.headers.get(vary)) if isinstance(vary, str) else vary() for vary in options.vary),
        )
        return identified(asked, self.policy)

    # -- what comes back ---------------------------------------------------------------------------------------------

    def make(self, view: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Response, str]:
        """The view's own response, and the reason why it may not be stored, or ''."""
        with RequestReads() as watch:
            response = current_app.make_response(current_app.ensure_sync(view)(*args, **kwargs))
        if response.is_streamed or response.direct_passthrough:
            return response, "its response is streamed: return the whole body to have it cached"
        headers = tuple(response.headers.items())
        return response, why_not_stored(response.status_code, headers, watch.reads, self._options)

    def kept(self, response: Response) -> StoredResponse:
        """The response in its stored form."""
        return to_store(response.status_code, tuple(response.headers.items()), response.get_data(), self.policy)

    def passed(self, asked: bytes, reason: str) -> None:
        """A response may not be stored: say why, and let requests like this one skip the cache for a while."""
        self._say(reason)
        self._passing.add(asked)

    def _answer(self, stored: StoredResponse, *, hit: bool) -> Response:
        personal = bool(self._options.functions)
        headers = headers_to_send(stored, self._options, hit=hit, now=time.time(), personal=personal)
        response = current_app.response_class(stored.body, stored.status, headers)
        if current_app.debug:
            response.headers["Server-Timing"] = f"cache;desc={'hit' if hit else 'miss'}"
        return cast(Response, response.make_conditional(_request()))


class _Call:
    """One request on its way through the cache: whether its own view ran, and its response if it may not be stored."""

    def __init__(self, view: CachedView, asked: bytes, args: Any, kwargs: Any) -> None:
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
                    current_load().depends_on(*filled_tags(self._view.policy, self._kwargs))
                    return self._view.kept(response)
                if self.ran:
                    self.response = response
        self._view.passed(self._asked, reason)
        # Nobody else gets this response: those who wait for it call the view themselves.
        current_load().keep_private()
        return NOT_STORED


def _request() -> Request:
    return cast(Request, request._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way
