"""The cache of the current application, for functions that were declared before there was one."""

import pytest
import sqlalchemy as sa
from flask import Flask

from frescor import Cache, PolicyError
from frescor._protocol.commands import Invalidate
from frescor.flask import FlaskCache
from frescor.sqlalchemy import track

extension = FlaskCache()


@extension.cached(expire=60, key_prefix="of_app")
def of_app(number: int) -> int:
    return number


def create_app(greeting: str) -> Flask:
    app = Flask(greeting)
    extension.init_app(app, lambda: Cache.from_url("memory://", "test"))

    @app.get("/")
    @extension.cached(expire=60, key_prefix="greeting")
    def index() -> str:
        return f"{greeting} of {app.import_name}"

    return app


def test_applications_that_are_made_in_turn_have_functions_and_entries_of_their_own() -> None:
    one, other, again = create_app("one"), create_app("other"), create_app("one")
    for _ in range(2):
        for app, text in ((one, "one of one"), (other, "other of other"), (again, "one of one")):
            assert app.test_client().get("/").text == text
    with one.app_context():
        assert of_app(1) == 1
        assert extension.of(one).stats()["of_app"].loads == 1
        assert extension.of(other).stats() == {} or "of_app" not in extension.of(other).stats()


def test_a_second_function_of_one_name_is_refused_before_there_is_an_application() -> None:
    def declare(number: int) -> object:
        namespace = {"__name__": "module", "extension": extension}
        source = f"@extension.cached(expire=60, key_prefix='twice')\ndef f() -> int:\n    return {number}\n"
        exec(source, namespace)
        return namespace["f"]

    first = declare(1)
    with pytest.raises(PolicyError, match="second, different function f"):
        declare(2)
    assert first is not None


def test_an_engine_is_tracked_for_the_application_that_is_current() -> None:
    app, engine = create_app("tracked"), sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with pytest.raises(PolicyError, match=r"lambda: flask_cache.of\(app\)"):
        track(engine, extension, outbox=False)
    with app.app_context():
        tracking = track(engine, extension, outbox=False)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))

        @extension.cached(expire=60, key_prefix="count")
        def count() -> int:
            with engine.connect() as connection:
                return int(connection.scalar(sa.text("SELECT sum(n) FROM t")) or 0)

        with app.app_context():
            assert count() == 1
        # Where no application is current.
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (2)"))
        with app.app_context():
            assert count() == 3
    finally:
        tracking.close()
        engine.dispose()


@pytest.mark.parametrize("given", [None, Cache, Cache.from_url("memory://", "test").aio, "memory://"])
def test_what_is_no_cache_is_not_tracked(given: object) -> None:
    engine = sa.create_engine("sqlite://")
    with pytest.raises(PolicyError, match="track takes a Cache, a function that returns one, or a FlaskCache"):
        track(engine, given)  # type: ignore[arg-type]


def test_each_request_is_a_memo_where_the_application_says_so() -> None:
    app = Flask("memo")
    cache = FlaskCache()
    seen: list[int] = []

    @cache.cached(expire=60, key_prefix="user", tags=("users",))
    def user() -> list[int]:
        seen.append(1)
        return [len(seen)]

    @app.before_request
    def look_up() -> None:
        user()

    @app.get("/")
    def index() -> str:
        # As another process does it.
        cache.current.store.perform(Invalidate(("=users",)))
        return f"{user()}{user()}"

    @app.get("/fails")
    def fails() -> str:
        raise LookupError

    cache.init_app(app, lambda: Cache.from_url("memory://", "memo"), memo=True)
    client = app.test_client()
    assert client.get("/").text == "[1][1]"
    assert client.get("/fails").status_code == 500
    assert client.get("/").text == "[2][2]"
    with app.app_context():
        assert cache.current._engine.memo is None
