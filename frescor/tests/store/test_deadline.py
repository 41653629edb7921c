"""One deadline for a whole call, however many round trips it takes and however slow each of them is."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blocking_cache import BlockingCache
from frescor import Cache, Policy
from frescor._store.connection.deadline import TimedConnection, TimedSSLConnection, TimedUnixConnection
from frescor.testing import PrivateCluster, PrivateServer
from waiting import until

POLICY = Policy(name="p", expire=300)
DEADLINE = 0.25
# What a call may take beside it, on a machine that does much else; two round trips more would be beyond.
SLACK = 0.3


class SlowWay:
    """The way to a server, on which each request takes `delay` seconds."""

    def __init__(self, port: int | None) -> None:
        self.delay = 0.0
        self._port = port
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self._port is None:
                while not self._ended.wait(0.1):
                    client.sendall(b"+")
                return
            with socket.create_connection(("127.0.0.1", self._port)) as server:
                while True:
                    for one in select.select([client, server], [], [])[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        if one is client:
                            self._ended.wait(self.delay)
                        (server if one is client else client).sendall(data)

    def close(self) -> None:
        self._ended.set()
        self._listening.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with PrivateServer(tcp=True, namespaces=["test"]) as server:
        yield server


@pytest.fixture
def way(server: PrivateServer) -> Iterator[SlowWay]:
    way = SlowWay(server.port)
    yield way
    way.close()


@pytest.fixture(params=["sync", "async"])
def caching(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Cache | BlockingCache]]:
    with contextlib.ExitStack() as opened:

        def open_cache(url: str) -> Cache | BlockingCache:
            cache = opened.enter_context(Cache.from_url(url, "test", local=False, timeout=DEADLINE))
            if request.param == "sync":
                return cache
            blocking = BlockingCache(cache)
            opened.callback(blocking.close)
            return blocking

        yield open_cache


def through(server: PrivateServer, way: SlowWay) -> str:
    return server.tcp_url.replace(f":{server.port}", f":{way.port}")


def taken(cache: Cache | BlockingCache, key: str) -> float:
    began = time.monotonic()
    assert cache.get_or_load(key, lambda: 1, POLICY, as_type=int) == 1
    return time.monotonic() - began


def test_connecting_and_asking_through_a_slow_link_cost_one_deadline_once(
    server: PrivateServer, way: SlowWay, caching: Callable[[str], Cache | BlockingCache]
) -> None:
    way.delay = 0.2
    cache = caching(through(server, way))
    assert taken(cache, "a") < DEADLINE + SLACK
    # The breaker keeps callers away; at a time that the probe chooses one may pay again.
    assert min(taken(cache, key) for key in "bcd") < DEADLINE / 2


def test_a_server_that_sends_byte_by_byte_while_it_lets_somebody_in_costs_one_deadline(
    caching: Callable[[str], Cache | BlockingCache],
) -> None:
    way = SlowWay(None)
    cache = caching(f"redis://user:password@127.0.0.1:{way.port}/1")
    assert taken(cache, "a") < DEADLINE + SLACK
    assert cache.invalidate("t") is False
    way.close()


def test_the_round_trips_of_a_miss_share_one_deadline(server: PrivateServer, way: SlowWay) -> None:
    with Cache.from_url(through(server, way), "test", local=False, timeout=DEADLINE) as cache:
        taken(cache, "x")
        cache.invalidate_pattern("*")
        way.delay = 0.2
        assert taken(cache, "x") < DEADLINE + SLACK / 2
        way.delay = 0.0
        assert until(lambda: taken(cache, "y") >= 0 and cache.get("y", as_type=int) == 1)


def test_a_far_server_is_used_once_the_probe_has_a_connection(server: PrivateServer, way: SlowWay) -> None:
    with Cache.from_url(through(server, way), "test", local=False, timeout=DEADLINE) as cache:
        cache.set("near", 1)
        way.delay = 0.1
        cache.store.connections.drop()  # type: ignore[attr-defined]  # as if they had been lost
        assert until(lambda: cache.get("near") == 1)


def test_a_cluster_through_a_slow_link_costs_one_deadline_once(
    caching: Callable[[str], Cache | BlockingCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    with PrivateCluster() as cluster:
        ways = {node.port: SlowWay(node.port) for node in cluster.nodes}
        monkeypatch.setattr("frescor._store.cluster.cluster.node_endpoint", _rerouted(ways))
        cache = caching(cluster.url)
        for way in ways.values():
            way.delay = 0.2
        assert taken(cache, "a") < DEADLINE + SLACK
        assert min(taken(cache, key) for key in "bcd") < DEADLINE / 2
        for way in ways.values():
            way.close()


def _rerouted(ways: dict[int | None, SlowWay]) -> Callable[..., object]:
    from frescor._store.connection.endpoint import node_endpoint

    return lambda address, node: node_endpoint(address, (node[0], ways[node[1]].port))


@pytest.mark.parametrize("connection", [TimedConnection, TimedSSLConnection, TimedUnixConnection])
def test_beside_a_call_each_step_has_the_time_that_the_connection_was_given(connection: Any) -> None:
    made = connection(socket_timeout=0.1, socket_connect_timeout=0.1)
    assert (made.socket_timeout, made.socket_connect_timeout) == (0.1, 0.1)
