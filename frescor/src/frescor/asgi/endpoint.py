"""Endpoints of FastAPI and Starlette whose whole responses are cached."""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from frescor._calls.callables import core_of
from frescor._calls.claims import Claims
from frescor._calls.loading import current_load
from frescor._calls.policy import Policy, Seconds
from frescor._http.answering import answer
from frescor._http.asking import Passing, identified
from frescor._http.naming import name_of_view
from frescor._http.options import ViewOptions, options_from
from frescor._http.storing import NOT_STORED, Headers, Reads, Said, StoredResponse, to_store, why_not_stored
from frescor._http.tagging import filled_tags, without_templates
from frescor._surface.cache import Cache
from frescor._surface.decorator import AsyncCached, caching
from frescor._surface.options import policy_from
from frescor.asgi.arguments import REQUEST, RESPONSE, Arguments, Identified, read_arguments
from frescor.asgi.lifespan import CURRENT, cache_of
from frescor.asgi.rendering import rendered
from frescor.asgi.request_reads import WatchedRequest
from frescor.asgi.scope import bytes_of, header, identity, joined, may_be_stored, pairs_of
from frescor.asgi.together import Together
from frescor.errors import PolicyError

_CLAIMS = Claims(by_objects=False)
VaryOfRequest = str | Callable[[Request], object]


def cached_view(
    policy: Policy | None = None,
    /,
    *,
    vary: VaryOfRequest | Iterable[VaryOfRequest] = (),
    key: Mapping[str, Callable[[Any], object]] = {},
    public: bool = False,
    max_age: Seconds = 0,
    statuses: Iterable[int] = (200,),
    name: str | None = None,
    cache: Cache | None = None,
    **options: object,
) -> Callable[[Callable[..., Any]], "CachedView"]:
    """Cache an endpoint's whole responses; put it below `@app.get`.

    A response is stored by method, scheme, host, path, sorted query, the request headers in `vary`, what functions in
    `vary` return for the request (`lambda request: request.state.user_id`), and by the endpoint's arguments: headers,
    cookies, and the results of dependencies. Dependencies also run on a hit, so whatever they check is checked. Results
    without an identity by value (services) are left out, and so are `Request`, `Response` and `BackgroundTasks`;
    sessions are identified by their database. The result of a dependency that reads the request, such as the current
    user, must have an identity: its value, or what `key={"user": lambda user: user.id}` returns; the response is
    private then. As with `cached`, changes in a tracked database invalidate it.

    It is sent with an ETag (a request that has it gets 304), `Age`, `Vary`, and `Cache-Control: max-age` of at most
    `max_age` seconds and never longer than the entry is kept. A response is not stored if it sets a cookie, is
    streamed, contains `no-store`, names a header in `Vary` that is not in `vary`, or has a status that is not in
    `statuses`. Without a function in `vary`, it is also not stored if the endpoint reads, from the request itself,
    headers that are not in `vary`, the session, the user or the state. The log says so once, and what to write.
    `public=True` declares that the response is the same for everybody.

    One request runs the endpoint while others for the same response wait; its background tasks belong to that request.
    With the store down the endpoint runs. name: the endpoint's name in keys; by default its qualified name. cache: by
    default that of the application (see `lifespan`). Raises PolicyError for options that make no sense.
    """
    chosen = policy_from(policy, options)
    given = options_from(
        vary,
        public=public,
        max_age=max_age,
        statuses=statuses,
        policy=chosen,
        arguments="of the request, such as lambda request: request.state.user_id",
    )

    def decorate(endpoint: Callable[..., Any]) -> CachedView:
        arguments = read_arguments(endpoint, key, chosen.name, public=public)
        return _callable_of(_View(endpoint, chosen, given, arguments, name=name, cache=cache))

    return decorate


