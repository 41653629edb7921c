"""Endpoints of FastAPI and Starlette whose responses are cached: for whom, for how long, and what their users share."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from asgi_client import ask, get
from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, Header, HTTPException, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from frescor import Cache, Policy, PolicyError, current_load
from frescor.asgi import cached_view
from frescor.sqlalchemy import track

POLICY = Policy(name="page", expire=300, jitter=0)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


@dataclasses.dataclass(frozen=True)
class User:
    name: str


def current_user(authorization: Annotated[str, Header()] = "nobody") -> User:
    return User(authorization.removeprefix("Bearer "))


CurrentUser = Annotated[User, Depends(current_user)]


class Service:
    """Has no identity by value."""

    def __init__(self, request: Request) -> None:
        self.shop = request.headers.get("x-shop", "none")


def service() -> object:
    return object()


class Site:
    """A FastAPI application with one cached endpoint, and how often that ran."""

    def __init__(self, cache: Cache, endpoint: Callable[..., Any], **options: Any) -> None:
        self.runs: list[object] = []
        self.app = FastAPI()
        self.app.state.runs = self.runs
        self.view = cached_view(POLICY, cache=cache, **options)(endpoint)
        self.app.get("/page")(self.view)
        self.app.get("/page/{number}")(self.view)

    def get(self, url: str = "/page", **headers: str) -> str:
        response = get(self.app, url, {name.replace("_", "-"): value for name, value in headers.items()})
        assert response.status_code == 200, response.text
        return str(response.json())


RUNS: list[int] = []


@pytest.fixture(autouse=True)
def no_runs_yet() -> None:
    RUNS.clear()


def number_of_run() -> int:
    RUNS.append(1)
    return len(RUNS)


async def plain() -> int:
    return number_of_run()


def test_a_second_request_is_answered_without_the_endpoint(cache: Cache) -> None:
    site = Site(cache, plain)
    first, second = get(site.app, "/page"), get(site.app, "/page")
    assert (first.text, second.text, first.headers["content-type"]) == ("1", "1", "application/json")
    assert ("age" in first.headers, second.headers["age"]) == (False, "0")
    assert second.headers["etag"] == first.headers["etag"]
    assert get(site.app, "/page", {"If-None-Match": first.headers["etag"]}).status_code == 304


def test_an_endpoint_that_is_no_coroutine_function_runs_beside_the_loop(cache: Cache) -> None:
    def page(number: int = 0) -> int:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return number_of_run() + number

    site = Site(cache, page)
    assert [site.get("/page/1"), site.get("/page/1"), site.get("/page/2")] == ["2", "2", "4"]


@pytest.mark.parametrize(
    ("url", "is_another"),
    [
        ("/page?a=1&b=2", False),
        ("/page?b=2&a=1", False),
        ("/page?a=2&b=1", True),
        ("/page?a=1&b=2&a=3", True),
        ("/page/1?a=1&b=2", True),
        ("http://other/page?a=1&b=2", True),
        ("https://site/page?a=1&b=2", True),
    ],
)
def test_another_address_has_a_response_of_its_own(cache: Cache, url: str, is_another: bool) -> None:
    site = Site(cache, plain)
    site.get("/page?a=1&b=2")
    site.get(url)
    assert len(RUNS) == 1 + is_another


def test_a_list_in_the_query_counts_in_its_order(cache: Cache) -> None:
    from fastapi import Query

    async def page(a: Annotated[list[int], Query()]) -> list[int]:
        return a

    site = Site(cache, page)
    assert [site.get("/page?a=1&a=2"), site.get("/page?a=2&a=1")] == ["[1, 2]", "[2, 1]"]


# -- dependencies ------------------------------------------------------------------------------------------------------


def test_two_users_of_one_address_have_responses_of_their_own(cache: Cache) -> None:
    async def page(user: CurrentUser) -> str:
        return f"{user.name} {number_of_run()}"

    site = Site(cache, page)
    users = ["Bearer ana", "Bearer bia", "Bearer ana", "Bearer bia"]
    assert [site.get(Authorization=user) for user in users] == ["ana 1", "bia 2", "ana 1", "bia 2"]
    response = get(site.app, "/page", {"Authorization": "Bearer ana"})
    assert response.headers["cache-control"] == "max-age=0, must-revalidate, private"
    assert "Authorization" in response.headers["vary"]


def test_what_the_request_brings_and_a_service_are_no_part_of_the_key(cache: Cache) -> None:
    async def page(
        request: Request, response: Response, tasks: BackgroundTasks, one: Annotated[object, Depends(service)]
    ) -> int:
        assert None not in (request, response, tasks, one)
        return number_of_run()

    site = Site(cache, page)
    assert [site.get(), site.get()] == ["1", "1"]


def test_a_dependency_that_looks_at_the_request_and_has_no_identity_is_not_left_out(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    async def page(shop: Annotated[Service, Depends()]) -> str:
        return f"{shop.shop} {number_of_run()}"

    site = Site(cache, page)
    assert [site.get(X_Shop="a"), site.get(X_Shop="b"), site.get(X_Shop="a")] == ["a 1", "b 2", "a 3"]
    assert "key={'shop': lambda shop: …}" in caplog.text
    site = Site(cache, page, key={"shop": lambda shop: shop.shop}, name="by_key")
    assert [site.get(X_Shop="a"), site.get(X_Shop="b"), site.get(X_Shop="a")] == ["a 4", "b 5", "a 4"]


def test_what_a_dependency_read_before_the_endpoint_began_tells_responses_apart(cache: Cache) -> None:
    price = [1]

    async def page(amount: Annotated[int, Depends(lambda: price[0])]) -> int:
        return amount

    site = Site(cache, page)
    assert site.get() == "1"
    price[0] = 2
    assert site.get() == "2"


def test_dependencies_run_on_a_hit_and_let_nobody_in_who_may_not(cache: Cache) -> None:
    async def check(number: str = "") -> None:
        if number == "secret":
            raise HTTPException(403)

    app = FastAPI()

    @app.get("/page", dependencies=[Depends(HTTPBearer())])
    @cached_view(POLICY, cache=cache, public=True)
    async def page() -> int:
        return number_of_run()

    token = {"Authorization": "Bearer x"}
    assert [get(app, "/page", token).text, get(app, "/page", token).text] == ["1", "1"]
    assert get(app, "/page").status_code in (401, 403)


def test_who_is_let_in_by_a_token_gets_no_response_of_another_unless_it_is_public(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(cache, plain)
    assert [site.get(Authorization="a"), site.get(Authorization="b")] == ["1", "2"]
    assert "its request has credentials" in caplog.text
    site = Site(cache, plain, vary="Authorization", name="by_token")
    assert [site.get(Authorization="a"), site.get(Authorization="b"), site.get(Authorization="a")] == ["3", "4", "3"]


def test_headers_and_cookies_that_are_parameters_tell_responses_apart_and_stand_in_vary(cache: Cache) -> None:
    async def page(
        accept_language: Annotated[str, Header()] = "pt", theme: Annotated[str, Cookie()] = "light"
    ) -> list[object]:
        return [accept_language, theme, number_of_run()]

    site = Site(cache, page)
    assert site.get() == "['pt', 'light', 1]"
    assert site.get(Accept_Language="en") == "['en', 'light', 2]"
    assert site.get(Cookie="theme=dark") == "['pt', 'dark', 3]"
    assert site.get(Cookie="theme=dark; other=1") == "['pt', 'dark', 3]"
    assert {"accept-language", "Cookie"} <= set(get(site.app, "/page").headers["vary"].split(", "))


def test_what_a_dependency_says_of_a_response_is_said_on_each_and_what_the_endpoint_says_is_kept(cache: Cache) -> None:
    left = [3]

    def limit(response: Response) -> None:
        left[0] -= 1
        response.headers["X-Left"] = str(left[0])

    app = FastAPI(dependencies=[Depends(limit)])

    @app.get("/page", status_code=203)
    @cached_view(POLICY, cache=cache, statuses=(203,))
    async def page(response: Response) -> int:
        response.headers["X-Own"] = "1"
        return number_of_run()

    for expected in ("2", "1"):
        found = get(app, "/page")
        assert (found.status_code, found.headers["x-left"], found.headers["x-own"], found.text) == (
            203,
            expected,
            "1",
            "1",
        )


def test_background_tasks_run_with_the_endpoint_and_not_on_a_hit(cache: Cache) -> None:
    done: list[int] = []

    async def page(tasks: BackgroundTasks) -> int:
        tasks.add_task(done.append, 1)
        return 1

    site = Site(cache, page)
    site.get()
    site.get()
    assert done == [1]


# -- what is not kept --------------------------------------------------------------------------------------------------


async def sets_cookie(response: Response) -> str:
    response.set_cookie("seen", "yes")
    return str(number_of_run())


async def streams() -> Any:
    return StreamingResponse(iter([f'"{number_of_run()}"']), media_type="application/json")


async def no_store(response: Response) -> str:
    response.headers["Cache-Control"] = "no-store"
    return str(number_of_run())


async def says_vary(response: Response) -> str:
    response.headers["Vary"] = "X-Shop"
    return str(number_of_run())


async def reads_header(request: Request) -> str:
    request.headers.get("x-shop")
    return str(number_of_run())


async def reads_all_headers(request: Request) -> str:
    dict(request.headers)
    return str(number_of_run())


async def reads_cookie(request: Request) -> str:
    request.cookies.get("a")
    return str(number_of_run())


async def reads_state(request: Request) -> str:
    getattr(request.state, "user", None)
    return str(number_of_run())


async def reads_client(request: Request) -> str:
    assert request.client is not None
    return str(number_of_run())


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        (sets_cookie, "it sets a cookie"),
        (streams, "its response is streamed"),
        (no_store, "Cache-Control: no-store"),
        (says_vary, "vary=('X-Shop', …)"),
        (reads_header, "vary=('X-Shop', …)"),
        (reads_all_headers, "all request headers"),
        (reads_cookie, "vary=('Cookie', …)"),
        (reads_state, "it reads request.state.user"),
        (reads_client, "it reads request.client"),
    ],
)
def test_what_may_be_for_one_visitor_is_not_kept_and_the_log_says_what_to_write(
    cache: Cache, endpoint: Callable[..., Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(cache, endpoint)
    assert [site.get(), site.get(), site.get()] == ["1", "2", "3"]
    assert caplog.text.count("is not cached") == 1
    assert says in caplog.text


def test_an_error_is_not_kept(cache: Cache) -> None:
    async def page(how: str) -> object:
        number_of_run()
        if how == "raised":
            raise HTTPException(404)
        return Response(status_code=404)

    site = Site(cache, page)
    for how in ("raised", "raised", "returned", "returned"):
        assert get(site.app, f"/page?how={how}").status_code == 404
    assert len(RUNS) == 4


def test_other_methods_bodies_and_ranges_pass(cache: Cache) -> None:
    site = Site(cache, plain)
    site.app.put("/page")(site.view)
    etag = get(site.app, "/page").headers["etag"]
    passing: list[dict[str, Any]] = [
        {"headers": {"Range": "bytes=0-1"}},
        {"content": b"body"},
        {"method": "PUT", "headers": {"If-None-Match": etag}},
    ]
    for number, options in enumerate(passing, 2):
        response = get(site.app, "/page", **options)
        assert (response.status_code, response.text, "etag" in response.headers) == (200, str(number), False)
    assert get(site.app, "/page").text == "1"


def test_a_function_of_the_request_says_for_whom_it_is(cache: Cache) -> None:
    async def by_user(request: Request) -> str:
        return request.headers.get("x-user", "")

    site = Site(cache, plain, vary=by_user)
    assert [site.get(X_User="ana"), site.get(X_User="bia"), site.get(X_User="ana")] == ["1", "2", "1"]
    assert "private" in get(site.app, "/page").headers["cache-control"]


# -- where it stands ---------------------------------------------------------------------------------------------------


def test_endpoints_of_starlette_are_cached_functions_and_methods(cache: Cache) -> None:
    @cached_view(POLICY, cache=cache, name="function")
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.url.path} {number_of_run()}")

    @cached_view(POLICY, cache=cache, name="plain_function")
    def plain_page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.url.path} {number_of_run()}")

    class Page(HTTPEndpoint):
        @cached_view(POLICY, cache=cache, name="method")
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse(f"{request.url.path} {number_of_run()}")

    app = Starlette(routes=[Route("/a", page), Route("/b", plain_page), Route("/c", Page)])
    for url, text in (("/a", "/a 1"), ("/b", "/b 2"), ("/c", "/c 3")):
        assert [get(app, url).text, get(app, url).text] == [text, text]
    # HEAD is a request of its own.
    assert (get(app, "/a", method="HEAD").status_code, get(app, "/a").text) == (200, "/a 1")


def test_an_application_that_is_mounted_twice_has_entries_for_each_place(cache: Cache) -> None:
    @cached_view(POLICY, cache=cache, name="mounted")
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.url.path} {number_of_run()}")

    inner = Starlette(routes=[Route("/page", page)])
    app = Starlette(routes=[Mount("/one", inner), Mount("/two", inner)])
    assert [get(app, "/one/page").text, get(app, "/two/page").text] == ["/one/page 1", "/two/page 2"]


def test_what_an_endpoint_leaves_in_its_request_is_there_for_those_around_it(cache: Cache) -> None:
    found = []

    @cached_view(POLICY, cache=cache, name="leaves")
    async def page(request: Request) -> PlainTextResponse:
        request.state.left = "here"
        request.scope["left"] = "there"
        return PlainTextResponse("text")

    app = Starlette(routes=[Route("/", page)])

    async def around(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        found.append((scope["state"]["left"], scope["left"]))

    get(around, "/")
    assert found == [("here", "there")]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"vary": ("Accept", 1)}, "vary holds names"),
        ({"vary": "A, B"}, "each by itself"),
        ({"public": True, "vary": lambda request: request}, "leave one of them out"),
        ({"key": {"unknown": str}}, "no parameter of the endpoint"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_declared(options: dict[str, Any], says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        cached_view(POLICY, **options)(plain)


def test_a_generator_is_refused() -> None:
    def parts() -> Iterator[str]:
        yield "a"

    async def later() -> AsyncIterator[str]:
        yield "a"

    for endpoint in (parts, later):
        with pytest.raises(PolicyError, match="is a generator"):
            cached_view(POLICY)(endpoint)


def test_what_fastapi_documents_of_an_endpoint_is_as_without_a_cache(cache: Cache) -> None:
    async def page(number: int, user: CurrentUser, q: str = "", theme: Annotated[str, Cookie()] = "") -> list[int]:
        """Says something."""
        return [number, len(user.name), len(q), len(theme)]

    plain_app, cached_app = FastAPI(), FastAPI()
    plain_app.get("/page/{number}")(page)
    cached_app.get("/page/{number}")(cached_view(POLICY, cache=cache)(page))
    assert cached_app.openapi() == plain_app.openapi()


def test_a_session_that_has_changed_something_is_answered_and_kept_for_nobody(cache: Cache, tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/db")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Price(id=1, cents=10))

    def changed(cents: int = 10) -> Iterator[Session]:
        with Session(engine) as session:
            session.get_one(Price, 1).cents = cents
            session.flush()
            yield session
            session.rollback()

    def page(session: Annotated[Session, Depends(changed)]) -> int:
        number_of_run()
        return session.scalars(sa.select(Price.cents)).one()

    with contextlib.closing(track(engine, cache)):
        site = Site(cache, page)
        assert [site.get("/page?cents=11"), site.get("/page?cents=11"), len(RUNS)] == ["11", "11", 2]
    engine.dispose()


def test_a_test_may_put_another_dependency_in_the_place_of_one(cache: Cache) -> None:
    async def page(user: CurrentUser) -> str:
        return f"{user.name} {number_of_run()}"

    site = Site(cache, page)
    names = iter(("ana", "bia", "ana"))
    site.app.dependency_overrides[current_user] = lambda: User(next(names))
    assert [site.get(), site.get(), site.get()] == ["ana 1", "bia 2", "ana 1"]


def test_a_cache_that_is_disabled_runs_the_endpoint_each_time(cache: Cache) -> None:
    site = Site(cache, plain)
    site.get()
    with cache.disabled():
        assert [site.get(), site.get()] == ["2", "3"]
    assert site.get() == "1"


def test_a_websocket_is_refused() -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()

    with pytest.raises(PolicyError, match="websocket"):
        cached_view(POLICY)(talk)


def test_without_a_cache_the_sentence_says_where_it_comes_from() -> None:
    app = FastAPI()
    app.get("/")(cached_view(POLICY)(plain))
    with pytest.raises(PolicyError, match="lifespan=lifespan"):
        get(app, "/")


def test_a_tag_is_filled_from_the_arguments_of_the_endpoint_or_its_path(cache: Cache) -> None:
    policy = POLICY.replace(tags=("all", "price:{number}"))

    @cached_view(policy, cache=cache, name="tagged")
    async def page(number: int) -> int:
        return number_of_run()

    @cached_view(policy, cache=cache, name="tagged_by_path")
    async def starlette_page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.path_params['number']} {number_of_run()}")

    app = FastAPI(routes=[Route("/by_path/{number}", starlette_page)])
    app.get("/{number}")(page)
    urls = ("/1", "/2", "/by_path/1")
    assert [get(app, url).text for url in urls * 2] == ["1", "2", "1 3"] * 2
    cache.invalidate("price:1")
    assert [get(app, url).text for url in urls] == ["4", "2", "1 5"]


def test_an_endpoint_may_say_how_long_its_response_lives(cache: Cache) -> None:
    async def page() -> int:
        current_load().expire(7)
        return number_of_run()

    site = Site(cache, page, max_age=60)
    assert get(site.app, "/page").headers["cache-control"] in (
        "max-age=7, must-revalidate",
        "max-age=6, must-revalidate",
    )


def test_it_is_invalidated_as_a_whole(cache: Cache) -> None:
    site = Site(cache, plain)
    assert [site.get("/page/1"), site.get("/page/2")] == ["1", "2"]
    assert asyncio.run(site.view.invalidate_all())
    assert [site.get("/page/1"), site.get("/page/2")] == ["3", "4"]


# -- with SQLAlchemy ---------------------------------------------------------------------------------------------------


class Base(DeclarativeBase):
    pass


class Price(Base):
    __tablename__ = "price"
    id: Mapped[int] = mapped_column(primary_key=True)
    cents: Mapped[int]


def test_a_commit_ends_what_was_read_by_the_session_of_a_dependency_by_a_nested_call_or_before(
    cache: Cache, tmp_path: Path
) -> None:
    async def test() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/db")
        make = async_sessionmaker(engine, expire_on_commit=False)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with make() as session, session.begin():
            session.add(Price(id=1, cents=10))

        async def opened() -> AsyncIterator[AsyncSession]:
            async with make() as session:
                yield session

        Opened = Annotated[AsyncSession, Depends(opened)]  # noqa: N806 - a type

        async def price_of(session: Opened) -> Price | None:
            return await session.get(Price, 1)

        @cache.cached(expire=300, key_prefix="cents")
        async def cents(session: AsyncSession, number: int) -> int:
            return int(await session.scalar(sa.select(Price.cents).where(Price.id == number)) or 0)

        app = FastAPI()

        @app.get("/own")
        @cached_view(POLICY, cache=cache, name="own")
        async def own(session: Opened) -> int:
            number_of_run()
            return int(await session.scalar(sa.select(Price.cents)) or 0)

        @app.get("/nested")
        @cached_view(POLICY, cache=cache, name="nested")
        async def nested(session: Opened) -> int:
            number_of_run()
            return await cents(session, 1)

        @app.get("/before")
        @cached_view(POLICY, cache=cache, name="before")
        async def before(price: Annotated[Price, Depends(price_of)]) -> int:
            number_of_run()
            return price.cents

        @app.get("/plain")
        async def plain_cached(session: Opened) -> int:
            return await cents(session, 1)

        paths = ("/own", "/nested", "/before", "/plain")
        with contextlib.closing(track(engine, cache)):
            for _ in range(2):
                assert [(await ask(app, path)).text for path in paths] == ["10"] * 4
            assert len(RUNS) == 3
            async with make() as session, session.begin():
                (await session.get_one(Price, 1)).cents = 11
            assert [(await ask(app, path)).text for path in paths] == ["11"] * 4
        await engine.dispose()

    asyncio.run(test())


# -- many at once ------------------------------------------------------------------------------------------------------


def test_one_request_runs_the_endpoint_for_all_that_ask_together_and_each_has_its_headers(cache: Cache) -> None:
    async def test() -> None:
        go_on = asyncio.Event()

        async def page() -> int:
            await go_on.wait()
            return number_of_run()

        site = Site(cache, page)
        asking = [asyncio.create_task(ask(site.app, "/page")) for _ in range(10)]
        while not asking[0].done():
            await asyncio.sleep(0)
            go_on.set()
        responses = await asyncio.gather(*asking)
        assert ({one.text for one in responses}, {one.status_code for one in responses}) == ({"1"}, {200})

    asyncio.run(test())


@pytest.mark.parametrize("how", ["task", "scope"])
def test_a_request_that_is_given_up_ends_no_load_that_others_wait_for(cache: Cache, how: str) -> None:
    async def test() -> None:
        go_on, began = asyncio.Event(), asyncio.Event()

        async def session() -> AsyncIterator[list[str]]:
            opened = ["open"]
            yield opened
            opened.clear()

        async def page(opened: Annotated[list[str], Depends(session)]) -> str:
            number = number_of_run()
            began.set()
            await go_on.wait()
            return f"{opened[0]} {number}"

        site = Site(cache, page)
        asking: Any = ask(site.app, "/page") if how == "task" else _within_scope(site.app, began)
        first = asyncio.create_task(asking)
        await began.wait()
        others = [asyncio.create_task(ask(site.app, "/page")) for _ in range(3)]
        for _ in range(50):
            await asyncio.sleep(0)
        first.cancel()
        for _ in range(50):
            await asyncio.sleep(0)
        go_on.set()
        assert [(await one).json() for one in others] == ["open 1"] * 3
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(test())


async def _within_scope(app: Any, began: asyncio.Event) -> None:
    import anyio

    async with anyio.create_task_group() as group:
        group.start_soon(ask, app, "/page")
        await began.wait()
        await asyncio.sleep(0.05)
        group.cancel_scope.cancel()


def test_a_value_past_its_time_is_loaded_anew_by_a_request_while_what_it_has_opened_is_open(cache: Cache) -> None:
    async def test() -> None:
        async def opened() -> AsyncIterator[list[str]]:
            held = ["open"]
            yield held
            held[0] = "closed"

        async def page(held: Annotated[list[str], Depends(opened)]) -> str:
            for _ in range(50):
                await asyncio.sleep(0)
            return f"{held[0]} {number_of_run()}"

        app, policy = FastAPI(), POLICY.replace(grace=60, serve_invalidated=True)
        app.get("/")(cached_view(policy, cache=cache, name="graceful")(page))
        assert (await ask(app, "/")).json() == "open 1"
        await cache.aio.invalidate_pattern("page:*")
        assert (await ask(app, "/")).json() == "open 2"

    asyncio.run(test())


def test_a_request_that_is_given_up_alone_ends_its_endpoint(cache: Cache) -> None:
    async def test() -> None:
        began, ended = asyncio.Event(), asyncio.Event()

        async def page() -> int:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return 0

        site = Site(cache, page)
        first = asyncio.create_task(ask(site.app, "/page"))
        await began.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert ended.is_set()

    asyncio.run(test())
