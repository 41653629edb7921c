"""How often one address on the network may try to log in."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from frescor.testing import PrivateCluster, PrivateSentinels, PrivateServer

MakeApp = Callable[..., Flask]


def attempt(client: FlaskClient, ip: str = "203.0.113.1") -> int:
    # Without a token: what is counted is the request, before anything looks at it.
    return client.post("/entrar", data={}, environ_base={"REMOTE_ADDR": ip}).status_code


def test_beyond_the_limit_the_page_says_to_wait(make_app: MakeApp, sqlite_url: str) -> None:
    client = make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="3 per minute").test_client()
    assert [attempt(client) for _ in range(3)] == [302] * 3
    answer = client.post("/entrar", data={}, environ_base={"REMOTE_ADDR": "203.0.113.1"})
    assert answer.status_code == 429
    assert "Tentativas demais" in answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= 60


def test_another_address_and_looking_at_the_page_are_not_limited(make_app: MakeApp, sqlite_url: str) -> None:
    client = make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="1 per minute").test_client()
    assert [attempt(client), attempt(client), attempt(client, "203.0.113.2")] == [302, 429, 302]
    assert client.get("/entrar").status_code == 200


def test_one_application_does_not_count_for_another(make_app: MakeApp, sqlite_url: str) -> None:
    for _ in range(2):
        client = make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="1 per minute").test_client()
        assert attempt(client) == 302


def test_the_store_holds_no_address(make_app: MakeApp, sqlite_url: str) -> None:
    with PrivateServer() as server:
        app = make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="5 per minute", REDIS_URL=server.url)
        client = app.test_client()
        addresses = ["203.0.113.1", "2001:db8:1:2::77"]
        assert [attempt(client, address) for address in addresses] == [302, 302]
        with redis.Redis.from_url(server.url) as store:
            keys = b" ".join(store.keys())
    assert b"LIMITS" in keys
    assert not any(address.encode() in keys for address in addresses)


@pytest.fixture
def silent_port() -> Any:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_with_redis_away_it_still_limits(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="2 per minute", REDIS_URL="redis://127.0.0.1:1/0")
    client = app.test_client()
    assert [attempt(client) for _ in range(3)] == [302, 302, 429]


def test_with_redis_hanging_it_still_limits_and_waits_once(
    make_app: MakeApp, sqlite_url: str, silent_port: int
) -> None:
    app = make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="2 per minute", REDIS_URL=f"redis://127.0.0.1:{silent_port}/0")
    client = app.test_client()
    began = time.perf_counter()
    assert [attempt(client) for _ in range(3)] == [302, 302, 429]
    assert time.perf_counter() - began < 2


def test_on_a_cluster_it_counts_for_all_processes(make_app: MakeApp, sqlite_url: str) -> None:
    with PrivateCluster() as cluster:
        clients = [
            make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="1 per minute", REDIS_URL=cluster.url).test_client()
            for _ in range(2)
        ]
        assert [attempt(client) for client in clients] == [302, 429]


def test_behind_sentinels_it_counts_for_all_processes(make_app: MakeApp, sqlite_url: str) -> None:
    with PrivateSentinels() as group:
        clients = [
            make_app(DATABASE_URL=sqlite_url, LOGIN_RATE="1 per minute", REDIS_URL=group.url).test_client()
            for _ in range(2)
        ]
        assert [attempt(client) for client in clients] == [302, 429]
