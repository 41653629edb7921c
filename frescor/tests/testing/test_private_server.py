"""The server that tests start for themselves."""

from collections.abc import Iterator

import pytest
import redis

from frescor.testing import PrivateServer
from server_binaries import every_server, name_of


@pytest.fixture(params=every_server(), ids=name_of)
def server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    with PrivateServer(binary=request.param, tcp=True, options={"maxmemory": "8mb"}) as server:
        yield server


def test_it_answers_on_its_socket_and_on_a_loopback_port(server: PrivateServer) -> None:
    with redis.Redis.from_url(server.url) as by_socket, redis.Redis.from_url(server.tcp_url) as by_port:
        by_socket.set("a", "1")
        assert by_port.get("a") == b"1"
        assert by_port.config_get("bind") == {"bind": "127.0.0.1"}
        assert by_port.config_get("maxmemory") == {"maxmemory": str(8 << 20)}


def test_killed_and_started_again_it_is_empty_at_the_same_addresses(server: PrivateServer) -> None:
    addresses = (server.url, server.tcp_url)
    with redis.Redis.from_url(server.url) as client:
        client.set("a", "1")
    server.kill()
    assert not server.await_answer(within=0)
    server.start()
    assert (server.url, server.tcp_url) == addresses
    with redis.Redis.from_url(server.url) as client:
        assert client.get("a") is None


def test_paused_it_takes_connections_and_answers_nothing(server: PrivateServer) -> None:
    server.pause()
    with redis.Redis.from_url(server.url, socket_timeout=0.05, retry=None) as client, pytest.raises(redis.TimeoutError):
        client.ping()
    server.resume()
    assert server.await_answer()


def test_stopped_it_leaves_no_folder(server: PrivateServer) -> None:
    server.stop()
    assert not server.folder.exists()
    with pytest.raises(LookupError, match="does not run"):
        _ = server.pid


def test_a_server_without_a_port_says_how_to_get_one() -> None:
    with PrivateServer() as server, pytest.raises(LookupError, match="tcp=True"):
        _ = server.tcp_url
