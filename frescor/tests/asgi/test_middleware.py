"""A middleware that caches by rules: what it answers, what it lets pass, and what a visitor who leaves does not end."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from asgi_client import ask, get
from fastapi import Cookie, Depends, FastAPI, Header, Request
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from frescor import Cache, Policy, PolicyError
from frescor.asgi import CachingMiddleware, Rule

POLICY = Policy(name="page", expire=300, jitter=0)
Page = Callable[[Request], Awaitable[Response]]


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


class Site:
    """An application behind the middleware, and how often its page ran."""

    def __init__(self, cache: Cache, page: Page | None = None, path: str = "/page", **options: Any) -> None:
        self.runs = 0
        self._page = page
        self.inner = Starlette(
            routes=[
                Route(path, self._respond, methods=["GET", "POST", "PUT"]),
                Route("/page/{number}", self._respond),
                WebSocketRoute("/page/socket", _echo),
            ]
        )
        self.app = CachingMiddleware(self.inner, [Rule("/page**", POLICY, **options)], cache)

    async def _respond(self, request: Request) -> Response:
        self.runs += 1
        return PlainTextResponse(f"run {self.runs}") if self._page is None else await self._page(request)

    def texts(self, *given: dict[str, str], url: str = "/page") -> list[str]:
        return [get(self.app, url, headers).text for headers in given]


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


def test_a_second_request_is_answered_without_the_application_until_it_is_invalidated(cache: Cache) -> None:
    site = Site(cache)
    first, second = get(site.app, "/page"), get(site.app, "/page")
    assert (first.text, second.text, site.runs) == ("run 1", "run 1", 1)
    assert second.headers["age"] == "0"
    assert get(site.app, "/page", {"If-None-Match": first.headers["etag"]}).status_code == 304
    cache.invalidate_pattern("page:*")
    third = get(site.app, "/page", {"If-None-Match": first.headers["etag"]})
    assert (third.status_code, third.text) == (200, "run 2")


@pytest.mark.parametrize(
    ("url", "is_another"),
    [
        ("/page?b=2&a=1", False),
        ("/page?a=1&b=2&b=1", True),
        ("/page/1?a=1&b=2", True),
        ("/page/?a=1&b=2", True),
        ("http://other/page?a=1&b=2", True),
        ("https://site/page?a=1&b=2", True),
    ],
)
def test_another_address_has_a_response_of_its_own(cache: Cache, url: str, is_another: bool) -> None:
    async def page(request: Request) -> Response:
        return PlainTextResponse(str(request.url))

    site = Site(cache, page)
    site.inner.router.redirect_slashes = False
    first = get(site.app, "/page?a=1&b=2").text
    assert (get(site.app, url).text != first) == is_another


def test_a_path_without_a_rule_and_other_methods_pass(cache: Cache) -> None:
    site = Site(cache)
    site.app = CachingMiddleware(site.inner, [Rule("/page/1", None), Rule("/page/*", POLICY)], cache)
    assert site.texts({}, {}, url="/page") == ["run 1", "run 2"]
    assert site.texts({}, {}, url="/page/1") == ["run 3", "run 4"]
    assert site.texts({}, {}, url="/page/2") == ["run 5", "run 5"]


def test_a_conditional_put_runs_and_an_upload_is_not_read_by_the_middleware(cache: Cache) -> None:
    async def page(request: Request) -> Response:
        size = sum([len(chunk) async for chunk in request.stream()])
        return PlainTextResponse(f"{request.method} {size}")

    site = Site(cache, page)
    etag = get(site.app, "/page").headers["etag"]

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"12345"

    for method in ("PUT", "POST", "GET"):
        found = get(site.app, "/page", {"If-None-Match": etag}, method=method, content=chunks())
        assert (found.status_code, found.text) == (200, f"{method} 15")
    assert get(site.app, "/page").text == "GET 0"


def test_head_has_an_entry_of_its_own_with_the_validator_of_get(cache: Cache) -> None:
    site = Site(cache)
    head, again, got = (
        get(site.app, "/page", method="HEAD"),
        get(site.app, "/page", method="HEAD"),
        get(site.app, "/page"),
    )
    assert (head.content, again.content, got.text) == (b"", b"", "run 2")
    assert head.headers["content-length"] == again.headers["content-length"] == "5"
    assert "age" in again.headers


def test_ranges_pass(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")

    async def page(request: Request) -> Response:
        del request
        return FileResponse(tmp_path / "file")

    site = Site(cache, page)
    for _ in range(2):
        assert get(site.app, "/page").content == b"0123456789"
        part = get(site.app, "/page", {"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
    # A file of known length is kept as anything else is.
    assert site.runs == 3


# -- for whom it is ----------------------------------------------------------------------------------------------------


def test_a_request_with_cookies_or_credentials_passes_unless_it_is_said_for_whom_it_is(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    cookie, other, token = {"Cookie": "user=ana"}, {"Cookie": "user=bia"}, {"Authorization": "x"}
    assert Site(cache).texts({}, cookie, token, {}) == ["run 1", "run 2", "run 3", "run 1"]
    assert "its request has cookies" in caplog.text
    cache.clear_all()
    assert Site(cache, public=True).texts({}, cookie, token) == ["run 1", "run 1", "run 2"]
    cache.clear_all()
    assert Site(cache, vary="Cookie").texts(cookie, other, cookie) == ["run 1", "run 2", "run 1"]
    cache.clear_all()

    async def user(scope: Any) -> str:
        return str(dict(scope["headers"]).get(b"cookie"))

    site = Site(cache, vary=user)
    assert site.texts(cookie, other, cookie) == ["run 1", "run 2", "run 1"]
    assert "private" in get(site.app, "/page", cookie).headers["cache-control"]


def test_a_header_in_vary_tells_responses_apart_however_often_it_comes(cache: Cache) -> None:
    site = Site(cache, vary=("Accept-Language", "X-Shop"))
    assert site.texts(
        {"Accept-Language": "pt"}, {"Accept-Language": "en"}, {}, {"X-Shop": "pt"}, {"accept-language": "pt"}
    ) == ["run 1", "run 2", "run 3", "run 4", "run 1"]
    for headers in ([("X-Shop", "a"), ("X-Shop", "b")], [("X-Shop", "b"), ("X-Shop", "a")], [("X-Shop", "a")]):
        get(site.app, "/page", headers)
    assert site.runs == 7
    # Two values are framed apart: none can stand for the other's end and beginning.
    get(site.app, "/page", {"Accept-Language": "a', ('x-shop', 'b", "X-Shop": "c"})
    get(site.app, "/page", {"Accept-Language": "a", "X-Shop": "b', 'c"})
    assert site.runs == 9


async def _sets_cookie(request: Request) -> Response:
    del request
    response = PlainTextResponse("text")
    response.set_cookie("seen", "yes")
    return response


async def _streams(request: Request) -> Response:
    del request
    return StreamingResponse(iter(["a", "b"]))


async def _says_vary(request: Request) -> Response:
    del request
    return PlainTextResponse("text", headers={"Vary": "*"})


async def _says_private(request: Request) -> Response:
    del request
    return PlainTextResponse("text", headers={"Cache-Control": "private"})


async def _reads_header(request: Request) -> Response:
    return PlainTextResponse(request.headers.get("x-shop", "none"))


async def _reads_raw(request: Request) -> Response:
    return PlainTextResponse(str([value for name, value in request.scope["headers"] if name == b"x-shop"]))


async def _reads_all(request: Request) -> Response:
    return PlainTextResponse(str(dict(request.scope["headers"])))


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (_sets_cookie, "it sets a cookie"),
        (_streams, "its response is streamed"),
        (_says_vary, "it says Vary: *"),
        (_says_private, "Cache-Control: private"),
        (_reads_header, "vary=('X-Shop', …)"),
        (_reads_raw, "vary=('X-Shop', …)"),
        (_reads_all, "all request headers"),
    ],
)
def test_what_may_be_for_one_visitor_is_sent_and_not_kept_and_the_log_says_what_to_write(
    cache: Cache, page: Page, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(cache, page)
    plain = get(site.inner, "/page")
    for _ in range(3):
        found = get(site.app, "/page")
        assert (found.status_code, found.content, found.headers) == (plain.status_code, plain.content, plain.headers)
    assert site.runs == 4
    assert caplog.text.count("is not cached") == 1
    assert says in caplog.text


def test_a_framework_that_goes_through_all_headers_says_by_vary_what_it_depends_on(cache: Cache) -> None:
    site = Site(cache, _reads_all, watch=False)
    get(site.app, "/page")
    get(site.app, "/page")
    assert site.runs == 1


def test_an_error_is_not_kept_and_an_exception_reaches_the_server(cache: Cache) -> None:
    async def page(request: Request) -> Response:
        if "raise" in request.query_params:
            raise ValueError("broken")
        return PlainTextResponse("gone", 410)

    site = Site(cache, page)
    for runs in (1, 2):
        assert (get(site.app, "/page").status_code, site.runs) == (410, runs)
    with pytest.raises(ValueError, match="broken"):
        get(site.app, "/page?raise=1")


def test_trusted_hosts_stand_outside_and_a_spoofed_host_has_entries_of_its_own(cache: Cache) -> None:
    async def page(request: Request) -> Response:
        return PlainTextResponse(str(request.base_url))

    site = Site(cache, page)
    assert get(site.app, "/page", {"Host": "evil"}).text == "http://evil/"
    assert get(site.app, "/page").text == "http://site/"
    guarded = TrustedHostMiddleware(site.app, ["site"])
    assert (get(guarded, "/page", {"Host": "evil"}).status_code, get(guarded, "/page").text) == (400, "http://site/")


# -- other middlewares, other connections ------------------------------------------------------------------------------


def test_what_compresses_stands_outside_and_within_it_keeps_nothing(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    async def page(request: Request) -> Response:
        del request
        return PlainTextResponse("long " * 500)

    site = Site(cache, page)
    outside = GZipMiddleware(site.app)
    accepted = {"Accept-Encoding": "gzip"}
    assert [get(outside, "/page", headers).text for headers in (accepted, {}, accepted)] == ["long " * 500] * 3
    assert get(outside, "/page", accepted).headers["content-encoding"] == "gzip"
    assert site.runs == 1
    cache.clear_all()
    within = CachingMiddleware(GZipMiddleware(site.inner), [Rule("**", POLICY)], cache)
    assert [get(within, "/page", headers).text for headers in (accepted, {}, accepted)] == ["long " * 500] * 3
    assert "let what compresses responses stand outside" in caplog.text


def test_a_middleware_that_hands_responses_on_in_parts_does_not_hide_their_length(cache: Cache) -> None:
    site = Site(cache)

    async def add(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["X-Added"] = "1"
        return response

    app = CachingMiddleware(BaseHTTPMiddleware(site.inner, dispatch=add), [Rule("**", POLICY)], cache)
    assert [get(app, "/page").headers["x-added"], get(app, "/page").text, site.runs] == ["1", "run 1", 1]


def test_a_larger_body_than_the_cache_keeps_is_sent_as_it_comes() -> None:
    with Cache.from_url("memory://", "test", largest_value=1000) as cache:

        async def page(request: Request) -> Response:
            del request
            return PlainTextResponse("a" * 2000)

        site = Site(cache, page)
        assert [len(text) for text in site.texts({}, {})] == [2000, 2000]
        assert site.runs == 2


def test_background_tasks_run_once_and_before_the_exchange_ends(cache: Cache) -> None:
    done: list[int] = []

    async def page(request: Request) -> Response:
        del request
        return PlainTextResponse("text", background=BackgroundTask(done.append, 1))

    site = Site(cache, page)
    assert site.texts({}, {}) == ["text", "text"]
    assert done == [1]


def test_what_an_application_puts_into_its_scope_is_there_for_those_around_it(cache: Cache) -> None:
    site, found = Site(cache), []

    async def around(scope: Any, receive: Any, send: Any) -> None:
        await site.app(scope, receive, send)
        found.append(getattr(scope.get("endpoint"), "__name__", None))

    get(around, "/page")
    assert found == ["_respond"]


def test_websockets_and_lifespans_pass(cache: Cache) -> None:
    async def test() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        sent: list[Any] = []
        for message in ({"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}):
            incoming.put_nowait(message)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/page/socket", "headers": [], "query_string": b"", "subprotocols": []}
        await Site(cache).app(scope, incoming.get, send)
        assert [one["type"] for one in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
        for message in ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}):
            incoming.put_nowait(message)
        sent.clear()
        await Site(cache).app({"type": "lifespan", "app": None}, incoming.get, send)
        assert [one["type"] for one in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    asyncio.run(test())


def test_rules_are_for_the_path_below_where_an_application_is_mounted(cache: Cache) -> None:
    site = Site(cache)
    app = Starlette(routes=[Mount("/one", site.app), Mount("/two", site.app)])
    assert [get(app, url).text for url in ("/one/page", "/two/page", "/one/page")] == ["run 1", "run 2", "run 1"]


def test_in_fastapi_a_route_that_declares_headers_is_kept_by_them_alone(cache: Cache) -> None:
    # FastAPI before 0.165 goes through all headers where an endpoint declares one.
    app, runs = FastAPI(), []
    app.add_middleware(
        CachingMiddleware, rules=[Rule("/items/*", POLICY, vary="Accept-Language", watch=False)], cache=cache
    )

    def session() -> Iterator[str]:
        yield "session"

    @app.get("/items/{number}")
    async def item(
        number: int,
        session: Annotated[str, Depends(session)],
        accept_language: Annotated[str, Header()] = "pt",
        theme: Annotated[str, Cookie()] = "light",
    ) -> dict[str, object]:
        runs.append(number)
        return {"number": number, "language": accept_language, "theme": theme, "session": session}

    for language in ("pt", "en", "pt"):
        assert get(app, "/items/1", {"Accept-Language": language}).json()["language"] == language
    assert len(runs) == 2
    # Whoever sends cookies is not told apart, and is answered by the application.
    assert get(app, "/items/1", {"Cookie": "theme=dark"}).json()["theme"] == "dark"
    assert get(app, "/items/x").status_code == 422


def test_without_a_cache_it_is_that_of_the_application(cache: Cache) -> None:
    app = FastAPI()
    app.add_middleware(CachingMiddleware, rules=[Rule("/page", POLICY)])
    runs: list[int] = []

    @app.get("/page")
    async def page() -> int:
        runs.append(1)
        return len(runs)

    with pytest.raises(PolicyError, match="this application has no cache"):
        get(app, "/page")
    app.state.frescor = cache
    assert [get(app, "/page").text, get(app, "/page").text] == ["1", "1"]


# -- many at once ------------------------------------------------------------------------------------------------------


async def _steps(number: int = 50) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_one_request_runs_the_application_for_all_and_one_that_leaves_ends_nothing_for_them(cache: Cache) -> None:
    async def test() -> None:
        go_on, began = asyncio.Event(), asyncio.Event()

        async def page(request: Request) -> Response:
            del request
            began.set()
            await go_on.wait()
            return PlainTextResponse("text")

        site = Site(cache, page)
        first = asyncio.create_task(ask(site.app, "/page"))
        await began.wait()
        others = [asyncio.create_task(ask(site.app, "/page")) for _ in range(5)]
        await _steps()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        assert [(await one).text for one in others] == ["text"] * 5
        assert site.runs == 1

    asyncio.run(test())


def test_an_application_that_asks_whether_its_client_is_there_is_not_ended_while_others_wait(cache: Cache) -> None:
    async def test() -> None:
        go_on, began = asyncio.Event(), asyncio.Event()
        sent: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            del scope
            await receive()
            gone = asyncio.create_task(receive())
            began.set()
            await asyncio.wait((gone, asyncio.create_task(go_on.wait())), return_when=asyncio.FIRST_COMPLETED)
            text = b"gave up" if gone.done() else b"text"
            gone.cancel()
            await send({"type": "http.response.start", "status": 200, "headers": [("content-type", "text/plain")]})
            await send({"type": "http.response.body", "body": text})

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"site")], "query_string": b""}
        middleware = CachingMiddleware(app, [Rule("/", POLICY)], cache)
        first = asyncio.create_task(middleware(scope, receive, send))
        await began.wait()
        await _steps()
        go_on.set()
        await first
        assert sent[1]["body"] == b"text"

    asyncio.run(test())


def test_a_stream_is_sent_as_it_comes_and_others_do_not_wait_for_its_end(cache: Cache) -> None:
    async def test() -> None:
        go_on = asyncio.Event()

        async def parts() -> AsyncIterator[str]:
            yield "a"
            await go_on.wait()
            yield "b"

        async def page(request: Request) -> Response:
            del request
            return StreamingResponse(parts())

        site = Site(cache, page)
        first = asyncio.create_task(ask(site.app, "/page"))
        second = asyncio.create_task(ask(site.app, "/page"))
        for _ in range(100):
            await _steps()
        assert site.runs == 2
        go_on.set()
        assert [(await first).text, (await second).text] == ["ab", "ab"]

    asyncio.run(test())


def test_an_old_response_is_served_while_a_new_one_is_made_behind_its_reader(cache: Cache) -> None:
    async def test() -> None:
        policy = POLICY.replace(grace=60, serve_invalidated=True)
        urls: list[str] = []
        connection = sqlite3.connect(":memory:")

        async def page(request: Request) -> Response:
            urls.append(str(request.url))
            return PlainTextResponse(f"run {len(urls)}")

        site = Site(cache, page)
        cached = CachingMiddleware(site.inner, [Rule("/page", policy)], cache)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            # What the application shares with its requests may be anything: here what only its own thread may use.
            await cached(scope | {"state": {"connection": connection}}, receive, send)

        assert (await ask(app, "/page?a=1")).text == "run 1"
        await cache.aio.invalidate_pattern("page:*")
        assert (await ask(app, "/page?a=1")).text == "run 1"
        await _steps(200)
        assert urls == ["http://site/page?a=1"] * 2
        assert (await ask(app, "/page?a=1")).text == "run 2"
        connection.close()

    asyncio.run(test())


def test_an_old_response_is_served_where_the_application_fails_if_the_policy_says_so(cache: Cache) -> None:
    failing: list[int] = []

    async def page(request: Request) -> Response:
        del request
        if failing:
            raise ValueError("broken")
        return PlainTextResponse("text")

    site = Site(cache, page)
    policy = POLICY.replace(grace=60, serve_invalidated=True, on_failure="stale", soft_timeout=5)
    app = CachingMiddleware(site.inner, [Rule("/page", policy)], cache)
    assert get(app, "/page").text == "text"
    failing.append(1)
    cache.invalidate_pattern("page:*")
    assert (get(app, "/page").text, site.runs) == ("text", 2)
    # Where there is no old one, the error is sent as it is.
    assert (get(app, "/page?a=1", raises=False).status_code, site.runs) == (500, 3)


def test_a_load_behind_a_reader_whose_response_is_for_one_visitor_is_not_answered(cache: Cache) -> None:
    async def page(request: Request) -> Response:
        response = PlainTextResponse(f"run {site.runs}")
        if site.runs > 1:
            response.set_cookie("seen", request.headers.get("host", ""))
        return response

    site = Site(cache, page)
    policy = POLICY.replace(grace=60, serve_invalidated=True, soft_timeout=5)
    app = CachingMiddleware(site.inner, [Rule("/page", policy)], cache)
    assert get(app, "/page").text == "run 1"
    cache.invalidate_pattern("page:*")
    found = get(app, "/page")
    assert (found.status_code, found.text) == (200, "run 3")
