"""Invalidations that return once no process uses a copy of what they end."""

import contextlib
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from blocking_cache import BlockingCache
from frescor import Cache, Policy
from frescor._copies.listen import Listener
from frescor._plan.confirming import HOLDS, MARGIN
from frescor.sqlalchemy import track
from frescor.testing import PrivateCluster, PrivateServer
from waiting import until

POLICY = Policy(name="p", expire=300, tags=("t",))
# What it may take beyond what is waited for, on a machine that does much else.
SLACK = 1.0


@pytest.fixture(scope="module", params=["server", "cluster"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "server":
        with PrivateServer(namespaces=["test"]) as server:
            yield server.url
    else:
        with PrivateCluster() as cluster:
            yield cluster.url


@contextlib.contextmanager
def with_copies(url: str, *, confirm: bool = False) -> Iterator[Cache]:
    with Cache.from_url(url, "test", timeout=5, confirm=confirm) as cache:
        cache.get("k")
        listener = cache._engine.listener
        assert listener is not None
        assert listener.await_alive(10)
        yield cache


@pytest.fixture
def pair(url: str) -> Iterator[tuple[Cache, Cache]]:
    """One that invalidates, and another that keeps copies; the server has known for long who does."""
    with with_copies(url, confirm=True) as writer, with_copies(url) as reader:
        writer.invalidate("another")
        yield writer, reader


WAYS: dict[str, Callable[[Cache | BlockingCache, int], object]] = {
    "invalidate": lambda cache, _: cache.invalidate("t"),
    "pattern": lambda cache, _: cache.invalidate_pattern("p:*"),
    "clear_all": lambda cache, _: cache.clear_all(),
    "delete": lambda cache, _: cache.delete("p:k"),
    "set": lambda cache, value: cache.set("p:k", value, tags=("t",), as_type=int),
}


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("way", WAYS)
def test_once_it_has_returned_no_copy_in_another_process_is_used(
    pair: tuple[Cache, Cache], way: str, driver: str
) -> None:
    writer, reader = pair
    number, copies = 0, 0
    with contextlib.ExitStack() as opened:
        writing: Cache | BlockingCache = writer
        if driver == "async":
            writing = BlockingCache(writer)
            opened.callback(writing.close)
        for _ in range(40):
            for _ in range(2):
                reader.get_or_load("p:k", lambda value=number: value, POLICY, as_type=int)  # type: ignore[misc]
            copies += reader._engine.local.get("p:k") is not None
            number += 1
            assert WAYS[way](writing, number)
            assert reader._engine.local.get("p:k") is None
            assert reader.get_or_load("p:k", lambda value=number: value, POLICY, as_type=int) == number  # type: ignore[misc]
    assert copies > 20


def test_a_call_may_choose(pair: tuple[Cache, Cache], monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader = pair
    asked: list[str] = []
    for cache in pair:
        perform = cache.store.perform

        def noting(command: object, perform: Callable[..., object] = perform) -> object:
            asked.append(type(command).__name__)
            return perform(command)

        monkeypatch.setattr(cache.store, "perform", noting)
    for cache, confirm, expected in ((writer, None, 1), (writer, False, 0), (reader, None, 0), (reader, True, 1)):
        asked.clear()
        cache.invalidate("t", confirm=confirm)
        assert asked.count("Announce") == expected


def test_a_commit_of_a_tracked_database_is_confirmed_where_the_cache_says_so(
    pair: tuple[Cache, Cache], tmp_path: object
) -> None:
    writer, reader = pair
    engine = sa.create_engine(f"sqlite:///{tmp_path}/t.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x integer)")
        connection.exec_driver_sql("INSERT INTO t VALUES (0)")
    plain = sa.create_engine(engine.url)

    def load() -> int:
        with plain.connect() as connection:
            return int(connection.scalar(sa.text("SELECT x FROM t")) or 0)

    tracking = track(engine, writer)
    policy = Policy(name="p", expire=300, tags=("sql:t",))
    for number in range(1, 20):
        for _ in range(2):
            reader.get_or_load("p:t", load, policy, as_type=int)
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE t SET x = :x"), {"x": number})
        assert reader.get_or_load("p:t", load, policy, as_type=int) == number
    tracking.close()
    engine.dispose()
    plain.dispose()


def keep_copies(url: str, pipe: Connection) -> None:
    """A process that answers each question with what it reads, and how."""
    with with_copies(url) as cache:
        while True:
            value = pipe.recv()
            if value is None:
                return
            before = cache._engine.local.get("k") is not None
            pipe.send((cache.get_or_load("k", lambda value=value: value, POLICY, as_type=int), before))  # type: ignore[misc]


class Other:
    """Another process that keeps copies."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=keep_copies, args=(url, theirs), daemon=True)
        self.process.start()
        # Else nobody would hear of its death.
        theirs.close()
        self.read(0)
        assert until(lambda: self.read(0)[1])

    def read(self, present: int) -> tuple[int, bool]:
        """What it reads while this is the present value; whether from a copy."""
        self._pipe.send(present)
        assert self._pipe.poll(30)
        found: tuple[int, bool] = self._pipe.recv()
        return found

    def send(self, sign: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, sign)

    def close(self) -> None:
        self._pipe.send(None)
        self.process.join(10)


def test_a_process_that_is_stopped_is_waited_for_until_it_trusts_no_copy(pair: tuple[Cache, Cache], url: str) -> None:
    other = Other(url)
    other.send(signal.SIGSTOP)
    began = time.monotonic()
    assert pair[0].invalidate("t")
    took = time.monotonic() - began
    assert HOLDS - 0.6 < took < HOLDS + MARGIN + SLACK
    # It was stopped after the copy was made and before it heard of anything: its first read asks the server.
    other._pipe.send(1)
    other.send(signal.SIGCONT)
    assert other._pipe.recv() == (1, False)
    began = time.monotonic()
    assert pair[0].invalidate("t")
    assert time.monotonic() - began < HOLDS
    other.close()


def test_a_process_that_was_killed_is_waited_for_once(pair: tuple[Cache, Cache], url: str) -> None:
    other = Other(url)
    other.process.kill()
    other.process.join()
    times = []
    for _ in range(2):
        began = time.monotonic()
        assert pair[0].invalidate("t")
        times.append(time.monotonic() - began)
    assert HOLDS < times[0] < HOLDS + MARGIN + SLACK
    assert times[1] < HOLDS / 2


def test_a_process_that_comes_back_under_another_name_is_waited_for_no_longer(pair: tuple[Cache, Cache]) -> None:
    writer, reader = pair
    local = reader._engine.local
    name = local.line
    listener: Any = reader._engine.listener
    for line in (
        [listener._line] if isinstance(listener, Listener) else [one._line for one, _ in listener._lines.values()]
    ):
        assert line is not None
        line.close()
    assert until(lambda: local.line != name and local.alive_until > time.monotonic())
    times = []
    for _ in range(5):
        began = time.monotonic()
        writer.invalidate("t")
        times.append(time.monotonic() - began)
    assert statistics.median(times) < HOLDS / 2


@pytest.mark.parametrize("loss", ["the list", "everything", "a list of another kind", "names and times that are none"])
def test_a_server_that_lost_who_keeps_copies_is_given_time_to_learn_it(loss: str) -> None:
    with PrivateServer(namespaces=["test"]) as server, with_copies(server.url, confirm=True) as writer:
        writer.invalidate("t")
        began = time.monotonic()
        writer.invalidate("t")
        assert time.monotonic() - began < HOLDS / 2
        with redis.Redis.from_url(server.admin_url) as client:
            if loss == "everything":
                client.flushall()
            elif loss == "names and times that are none":
                client.hset("test:listeners", mapping={b"\xff": b"nan", b"a": b"9" * 400, b"since": b"\x00", b"": b""})
            else:
                client.delete("test:listeners")
                if loss == "a list of another kind":
                    client.rpush("test:listeners", "x")
        began = time.monotonic()
        assert writer.invalidate("t")
        assert HOLDS - 0.6 < time.monotonic() - began < HOLDS + MARGIN + SLACK
        began = time.monotonic()
        assert writer.invalidate("t")
        assert time.monotonic() - began < HOLDS / 2


def test_with_a_server_that_does_not_answer_it_waits_as_any_invalidation() -> None:
    with PrivateServer(namespaces=["test"]) as server, with_copies(server.url, confirm=True) as writer:
        writer.invalidate("t")
        server.kill()
        began = time.monotonic()
        assert writer.invalidate("t") is False
        assert time.monotonic() - began < HOLDS
        assert writer.pending


def test_where_nobody_keeps_copies_it_costs_one_round_trip_more() -> None:
    with (
        PrivateServer(namespaces=["test"]) as server,
        Cache.from_url(server.url, "test", local=False, timeout=5, confirm=True) as cache,
    ):
        cache.invalidate("t")
        began = time.monotonic()
        cache.invalidate("t")
        assert time.monotonic() - began < HOLDS / 2
    with Cache.from_url("memory://", "test", confirm=True) as cache:
        began = time.monotonic()
        assert cache.invalidate("t")
        assert time.monotonic() - began < HOLDS / 2


@pytest.mark.parametrize("ends", ["close", "the interpreter"])
def test_a_process_that_ends_in_order_is_waited_for_no_longer(pair: tuple[Cache, Cache], url: str, ends: str) -> None:
    if ends == "close":
        with with_copies(url):
            pass
    else:
        program = (
            "import sys; from frescor import Cache; cache = Cache.from_url(sys.argv[1], 'test', timeout=5); "
            "cache.get('k'); assert cache._engine.listener.await_alive(10)"
        )
        subprocess.run([sys.executable, "-c", program, url], check=True)
    began = time.monotonic()
    assert pair[0].invalidate("t")
    assert time.monotonic() - began < HOLDS - 0.3
