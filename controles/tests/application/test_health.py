"""What a container engine asks: alive, and ready."""

import logging
from collections.abc import Callable

import pytest
from flask import Flask

from controles.schema.migrating import upgrade

MakeApp = Callable[..., Flask]


def test_a_process_that_answers_is_alive_whatever_else_is_away(make_app: MakeApp) -> None:
    app = make_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", REDIS_URL="redis://127.0.0.1:1/0")
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_with_its_tables_and_its_cache_it_is_ready(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(DATABASE_URL=sqlite_url)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "database": "ok", "cache": "ok", "pending_invalidations": 0}


def test_a_degraded_cache_is_ready_and_says_so(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(DATABASE_URL=sqlite_url, REDIS_URL="redis://127.0.0.1:1/0")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["status"], answer.json["cache"]) == ("ready", "degraded")


def test_a_database_without_tables_is_not_ready_until_it_has_them(make_app: MakeApp) -> None:
    app = make_app()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "not migrated"
    upgrade(app)
    assert app.test_client().get("/readyz").status_code == 200


def test_a_database_that_is_away_is_not_ready_and_its_address_is_not_told(make_app: MakeApp) -> None:
    app = make_app(DATABASE_URL="postgresql://nobody:s3nha@127.0.0.1:1/nothing")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["status"], answer.json["database"]) == ("unavailable", "unreachable")
    assert "127.0.0.1" not in answer.text
    assert "nobody" not in answer.text


def test_questions_of_the_engine_fill_no_log(
    make_app: MakeApp, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(DATABASE_URL=sqlite_url)
    # The first one says, once, that a cache in memory is for one process.
    app.test_client().get("/readyz")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        for address in ("/healthz", "/readyz"):
            app.test_client().get(address)
    assert caplog.records == []
