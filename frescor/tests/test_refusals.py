"""Whatever the server answers, callers get right values and no exception; a change of state is one line in the log.

A real server where it can be brought to refuse; else a listener on a port that answers as it is told.
"""

import contextlib
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
import redis

from blocking_cache import BlockingCache
from frescor import Cache
from frescor._store.server.redis import RedisStore
from frescor.testing import PrivateCluster, PrivateServer


class Scripted:
    """Accepts connections and answers each piece of what comes with `answer`; None: closes the connection."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while heard := connection.recv(65536):
                said = self._answer(heard)
                if said is None:
                    return
                connection.sendall(said)

    def close(self) -> None:
        for one in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def scripted(answer: Callable[[bytes], bytes | None]) -> Iterator[Scripted]:
    server = Scripted(answer)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(params=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> Iterator[Callable[[Cache], Cache]]:
    """The cache by either driver."""
    opened: list[BlockingCache] = []

    def drive(cache: Cache) -> Cache:
        if request.param == "sync":
            return cache
        opened.append(BlockingCache(cache))
        return cast(Cache, opened[-1])

    yield drive
    for blocking in opened:
        blocking.close()


database = {"value": 0}


def everything_works(cache: Cache) -> None:
    """Each kind of call, with right values, whatever the store says."""

    @cache.cached(expire=60, key_prefix="p", tags=("t",))
    def load() -> int:
        return database["value"]

    for value in range(1, 4):
        database["value"] = value
        cache.invalidate("t")
        assert load() == value
        assert load() == value
    cache.set("k", 7)
    assert cache.get("k", 7) == 7
    assert cache.get_many("k") in ({}, {"k": 7})
    cache.delete("k")
    cache.invalidate_pattern("p:*")
    assert load.refresh() == value


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "frescor" and record.levelno > logging.INFO]


def count(caplog: pytest.LogCaptureFixture, start: str) -> int:
    return sum(line.startswith(start) for line in lines(caplog))


def await_back(cache: Cache) -> None:
    store = cache.store
    assert isinstance(store, RedisStore)
    turn = threading.Event()
    for _ in range(15_000):
        if store.breaker.reason is None:
            return
        turn.wait(0.002)
    raise AssertionError("the probe did not find the server")


NONSENSE = {
    "http": lambda heard: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "garbage": lambda heard: b"\x00\xff\xfe garbage \r\n",
    "ok-to-all": lambda heard: b"+OK\r\n" * heard.count(b"*"),
    "numbers": lambda heard: b":1\r\n" * heard.count(b"*"),
    "nulls": lambda heard: b"_\r\n" * heard.count(b"*"),
    "empty-lists": lambda heard: b"*0\r\n" * heard.count(b"*"),
    "half-a-reply": lambda heard: None if b"again" in heard else b"$100\r\nhalf",
    "closes": lambda heard: None,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_server_that_makes_no_sense_costs_nothing_but_the_loads(
    answer: Callable[[bytes], bytes | None], driver: Callable[[Cache], Cache]
) -> None:
    with scripted(answer) as server, Cache.from_url(server.url, "test") as cache:
        everything_works(driver(cache))
        assert cache.pending > 0


HELLO = (
    b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:3\r\n"
    b"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
)


@pytest.mark.parametrize(
    "mget",
    [b"+OK\r\n", b"*1\r\n$1\r\nx\r\n", b"*3\r\n:1\r\n:2\r\n:3\r\n", b"$5\r\nab", None, b"-ERR unknown\r\n", b"!"],
    ids=["text", "too-short", "numbers", "half", "closed", "error", "no-reply"],
)
def test_a_server_that_greets_well_and_answers_reads_with_nonsense_is_survived(
    mget: bytes | None, driver: Callable[[Cache], Cache]
) -> None:
    def answer(heard: bytes) -> bytes | None:
        said = b""
        for command in heard.split(b"*")[1:]:
            if b"HELLO" in command:
                said += HELLO
            elif b"INFO" in command and b"server" in command:
                said += b"$9\r\nrun_id:ab\r\n"
            elif b"MGET" in command:
                return None if mget is None else said + mget
            elif b"PING" in command:
                said += b"+PONG\r\n"
            elif b"EVAL" in command:
                said += b":0\r\n"
            else:
                said += b"+OK\r\n"
        return said

    with scripted(answer) as server, Cache.from_url(server.url, "test", local=False) as cache:
        everything_works(driver(cache))


def test_a_server_that_accepts_and_says_nothing_costs_its_deadline_once(driver: Callable[[Cache], Cache]) -> None:
    with scripted(lambda heard: b"") as server, Cache.from_url(server.url, "test", timeout=0.25) as cache:
        driven = driver(cache)
        took = []
        for _ in range(20):
            start = time.perf_counter()
            assert driven.get("k", 1) == 1
            took.append(time.perf_counter() - start)
        # The first alone waited for the server, however busy this machine is.
        assert took[0] >= 0.2
        assert sorted(took)[10] < 0.1
        everything_works(driven)


def test_a_full_server_is_told_of_once_and_used_again_when_it_has_room(
    server: PrivateServer, caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache]
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with Cache.from_url(server.url, "test", local=False) as made, redis.Redis.from_url(server.admin_url) as client:
        cache = driver(made)
        cache.set("k", 0)
        client.config_set("maxmemory", "1")
        client.config_set("maxmemory-policy", "noeviction")
        for _ in range(3):
            everything_works(cache)
        assert count(caplog, "invalidations wait") == 1
        # One for each kind of call.
        assert 1 <= count(caplog, "the store refused") == len(lines(caplog)) - 1 <= 5
        assert any("maxmemory'" in line for line in lines(caplog))
        client.config_set("maxmemory", "0")
        assert cache.set("k", 1) is True
        assert cache.get("k") == 1
        assert made.pending == 0


def test_a_replica_is_not_trusted_since_it_may_be_behind(
    server: PrivateServer, caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache]
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with Cache.from_url(server.url, "test", timeout=5) as made, redis.Redis.from_url(server.admin_url) as client:
        cache = driver(made)
        cache.set("k", "old")
        client.replicaof("127.0.0.1", "1")
        client.config_set("replica-serve-stale-data", "yes")
        for _ in range(2):
            everything_works(cache)
        assert cache.get("k", "not there") == "not there"
        assert count(caplog, "the cache is off") == 1
        client.replicaof("NO", "ONE")
        await_back(made)
        assert cache.set("k", 1) is True
        assert cache.get("k") == 1


def test_a_busy_script_is_waited_for_by_nobody(
    server: PrivateServer, caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache]
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with (
        Cache.from_url(server.url, "test") as made,
        redis.Redis.from_url(server.admin_url) as client,
        redis.Redis.from_url(server.admin_url) as busy,
    ):
        cache = driver(made)
        cache.set("k", 0)
        client.config_set("busy-reply-threshold", "1")

        def run() -> None:
            with contextlib.suppress(redis.ResponseError):
                busy.eval("while true do end", 0)

        thread = threading.Thread(target=run)
        thread.start()
        while True:
            try:
                client.ping()
            except redis.ResponseError:
                break
        everything_works(cache)
        client.execute_command("SCRIPT", "KILL")
        thread.join()
        await_back(made)
        assert cache.set("k", 1) is True
        assert count(caplog, "the cache is off") == count(caplog, "the cache is back") >= 1


def test_a_server_that_forgot_its_scripts_is_told_them_again(
    server: PrivateServer, caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache]
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with Cache.from_url(server.url, "test", timeout=5) as made, redis.Redis.from_url(server.admin_url) as client:
        cache = driver(made)
        for _ in range(3):
            client.script_flush()
            everything_works(cache)
        client.script_flush()
        assert cache.set("k", 1) is True
        assert lines(caplog) == []


@pytest.mark.parametrize("part", ["e", "l", "t", "clock", "server"])
def test_names_that_something_else_took_are_survived(
    server: PrivateServer, caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache], part: str
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with Cache.from_url(server.url, "test", local=False) as made, redis.Redis.from_url(server.admin_url) as client:
        cache = driver(made)
        everything_works(cache)
        names = client.keys(f"test:{part}*")
        assert isinstance(names, list)
        # A lease that everything_works left is a tombstone.
        for name in names:
            client.delete(name)
            client.rpush(name, "a list")
        for _ in range(3):
            everything_works(cache)
        assert len(set(lines(caplog))) == len(lines(caplog)) <= 8


@pytest.mark.parametrize("part", ["e", "l", "t", "clock", "server"])
def test_names_of_a_cluster_that_something_else_took_are_survived(
    cluster: PrivateCluster, driver: Callable[[Cache], Cache], part: str
) -> None:
    namespace = f"test-{secrets.token_hex(4)}"
    with Cache.from_url(cluster.url, namespace, local=False, timeout=5) as made:
        cache = driver(made)
        everything_works(cache)
        for node in cluster.nodes:
            with cluster.client(node) as client:
                for name in client.keys(f"{namespace}:{part}*"):
                    client.delete(name)
                    client.rpush(name, "a list")
        for _ in range(3):
            everything_works(cache)


def test_wrong_credentials_switch_the_cache_off_until_they_are_right(
    caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache]
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with PrivateServer(tcp=True) as server, redis.Redis.from_url(server.admin_url) as client:
        client.config_set("requirepass", "right")
        for credentials in ("", ":wrong@", "nobody:wrong@"):
            caplog.clear()
            with Cache.from_url(server.tcp_url.replace("//", f"//{credentials}"), "test") as made:
                for _ in range(3):
                    everything_works(driver(made))
                assert count(caplog, "the cache is off") == 1
                assert len(lines(caplog)) - count(caplog, "invalidations wait") == 2
        with Cache.from_url(server.tcp_url.replace("//", "//:wrong@"), "test") as made:
            everything_works(driver(made))
            client.config_set("requirepass", "wrong")
            await_back(made)
            assert made.set("k", 1) is True


@pytest.mark.parametrize(
    "denied", ["-info", "-eval -evalsha", "-mget", "-@write", "-client", "-hello", "resetkeys ~other:*"]
)
def test_missing_permissions_cost_the_cache_and_nothing_else(
    caplog: pytest.LogCaptureFixture, driver: Callable[[Cache], Cache], denied: str
) -> None:
    caplog.set_level(logging.WARNING, "frescor")
    with PrivateServer(tcp=True) as server, redis.Redis.from_url(server.admin_url) as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", *denied.split())
        with Cache.from_url(server.tcp_url.replace("//", "//app:secret@"), "test") as cache:
            for _ in range(3):
                everything_works(driver(cache))
        assert len(lines(caplog)) - count(caplog, "invalidations wait") <= 4


def test_a_server_that_still_loads_is_left_alone_until_it_is_ready(driver: Callable[[Cache], Cache]) -> None:
    loading = True

    def answer(heard: bytes) -> bytes | None:
        if loading:
            return b"-LOADING Redis is loading the dataset in memory\r\n" * heard.count(b"*")
        return b"-ERR enough\r\n" * heard.count(b"*")

    with scripted(answer) as server, Cache.from_url(server.url, "test") as made:
        everything_works(driver(made))
        store = made.store
        assert isinstance(store, RedisStore)
        assert store.breaker.reason is not None