class CachedView(Protocol):
    """The endpoint that `cached_view` returns."""

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The response to a request."""

    async def invalidate_all(self, app: object = None) -> bool:
        """Invalidate all responses of this endpoint, in one write. app: the application whose cache is meant, if it is
        called outside of a request. False with the store down: it is pending."""


def _callable_of(view: "_View") -> CachedView:
    """A function, because Starlette requires one for an endpoint; a class binds it as a method."""

    async def endpoint(*args: Any, **kwargs: Any) -> Any:
        return await view.respond(args, kwargs)

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        if hasattr(view.endpoint, attribute):
            setattr(endpoint, attribute, getattr(view.endpoint, attribute))
    shown = cast(Any, endpoint)
    shown.__signature__ = view.arguments.signature
    shown.invalidate_all = view.invalidate_all
    return cast(CachedView, endpoint)


class _View:
    """A cached endpoint."""

    def __init__(
        self,
        endpoint: Callable[..., Any],
        policy: Policy,
        options: ViewOptions,
        arguments: Arguments,
        *,
        name: str | None,
        cache: Cache | None,
    ) -> None:
        self.endpoint, self.policy, self.options, self.arguments = endpoint, policy, options, arguments
        label = name or name_of_view(endpoint)
        self.passing, self.say = Passing(), Said(label, policy)
        self._cache = cache
        self._together = Together(stays=True, shield=lambda: anyio.CancelScope(shield=True))

        async def respond(asked: bytes, call: EndpointCall, given: Mapping[str, object]) -> StoredResponse:
            del asked, given
            # In a closure, so that another version of the endpoint does not answer from this version's entries.
            return await call.load(endpoint)

        made = caching(without_templates(policy), CURRENT.get, _CLAIMS, name=label, ignore=("call", "given"))(respond)
        self._cached = cast("AsyncCached[..., StoredResponse]", made)

    async def invalidate_all(self, app: object = None) -> bool:
        """See `CachedView.invalidate_all`."""
        token = CURRENT.set(self._cache or (CURRENT.get() if app is None else cache_of(app)))
        try:
            return await self._cached.invalidate_all()
        finally:
            CURRENT.reset(token)

    async def respond(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result for the endpoint's framework: a response, or what the endpoint itself returned."""
        request, given, own = self._taken_apart(args, kwargs)
        cache = self._cache or cache_of(request.scope.get("app"))
        found = await self._asked(request, own)
        call = EndpointCall(self, request, given, args, own)
        if found is None or found[0] in self.passing:
            return await call.run(self.endpoint)
        asked, call.identified = found
        call.asked = asked
        token = CURRENT.set(cache)
        try:
            stored = await self._together.run(asked, self._cached(asked, call, own), call)
        finally:
            CURRENT.reset(token)
        if call.passes:
            return call.result
        if stored.status == 0:
            # Another request's load had a response that is only for that request.
            return await call.run(self.endpoint)
        status, headers, body = answer(
            stored,
            self.options,
            method=request.method,
            asked=joined(pairs_of(request.scope["headers"])),
            hit=not call.loads,
            now=time.time(),
            personal=call.identified.personal or bool(self.options.functions),
            varies=call.identified.headers,
        )
        response = Response(body, status)
        # Dependencies run for each request, so the headers that they set are those of this request.
        response.raw_headers = [*bytes_of(headers), *call.of_dependencies]
        response.background = call.background
        return response

    def _taken_apart(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Request, Response | None, dict[str, Any]]:
        """The request, the response that may be written to, and the endpoint's own keyword arguments."""
        names = self.arguments
        request = kwargs.get(names.request or REQUEST) or next((one for one in args if isinstance(one, Request)), None)
        if not isinstance(request, Request):
            raise PolicyError(
                f"{self.endpoint!r} was called without a request: cached_view is for the endpoints of routes. For a "
                "function that others call, use cache.cached."
            )
        given = kwargs.get(names.response or RESPONSE)
        return request, given, {name: one for name, one in kwargs.items() if name not in (REQUEST, RESPONSE)}

    async def _asked(self, request: Request, own: dict[str, Any]) -> tuple[bytes, Identified] | None:
        """What distinguishes the request from others, and its counted arguments; None if it must not be answered from
        the cache."""
        options, scope = self.options, request.scope
        if not may_be_stored(scope):
            return None
        try:
            arguments = self.arguments.identify(own)
        except PolicyError as error:
            self.say(str(error))
            return None
        told_apart = options.functions or options.public or arguments.personal or "authorization" in options.headers
        if not told_apart and header(scope, "authorization") is not None:
            self.say(
                "its request has credentials: give vary=(…,) a function that says for whom the response is, or "
                "public=True if it is the same for everybody whom the dependencies let in"
            )
            return None
        for_whom = [function(request) for function in options.functions]
        whom = [await one if inspect.isawaitable(one) else one for one in for_whom]
        asked = (*identity(scope, options.headers), arguments.value, *whom)
        return identified(asked, self.policy), arguments


