"""A middleware for WSGI that caches by rules: for plain applications, Bottle and Django."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import bottle  # type: ignore[import-untyped]  # it has no stubs
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path
from werkzeug.test import Client, TestResponse

from frescor import Cache, Policy
from frescor.testing import PrivateServer
from frescor.wsgi import CachingMiddleware, Rule

POLICY = Policy(name="page", expire=300, jitter=0)
Environ = dict[str, Any]
Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


class Site:
    """An application behind the middleware, and how often it ran."""

    def __init__(self, cache: Cache, page: Callable[[Environ], Answer] | None = None, **options: Any) -> None:
        self.runs = 0
        self._page = page
        policy = options.pop("policy", POLICY)
        self.app = CachingMiddleware(self.inner, [Rule("/none", None), Rule("/**", policy, **options)], cache)

    def inner(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.runs += 1
        answer = ("200 OK", [], [f"run {self.runs}".encode()]) if self._page is None else self._page(environ)
        start_response(answer[0], [("Content-Type", "text/plain"), *answer[1]])
        return answer[2]

    def get(self, url: str = "/page", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        base, slashes, rest = url.partition("://")
        host, slash, below = rest.partition("/")
        if slashes:
            url = f"{slash}{below}"
        client = Client(self.app, use_cookies=False)
        method = named.pop("method", "GET")
        return client.open(url, base_url=f"{base}://{host}" if slashes else None, headers=named, method=method)


def test_a_second_request_is_answered_without_the_application_until_it_is_invalidated(cache: Cache) -> None:
    site = Site(cache)
    first, second = site.get(), site.get()
    assert (first.text, second.text, second.headers["Age"], site.runs) == ("run 1", "run 1", "0", 1)
    assert site.get(If_None_Match=first.headers["ETag"]).status_code == 304
    cache.invalidate_pattern("page:*")
    third = site.get(If_None_Match=first.headers["ETag"])
    assert (third.status_code, third.text) == (200, "run 2")


@pytest.mark.parametrize(
    ("url", "is_another"),
    [
        ("/page?b=2&a=1", False),
        ("/page?a=2&b=1", True),
        ("/page?a=1&b=2&a=1", True),
        ("/page/?a=1&b=2", True),
        ("http://other/page?a=1&b=2", True),
        ("https://localhost/page?a=1&b=2", True),
    ],
)
def test_another_address_has_a_response_of_its_own(cache: Cache, url: str, is_another: bool) -> None:
    site = Site(cache)
    site.get("/page?a=1&b=2")
    site.get(url)
    assert site.runs == 1 + is_another


def test_a_path_without_a_policy_other_methods_bodies_and_ranges_pass(cache: Cache) -> None:
    site = Site(cache)
    etag = site.get().headers["ETag"]
    client = Client(site.app)
    passing = [
        client.get("/none"),
        client.put("/page", headers={"If-None-Match": etag}),
        client.get("/page", data=b"body"),
        client.get("/page", headers={"Range": "bytes=0-1"}),
    ]
    assert [one.text for one in passing] == ["run 2", "run 3", "run 4", "run 5"]
    assert all("ETag" not in one.headers for one in passing)
    assert site.get(method="HEAD").headers["Content-Length"] == "5"
    assert site.get().text == "run 1"


def test_a_request_with_cookies_or_credentials_passes_unless_it_is_said_for_whom_it_is(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(cache)
    ana, bia = {"Cookie": "user=ana"}, {"Cookie": "user=bia"}
    assert [site.get().text, site.get(**ana).text, site.get(Authorization="x").text] == ["run 1", "run 2", "run 3"]
    assert "its request has cookies" in caplog.text
    cache.clear_all()
    assert [Site(cache, public=True).get(**one).text for one in (ana, bia)] == ["run 1", "run 1"]
    cache.clear_all()
    site = Site(cache, vary=lambda environ: environ.get("HTTP_COOKIE"))
    assert [site.get(**one).text for one in (ana, bia, ana)] == ["run 1", "run 2", "run 1"]
    assert "private" in site.get(**ana).headers["Cache-Control"]


def whole(environ: Environ) -> Answer:
    return "200 OK", [], [environ.get("HTTP_X_SHOP", "none").encode()]


def test_a_header_that_is_read_has_to_be_in_vary(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(cache, whole)
    assert [site.get(X_Shop=shop).text for shop in ("a", "b", "a")] == ["a", "b", "a"]
    assert (site.runs, "vary=('X-Shop', …)" in caplog.text) == (3, True)
    site = Site(cache, whole, vary="X-Shop")
    assert [site.get(X_Shop=shop).text for shop in ("a", "b", "a")] == ["a", "b", "a"]
    assert (site.runs, site.get().headers["Vary"]) == (2, "X-Shop")


class Closing:
    """Parts of a body that is closed once."""

    def __init__(self, *parts: bytes) -> None:
        self.closed = 0
        self._parts = iter(parts)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("headers", "kept", "says"),
    [
        ([("Content-Length", "2")], True, ""),
        ([], False, "its response is streamed"),
        ([("Content-Length", "2000")], False, "larger than largest_value"),
        ([("Content-Length", "2"), ("Set-Cookie", "a=b")], False, "it sets a cookie"),
        ([("Content-Length", "2"), ("Vary", "*")], False, "it says Vary: *"),
        ([("Content-Length", "2"), ("Cache-Control", "no-store")], False, "no-store"),
    ],
)
def test_a_body_is_sent_as_it_is_and_closed_once_whether_it_is_kept_or_not(
    headers: list[tuple[str, str]], kept: bool, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    bodies: list[Closing] = []

    def page(environ: Environ) -> Answer:
        del environ
        bodies.append(Closing(b"a", b"b"))
        return "200 OK", headers, bodies[-1]

    with Cache.from_url("memory://", "test", largest_value=1000) as cache:
        site = Site(cache, page)
        for _ in range(3):
            with site.get(method="GET") as response:
                assert response.get_data() == b"ab"
        assert site.runs == (1 if kept else 3)
    assert [body.closed for body in bodies] == [1] * site.runs
    assert says in caplog.text


def test_an_application_may_begin_with_the_first_part_of_its_body_and_write(cache: Cache) -> None:
    def late(environ: Environ, start_response: Any) -> Iterable[bytes]:
        del environ
        write = start_response("200 OK", [("Content-Length", "2")])
        write(b"a")
        yield b"b"

    assert [Client(CachingMiddleware(late, [Rule("/", POLICY)], cache)).get("/").text for _ in range(2)] == ["ab", "ab"]

    cache.clear_all()

    def never(environ: Environ, start_response: Any) -> Iterable[bytes]:
        del environ, start_response
        return []

    with pytest.raises(AssertionError, match="without having begun"):
        Client(CachingMiddleware(never, [Rule("/", POLICY)], lambda: cache)).get("/")


def test_an_error_is_not_kept_and_where_the_policy_says_so_the_old_response_takes_its_place(cache: Cache) -> None:
    statuses = ["404 Not Found", "404 Not Found", "200 OK", "503 Service Unavailable", "503 Service Unavailable"]
    site = Site(cache, lambda environ: (statuses.pop(0), [], [environ["PATH_INFO"].encode()]))
    assert [site.get("/a").status_code, site.get("/b").status_code] == [404, 404]
    policy = POLICY.replace(grace=60, serve_invalidated=True, on_failure="stale", soft_timeout=20)
    site.app = CachingMiddleware(site.inner, [Rule("/**", policy)], cache)
    assert site.get("/c").status_code == 200
    cache.invalidate_pattern("page:*")
    assert site.get("/c").status_code == 200
    assert site.get("/d").status_code == 503


def test_one_request_runs_the_application_for_all_that_ask_together(cache: Cache) -> None:
    go_on, began = threading.Event(), threading.Event()

    def slow(environ: Environ) -> Answer:
        del environ
        began.set()
        assert go_on.wait(20)
        return "200 OK", [], [b"text"]

    site, texts = Site(cache, slow), []
    threads = [threading.Thread(target=lambda: texts.append(site.get().text)) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert began.wait(20)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (site.runs, texts) == (1, ["text"] * 6)


def test_an_old_response_is_served_while_a_new_one_is_made_behind_its_reader(server: PrivateServer) -> None:
    again = threading.Event()

    def page(environ: Environ) -> Answer:
        if site.runs > 1:
            again.set()
        return "200 OK", [], [f"{environ['QUERY_STRING']} {site.runs} {environ['wsgi.input'].read()!r}".encode()]

    with Cache.from_url(server.url, "test") as cache:
        site = Site(cache, page, policy=POLICY.replace(grace=60, serve_invalidated=True))
        assert site.get("/?a=1").text == "a=1 1 b''"
        cache.invalidate_pattern("page:*")
        assert site.get("/?a=1").text == "a=1 1 b''"
        assert again.wait(20)


def test_what_an_application_leaves_in_its_environment_is_there_for_those_around_it(cache: Cache) -> None:
    def page(environ: Environ) -> Answer:
        environ["left"] = "here"
        return "200 OK", [], [b"text"]

    environ: Environ = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "PATH_INFO": "/", "SERVER_NAME": "a"}
    assert b"".join(Site(cache, page).app(environ, lambda *_: bytes)) == b"text"
    assert environ["left"] == "here"


def test_below_a_mount_the_paths_are_those_of_the_application(cache: Cache) -> None:
    site = Site(cache)
    client = Client(site.app)
    texts = [client.get("/page", base_url=f"http://localhost/{mount}").text for mount in ("one", "two", "one")]
    assert texts == ["run 1", "run 2", "run 1"]
    assert client.get("/none", base_url="http://localhost/one").text == "run 3"


# -- frameworks --------------------------------------------------------------------------------------------------------


def test_routes_of_bottle_are_cached(cache: Cache) -> None:
    runs: list[str] = []
    app = bottle.Bottle()

    @app.get("/hello/<name>")  # type: ignore[untyped-decorator]  # Bottle has no types
    def hello(name: str) -> str:
        runs.append(name)
        return f"hello {name} {bottle.request.query.a}"

    @app.get("/language")  # type: ignore[untyped-decorator]
    def language() -> str:
        runs.append("language")
        return str(bottle.request.get_header("Accept-Language", "none"))

    client = Client(CachingMiddleware(app, [Rule("/**", POLICY)], cache))
    assert [client.get("/hello/ana?a=é").text for _ in range(2)] == ["hello ana é"] * 2
    assert [client.get("/language").text for _ in range(2)] == ["none"] * 2
    assert runs == ["ana", "language", "language"]


RUNS: list[str] = []


def plain_view(request: HttpRequest, name: str) -> HttpResponse:
    RUNS.append(name)
    return HttpResponse(f"hello {name} {request.GET.get('a')}")


def session_view(request: HttpRequest) -> HttpResponse:
    RUNS.append("session")
    response = HttpResponse(str(request.COOKIES.get("user")))
    response.headers["Vary"] = "Cookie"
    return response


def stream_view(request: HttpRequest) -> StreamingHttpResponse:
    del request
    RUNS.append("stream")
    return StreamingHttpResponse(iter([b"a", b"b"]))


class Urls:
    urlpatterns = (
        path("hello/<str:name>", plain_view),
        path("session", session_view),
        path("stream", stream_view),
    )


def test_views_of_django_are_cached_and_those_that_vary_on_cookies_are_not(cache: Cache) -> None:
    if not settings.configured:
        settings.configure()
    RUNS.clear()
    with override_settings(
        ROOT_URLCONF=Urls, ALLOWED_HOSTS=["*"], MIDDLEWARE=["django.middleware.common.CommonMiddleware"], DEBUG=False
    ):
        client = Client(CachingMiddleware(WSGIHandler(), [Rule("/**", POLICY, watch=False)], cache))
        assert [client.get("/hello/ana?a=é").text for _ in range(2)] == ["hello ana é"] * 2
        assert [client.get("/session").text for _ in range(2)] == ["None"] * 2
        assert [client.get("/stream").text for _ in range(2)] == ["ab"] * 2
    assert RUNS == ["ana", "session", "session", "stream", "stream"]
