"""Flask-Caching's calls over Frescor: what they gain, and what no other visitor may get."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, Response, make_response, render_template_string

from frescor import PolicyError
from frescor.flask_caching import Cache
from frescor.sqlalchemy import track


@pytest.fixture
def app() -> Flask:
    app = Flask("shop")
    app.config["FRESCOR_URL"] = "memory://"
    return app


@pytest.fixture
def cache(app: Flask) -> Cache:
    return Cache(app)


def test_many_callers_of_a_memoized_function_compute_it_once(app: Flask, cache: Cache) -> None:
    started, go = threading.Event(), threading.Event()
    calls: list[int] = []

    @cache.memoize(60)
    def double(number: int) -> int:
        calls.append(number)
        started.set()
        go.wait(10)
        return number * 2

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(double(2))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert started.wait(10)
    go.set()
    for thread in threads:
        thread.join()
    assert (found, calls) == ([4] * 8, [2])


def test_a_commit_ends_what_a_memoized_function_read(app: Flask, cache: Cache) -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    track(engine, cache.frescor)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE price (id INTEGER PRIMARY KEY, cents INTEGER)"))
        connection.execute(sa.text("INSERT INTO price VALUES (1, 100)"))

    @cache.memoize(60)
    def cents(number: int) -> Any:
        with engine.connect() as connection:
            return connection.scalar(sa.text("SELECT cents FROM price WHERE id = :id"), {"id": number})

    assert cents(1) == 100
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE price SET cents = 200 WHERE id = 1"))
    assert cents(1) == 200
    engine.dispose()


def test_a_load_that_began_before_delete_memoized_is_not_kept(app: Flask, cache: Cache) -> None:
    values = iter((1, 2))

    @cache.memoize(60)
    def value() -> int:
        current = next(values)
        if current == 1:
            cache.delete_memoized(value)
        return current

    assert value() == 1
    assert value() == 2
    assert value() == 2


def test_a_response_with_a_cookie_is_not_kept(app: Flask, cache: Cache) -> None:
    visits = iter("ab")

    @app.get("/")
    @cache.cached(60)
    def page() -> Response:
        response = make_response("hello")
        response.set_cookie("visitor", next(visits))
        return response

    cookies = [app.test_client().get("/").headers["Set-Cookie"] for _ in range(2)]
    assert "visitor=a" in cookies[0]
    assert "visitor=b" in cookies[1]


def test_a_kept_response_has_its_status_headers_and_body(app: Flask, cache: Cache) -> None:
    runs: list[int] = []

    @app.get("/")
    @cache.cached(60)
    def page() -> Any:
        runs.append(1)
        return make_response("made", 201), {"X-Own": "yes"}

    for _ in range(2):
        response = app.test_client().get("/")
        assert (response.status_code, response.text, response.headers["X-Own"]) == (201, "made", "yes")
    assert len(runs) == 1


def test_a_part_of_a_template_is_rendered_once_and_stays_markup(app: Flask, cache: Cache) -> None:
    calls: list[int] = []

    def note() -> str:
        calls.append(1)
        return "<b>"

    app.jinja_env.globals["note"] = note
    text = "{% cache 60, 'part' %}{{ note() }}<i>{% endcache %}"
    with app.test_request_context():
        assert render_template_string(text) == render_template_string(text) == "&lt;b&gt;<i>"
    assert len(calls) == 1


def test_what_cannot_be_kept_exactly_is_refused(app: Flask, cache: Cache) -> None:
    @cache.memoize(60)
    def thing() -> object:
        return object()

    with pytest.raises(PolicyError, match="cannot cache the object"):
        thing()