class EndpointCall:
    """One request on its way through the cache. It belongs to its request, like everything that its dependencies have
    opened (`_calls.borrowed` knows it by name)."""

    def __init__(
        self, view: _View, request: Request, given: Response | None, args: tuple[Any, ...], own: dict[str, Any]
    ) -> None:
        self._view, self._request, self._given, self._args, self._own = view, request, given, args, own
        self.asked = b""
        self.identified = Identified(b"", (), personal=False)
        self.task: asyncio.Task[Any] | None = None
        self.loads = self.passes = False
        self.result: object = None
        self.background: Any = None
        self.of_dependencies = [] if given is None else list(given.raw_headers)

    def leave(self) -> None:
        """Its request waits for the end of the load."""

    async def run(self, endpoint: Callable[..., Any], request: Request | None = None) -> Any:
        """What the endpoint itself returns; it may be given another request."""
        args, own, name = self._args, self._own, self._view.arguments.request
        if request is not None:
            args = tuple(request if one is self._request else one for one in args)
            own = {**own, name: request} if name in own else own
        if _is_awaited(endpoint):
            return await endpoint(*args, **own)
        return await run_in_threadpool(endpoint, *args, **own)

    async def load(self, endpoint: Callable[..., Any]) -> StoredResponse:
        """The loader: the endpoint's response."""
        view, reads = self._view, Reads()
        self.loads = True
        watched = WatchedRequest(self._request, reads)
        try:
            result = await self.run(endpoint, watched.request)
        except BaseException:
            # If the policy says so, the old response is sent instead.
            self.loads = False
            raise
        finally:
            watched.end()
        response = rendered(result, self._request, self._given)
        reason, body = "its response is streamed: return the whole body to have it cached", response_body(response)
        if body is not None:
            headers = (*pairs_of(response.raw_headers), *self._written(result))
            personal = self.identified.personal or bool(view.options.functions)
            reads.headers -= {name.lower() for name in self.identified.headers}
            reason = why_not_stored(response.status_code, headers, reads, view.options, for_one=personal)
            if not reason:
                arguments = {**self._request.path_params, **self._own}
                current_load().depends_on(*filled_tags(view.policy, arguments))
                self.background = response.background
                return to_store(response.status_code, headers, body, view.policy)
        self.passes, self.result = True, result
        view.say(reason)
        view.passing.add(self.asked)
        # Nobody else gets this response: other requests that wait for it run the endpoint themselves.
        current_load().keep_private()
        return NOT_STORED

    def _written(self, result: object) -> Headers:
        """The headers that the endpoint wrote to the response that it was given, if its framework sends them."""
        if self._given is None or isinstance(result, Response):
            return ()
        # A response without a body yet has a content-length of 0.
        written = [one for one in self._given.raw_headers if one not in self.of_dependencies]
        return tuple(one for one in pairs_of(written) if one[0].lower() != "content-length")


def response_body(response: Response) -> bytes | None:
    """The body of a complete response; None if it is streamed, or sent from a file."""
    body = getattr(response, "body", None)
    return bytes(body) if isinstance(body, bytes | memoryview) and not hasattr(response, "body_iterator") else None


def _is_awaited(endpoint: Callable[..., Any]) -> bool:
    core = core_of(endpoint)
    return inspect.iscoroutinefunction(core) or inspect.iscoroutinefunction(getattr(core, "__call__", None))  # noqa: B004
