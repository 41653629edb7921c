"""Views whose responses are cached: by what is asked for, followed by browsers, and never for the wrong one."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, Response, abort, g, make_response, request, session
from flask.testing import FlaskClient

from frescor import Cache, Policy, PolicyError
from frescor.flask import FlaskCache
from frescor.sqlalchemy import track
from frescor.testing import PrivateServer
from waiting import until

POLICY = Policy(name="page", expire=300, jitter=0)


class Site:
    """An application with one cached view, and how often that ran."""

    def __init__(self, body: Callable[[], object], **options: Any) -> None:
        self.runs = 0
        self.app = app = Flask("site")
        app.secret_key = "secret"
        self.cache = FlaskCache()
        self.cache.init_app(app, lambda: Cache.from_url("memory://", "test"))

        @app.route("/page", methods=["GET", "POST"])
        @app.route("/page/<int:number>")
        @self.cache.view(POLICY, name="page", **options)
        def page(number: int = 0) -> object:
            self.runs += 1
            return body()

        self.view = page

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()


def test_a_second_request_is_answered_without_the_view() -> None:
    site = Site(lambda: "text")
    first, second = site.client.get("/page"), site.client.get("/page")
    assert (first.text, second.text, site.runs) == ("text", "text", 1)
    assert "Age" not in first.headers
    assert second.headers["Age"] == "0"
    assert second.content_type == first.content_type


@pytest.mark.parametrize(
    "other", ["/page?a=2", "/page/1", "/page?a=1&a=2", "http://other/page", "https://localhost/page"]
)
def test_another_request_has_a_response_of_its_own(other: str) -> None:
    site = Site(lambda: request.url)
    site.client.get("/page?a=1")
    assert site.client.get(other).text.endswith(other.partition("/page")[2])
    assert site.runs == 2


def test_the_order_of_the_query_does_not_matter_and_that_of_one_name_does() -> None:
    site = Site(lambda: "text")
    for url in ("/page?a=1&b=2", "/page?b=2&a=1"):
        site.client.get(url)
    assert site.runs == 1


def test_head_and_get_have_entries_of_their_own_and_post_is_passed_through() -> None:
    site = Site(lambda: request.method)
    assert site.client.head("/page").text == ""
    assert site.client.get("/page").text == "GET"
    for runs in (3, 4):
        assert site.client.post("/page").text == "POST"
        assert site.runs == runs


def test_a_browser_that_has_the_page_gets_304_until_it_is_invalidated() -> None:
    texts = iter(("one", "two"))
    site = Site(lambda: next(texts))
    first = site.client.get("/page")
    tag = {"If-None-Match": first.headers["ETag"]}
    again = site.client.get("/page", headers=tag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    with site.app.app_context():
        site.view.invalidate_all()
    third = site.client.get("/page", headers=tag)
    assert (third.status_code, third.text) == (200, "two")
    assert third.headers["ETag"] != first.headers["ETag"]


def test_browsers_ask_each_time_unless_told_otherwise_and_never_keep_longer_than_the_entry_lives() -> None:
    assert Site(lambda: "text").client.get("/page").cache_control.max_age == 0
    assert Site(lambda: "text", max_age=60).client.get("/page").cache_control.max_age == 60
    assert 0 < (Site(lambda: "text", max_age=3600).client.get("/page").cache_control.max_age or 0) <= 300

    def own() -> Response:
        response = make_response("text")
        response.cache_control.max_age = 900
        return response

    assert 0 < (Site(own).client.get("/page").cache_control.max_age or 0) <= 300


def test_a_commit_ends_the_page_that_shows_what_it_changed(tmp_path: object) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE price (id INTEGER PRIMARY KEY, amount INTEGER)")
        connection.exec_driver_sql("INSERT INTO price VALUES (1, 10)")

    def body() -> str:
        with engine.connect() as connection:
            return str(connection.scalar(sa.text("SELECT amount FROM price WHERE id = 1")))

    site = Site(body)
    with site.app.app_context(), contextlib.closing(track(engine, site.cache)):
        first = site.client.get("/page")
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE price SET amount = 11 WHERE id = 1"))
        second = site.client.get("/page", headers={"If-None-Match": first.headers["ETag"]})
        assert (first.text, second.status_code, second.text) == ("10", 200, "11")
    engine.dispose()


# -- for whom it is ---------------------------------------------------------------------------------------------------


def reads_session() -> str:
    return str(session.get("user"))


def sets_session() -> str:
    session["seen"] = True
    return "text"


def sets_cookie() -> Response:
    response = make_response("text")
    response.set_cookie("name", "value")
    return response


def streams() -> Response:
    return Response(iter(["a", "b"]))


def no_store() -> Response:
    response = make_response("text")
    response.cache_control.no_store = True
    return response


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (reads_session, "it reads the session: give vary"),
        (sets_session, "it sets a cookie, or changes the session"),
        (sets_cookie, "it sets a cookie"),
        (streams, "its response is streamed"),
        (no_store, "Cache-Control: no-store"),
        (lambda: str(request.accept_languages), "vary=('Accept-Language', …)"),
        (lambda: request.headers.get("X-Tenant", "none"), "vary=('X-Tenant', …)"),
        (lambda: str(request.user_agent), "vary=('User-Agent', …)"),
        (lambda: request.cookies.get("theme", "none"), "vary=('Cookie', …)"),
        (lambda: request.environ.get("HTTP_X_TENANT", "none"), "vary=('X-Tenant', …)"),
        (lambda: str(request.authorization), "vary=('Authorization', …)"),
        (lambda: str(dict(request.headers)), "it goes through all request headers"),
        (lambda: str(request.headers.getlist("X-Tenant")), "vary=('X-Tenant', …)"),
    ],
)
def test_what_may_be_for_one_visitor_is_not_kept_and_the_log_says_what_to_write(
    body: Callable[[], object], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(body)
    for runs in (1, 2, 3):
        assert site.client.get("/page").status_code == 200
        assert site.runs == runs
    assert caplog.text.count("a response of page (policy page) is not cached") == 1
    assert says in caplog.text


def test_two_users_have_pages_of_their_own_where_it_varies_on_them() -> None:
    site = Site(reads_session, vary=(lambda: session.get("user"),))
    clients = [site.client, site.client]
    for client, user in zip(clients, ("ana", "bia"), strict=True):
        with client.session_transaction() as kept:
            kept["user"] = user
    for _ in range(2):
        for client, user in zip(clients, ("ana", "bia"), strict=True):
            response = client.get("/page")
            assert response.text == user
            assert response.cache_control.private
            assert "Cookie" in response.headers["Vary"]
    assert site.runs == 2


def test_who_was_looked_up_before_the_view_passes_the_cache_by_unless_the_page_is_public() -> None:
    cases: list[tuple[dict[str, Any], int]] = [({}, 2), ({"public": True}, 1)]
    for options, runs in cases:
        site = Site(lambda: "text", **options)
        site.app.before_request(lambda: session.get("user") and None)
        for _ in range(2):
            site.client.get("/page")
        assert site.runs == runs


def test_a_request_with_credentials_passes_the_cache_by() -> None:
    site = Site(lambda: "text")
    site.client.get("/page")
    site.client.get("/page", headers={"Authorization": "Bearer token"})
    assert site.runs == 2


def test_a_header_in_vary_tells_responses_apart_and_is_said() -> None:
    site = Site(lambda: str(request.accept_languages.best), vary="Accept-Language")
    for _ in range(2):
        for language in ("pt", "en"):
            response = site.client.get("/page", headers={"Accept-Language": language})
            assert (response.text, response.headers["Vary"]) == (language, "Accept-Language")
    assert site.runs == 2


def test_a_get_with_a_body_passes_the_cache_by() -> None:
    site = Site(lambda: str(request.get_json(silent=True)))
    assert [site.client.get("/page", json=number).text for number in (1, 2)] == ["1", "2"]
    assert site.client.get("/page").text == "None"


def test_what_says_for_whom_it_is_may_be_a_list_and_an_object_without_identity_is_refused() -> None:
    groups = iter((["a"], ["b"], ["a"]))
    site = Site(lambda: str(site.runs), vary=lambda: next(groups))
    assert [site.client.get("/page").text for _ in range(3)] == ["1", "2", "1"]
    site = Site(lambda: "text", vary=object)
    site.app.testing = True
    with pytest.raises(PolicyError, match=r"returned a builtins\.object, which has no identity by value"):
        site.client.get("/page")


def test_a_tag_is_filled_from_the_arguments_of_the_view() -> None:
    app, cache, runs = Flask("tagged"), FlaskCache(), []
    cache.init_app(app, lambda: Cache.from_url("memory://", "test"))

    @app.get("/<int:number>")
    @cache.view(POLICY.replace(tags=("all", "price:{number}")), name="tagged")
    def page(number: int) -> str:
        runs.append(number)
        return "text"

    client = app.test_client()

    def ask() -> None:
        for number in (1, 2, 1, 2):
            client.get(f"/{number}")

    ask()
    with app.app_context():
        cache.current.invalidate("price:1")
        ask()
        cache.current.invalidate("all")
        ask()
    assert runs == [1, 2, 1, 1, 2]


def test_errors_are_looked_at_anew() -> None:
    def missing() -> object:
        abort(404)

    for body in (missing, lambda: ("gone", 410)):
        site = Site(body)
        for runs in (1, 2):
            assert site.client.get("/page").status_code in (404, 410)
            assert site.runs == runs


def test_an_async_view_is_cached_too() -> None:
    app, cache, runs = Flask("async"), FlaskCache(), []
    cache.init_app(app, lambda: Cache.from_url("memory://", "test"))

    @app.get("/")
    @cache.view(POLICY, name="async_page")
    async def page() -> str:
        runs.append(1)
        return "text"

    for _ in range(2):
        assert app.test_client().get("/").text == "text"
    assert len(runs) == 1


def test_a_slow_page_runs_once_for_all_that_ask_together() -> None:
    go_on, began = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        assert go_on.wait(20)
        return "text"

    site, texts = Site(slow), []
    threads = [threading.Thread(target=lambda: texts.append(site.client.get("/page").text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert began.wait(20)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (site.runs, texts) == (1, ["text"] * 8)


def test_an_old_page_is_served_while_it_is_loaded_anew_as_the_same_request_behind_its_reader(
    server: PrivateServer,
) -> None:
    app, cache, urls, again = Flask("graceful"), FlaskCache(), [], threading.Event()
    cache.init_app(app, lambda: Cache.from_url(server.url, "test"))

    @app.before_request
    def greet() -> None:
        g.greeting = "hello"

    @app.get("/")
    @cache.view(POLICY.replace(grace=60, serve_invalidated=True), name="graceful")
    def page() -> str:
        urls.append(f"{g.greeting} {request.url}")
        if len(urls) > 1:
            again.set()
        return str(len(urls))

    client = app.test_client()
    assert client.get("/?a=1").text == "1"
    with app.app_context():
        page.invalidate_all()
    assert client.get("/?a=1").text == "1"
    assert again.wait(20)
    assert urls == ["hello http://localhost/?a=1"] * 2
    assert until(lambda: client.get("/?a=1").text == "2")


def test_a_load_behind_a_reader_whose_response_is_for_one_visitor_is_not_answered(server: PrivateServer) -> None:
    app, cache, runs = Flask("patient"), FlaskCache(), []
    cache.init_app(app, lambda: Cache.from_url(server.url, "test"))

    @app.get("/")
    @cache.view(POLICY.replace(grace=60, serve_invalidated=True, soft_timeout=20), name="patient")
    def page() -> Response:
        runs.append(1)
        response = make_response(f"run {len(runs)}")
        if len(runs) > 1:
            response.set_cookie("seen", "yes")
        return response

    client = app.test_client()
    assert client.get("/").text == "run 1"
    with app.app_context():
        page.invalidate_all()
    found = client.get("/")
    assert (found.status_code, found.text) == (200, "run 3")


@pytest.mark.parametrize(
    "options", [{"vary": 1}, {"vary": "*"}, {"vary": ("",)}, {"public": True, "vary": lambda: 1}, {"max_age": -1}]
)
def test_what_cannot_be_meant_is_refused_where_it_is_declared(options: dict[str, Any]) -> None:
    with pytest.raises((PolicyError, TypeError)):
        Site(lambda: "text", **options)


def test_what_a_view_leaves_in_the_environment_is_there_afterwards() -> None:
    def leaves() -> str:
        request.environ["left"] = "here"
        return "text"

    site, found = Site(leaves), []

    @site.app.after_request
    def look(response: Response) -> Response:
        found.append((request.environ["left"], request.cookies.get("a")))
        return response

    client = site.client
    client.set_cookie("a", "b")
    client.get("/page")
    assert found == [("here", "b")]
