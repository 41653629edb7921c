"""A middleware that caches whole responses by rules, for any ASGI application."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from frescor._calls.claims import Claims
from frescor._calls.loading import current_load
from frescor._calls.policy import Policy
from frescor._http.answering import answer
from frescor._http.asking import Passing, identified
from frescor._http.rules import Rule, rules_from
from frescor._http.storing import NOT_STORED, Headers, Reads, Said, StoredResponse, to_store, why_not_stored
from frescor._surface.cache import Cache
from frescor._surface.decorator import AsyncCached, caching
from frescor.asgi.exchange import Exchange
from frescor.asgi.header_reads import watched_headers
from frescor.asgi.lifespan import CURRENT, cache_of
from frescor.asgi.scope import (
    App,
    Receive,
    Scope,
    Send,
    bytes_of,
    header,
    identity,
    joined,
    may_be_stored,
    pairs_of,
    path_within,
    text_of,
)
from frescor.asgi.together import Together, keep_until_ended

# Handled when the entry is sent: the application has to make the whole response.
_CONDITIONAL = frozenset({"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"})


class CachingMiddleware:
    """Caches responses by rules: `app.add_middleware(CachingMiddleware, rules=[Rule("/products/*", POLICY)])`.

    A response is stored by method, scheme, host, path, sorted query, and its rule's `vary`. On a hit nothing within the
    middleware runs, including checks of permissions. So requests with `Authorization` or with cookies bypass the cache,
    unless the rule varies on them or says whom a response is for (`public=True` allows cookies). A response is sent but
    not stored if it sets a cookie, is streamed, contains `no-store`, names a header in `Vary` that the rule does not,
    or was made by reading such a header; the log says so once, and what to write. Errors are not stored.

    It sends `ETag` (and 304 to clients that have the response), `Age`, `Vary` and `Cache-Control: max-age`, never
    longer than the entry is kept. One request runs the application while others for the same response wait; if it is
    cancelled, the load continues for them. Lifespans, websockets, methods other than GET and HEAD, and requests with a
    body or a range pass unchanged. With the store down the application runs.

    cache: a Cache, a function that returns it, or None for the application's cache (see `lifespan`).
    """

    def __init__(self, app: App, rules: Iterable[Rule], cache: Cache | Callable[[], Cache] | None = None) -> None:
        self._app, self._cache = app, cache
        claims = Claims(by_objects=False)
        self._find = rules_from(rules, lambda rule, policy: _Paths(app, rule, policy, claims))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        paths = self._find(path_within(scope)) if scope["type"] == "http" else None
        if paths is None:
            await self._app(scope, receive, send)
            return
        cache = self._cache
        if cache is None:
            cache = cache_of(scope.get("app"))
        token = CURRENT.set(cache if isinstance(cache, Cache) else cache())
        try:
            await paths.respond(scope, receive, send)
        finally:
            CURRENT.reset(token)


class _Paths:
    """The paths of one rule."""

    def __init__(self, app: App, rule: Rule, policy: Policy, claims: Claims) -> None:
        self.app, self.rule, self.policy = app, rule, policy
        self.passing, self.say = Passing(), Said(rule.path, policy)
        self._together = Together(stays=False)
        self._cached = cast(
            "AsyncCached[..., StoredResponse]",
            caching(policy, CURRENT.get, claims, name=rule.label, ignore=("load",))(_respond),
        )

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = await self._asked(scope)
        if asked is None or asked in self.passing:
            await self.app(scope, receive, send)
            return
        call = _Call(self, asked, scope, (receive, send))
        try:
            stored = await self._together.run(asked, self._cached(asked, call.load), call)
        except _Failed:
            stored = NOT_STORED
        exchange = call.exchange
        if stored.status == 0:
            if exchange is None:
                # A load in the background, or another request's, had a response that is only for that request.
                await self.app(scope, receive, send)
                return
            if exchange.failed:
                await exchange.let_go()
        elif exchange is not None and exchange.failed:
            # The old response is sent instead.
            keep_until_ended(exchange.task)
            exchange = None
        if exchange is None or not exchange.passes:
            status, headers, body = answer(
                stored,
                self.rule.options,
                method=scope["method"],
                asked=joined(pairs_of(scope["headers"])),
                hit=not call.loads,
                now=time.time(),
                personal=bool(self.rule.options.functions),
            )
            await send({"type": "http.response.start", "status": status, "headers": bytes_of(headers)})
            await send({"type": "http.response.body", "body": body})
        if exchange is not None:
            await exchange.finish()
            # What the application put into its scope is available to outer middleware, as without a cache.
            scope.update({name: value for name, value in call.scope.items() if name not in scope})

    async def _asked(self, scope: Scope) -> bytes | None:
        """What distinguishes the request from others; None if it must not be answered from the cache."""
        options = self.rule.options
        if not may_be_stored(scope):
            return None
        if not options.functions:
            if header(scope, "authorization") is not None and "authorization" not in options.headers:
                return None
            if header(scope, "cookie") is not None and "cookie" not in options.headers and not options.public:
                self.say(
                    "its request has cookies: give vary=(…,) a function that says for whom the response is, or "
                    "public=True if it is the same for everybody"
                )
                return None
        for_whom = [function(scope) for function in options.functions]
        whom = [await one if inspect.isawaitable(one) else one for one in for_whom]
        return identified((*identity(scope, options.headers), *whom), self.policy)


class _Failed(Exception):
    """The application's response is an error, for which the policy serves the old response if there is one."""


class _Call:
    """One request on its way through the cache."""

    def __init__(self, paths: _Paths, asked: bytes, scope: Scope, client: tuple[Receive, Send]) -> None:
        self._paths, self._asked, self._client = paths, asked, client
        self._original = dict(scope)
        self.scope: Scope = {}
        self.task: asyncio.Task[Any] | None = None
        self.loads = self._has_left = False
        self.exchange: Exchange | None = None

    def leave(self) -> None:
        """The client has left, and the load continues for others."""
        self._has_left = True
        if self.exchange is not None:
            self.exchange.leave()

    async def load(self) -> StoredResponse:
        """The loader: the application's response to this request or, for a refresh in the background, to one like
        it."""
        here = asyncio.current_task() is self.task
        if here and self.exchange is not None and self.exchange.passes:
            current_load().keep_private()
            return NOT_STORED
        paths, reads, scope = self._paths, Reads(), self._own_scope(here=here)
        headers = [one for one in scope["headers"] if text_of(one[0]).lower() not in _CONDITIONAL]
        scope["headers"] = watched_headers(headers, reads.headers) if paths.rule.watch else headers

        def why_not(status: int, headers: Headers) -> str:
            # Requests with one of these bypass the cache unless they are distinguished by it, so reading it is harmless
            # here.
            noted = Reads(reads.headers - {"cookie", "authorization"})
            return why_not_stored(status, headers, noted, paths.rule.options)

        fails = paths.policy.on_failure == "stale"
        exchange = Exchange(paths.app, scope, self._client if here else None, why_not, _largest(), fails=fails)
        if here:
            self.exchange, self.scope, self.loads = exchange, scope, True
        try:
            await exchange.run()
        except BaseException:
            # If the policy says so, the old response is sent instead.
            self.exchange, self.loads = None, False
            raise
        is_left = not here or self._has_left
        if is_left:
            keep_until_ended(exchange.task)
        if exchange.failed:
            raise _Failed(f"status {exchange.status}")
        if not exchange.passes:
            return to_store(exchange.status, exchange.headers, exchange.body, paths.policy)
        if is_left:
            exchange.abandon()
        paths.say(exchange.reason)
        paths.passing.add(self._asked)
        # Nobody else gets this response: other requests that wait for it run the application themselves.
        current_load().keep_private()
        return NOT_STORED

    def _own_scope(self, *, here: bool) -> Scope:
        scope = dict(self._original)
        if not here and isinstance(scope.get("state"), dict):
            scope["state"] = dict(scope["state"])
        return scope


async def _respond(asked: bytes, load: Callable[[], Awaitable[StoredResponse]]) -> StoredResponse:
    del asked
    return await load()


def _largest() -> int:
    return CURRENT.get()._engine.packing.largest
