"""When a server is trusted: what it may have lost is done again first, and what is not known to be complete is not."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
import redis

from frescor import MISS, Cache, StoreUnavailable
from frescor.commands import Invalidate, Read
from frescor.store.base import Doubt
from frescor.store.breaker import Breaker
from frescor.store.opening_aio import awaited
from frescor.store.redis import RedisStore
from frescor.testing import PrivateCluster, PrivateServer
from frescor.testing.blocking import BlockingCache
from frescor.testing.waiting import until


class Outbox:
    """Says what it is told to."""

    def __init__(self, lost: tuple[str, ...] | None = ()) -> None:
        self.lost = lost
        self.doubts: list[Doubt] = []
        self.tell: Callable[[Doubt], tuple[str, ...] | None] = lambda _: self.lost
        self.starts = 0

    def start(self) -> None:
        self.starts += 1

    def replay(self, doubt: Doubt) -> tuple[str, ...] | None:
        self.doubts.append(doubt)
        return self.tell(doubt)


class Place(Outbox):
    """A server that is restarted with what it had at its last `save`, and an outbox that says what it has lost."""

    def __init__(self, server: PrivateServer) -> None:
        super().__init__()
        self.server = server
        self.cache = Cache.from_url(server.url, "test", local=False)
        self.cache.store.replay_by("", self)

    @property
    def store(self) -> RedisStore:
        assert isinstance(self.cache.store, RedisStore)
        return self.cache.store

    def fill(self) -> None:
        """An entry that depends on each of two tags. It is not done by hand: no mark is left."""
        for tag in ("sql:a", "sql:b"):
            policy_key = tag.replace("sql:", "k")
            with redis.Redis.from_url(self.server.admin_url) as client:
                self.cache.set(policy_key, tag, 3600, (tag,))
                client.delete("test:by-hand")
        self.store.trust._noted_until = 0.0

    def save(self) -> None:
        with redis.Redis.from_url(self.server.admin_url) as client:
            client.execute_command("SAVE")

    def restart(self) -> None:
        self.server.kill()
        self.server.start()

    def left(self) -> list[str]:
        """What is still there once the server is trusted again."""
        self.cache.get("ka")
        assert until(lambda: not self.store.breaker.is_open)
        return [key for key in ("ka", "kb") if self.cache.get(key, MISS) is not MISS]


@pytest.fixture
def place() -> Iterator[Place]:
    with PrivateServer(namespaces=["test"]) as server:
        place = Place(server)
        yield place
        place.cache.close()


def test_what_a_restarted_server_may_have_lost_is_raised_and_the_rest_stays(place: Place) -> None:
    place.fill()
    assert place.store.set_watermark("", 123)
    place.save()
    place.cache.invalidate("sql:a")
    place.lost = ("=sql:a",)
    place.restart()
    assert place.left() == ["kb"]
    assert place.doubts == [Doubt(lost=True, watermark=123)]
    # It is remembered now: a connection of another process finds nothing to do.
    with Cache.from_url(place.server.url, "test", local=False) as other:
        assert other.get("kb") == "sql:b"


@pytest.mark.parametrize(
    "because",
    ["there is no watermark", "another database has one", "something was done by hand", "the outbox cannot tell"],
)
def test_everything_is_invalid_where_it_is_not_known_what_was_lost(place: Place, because: str) -> None:
    place.fill()
    if because != "there is no watermark":
        place.store.set_watermark("", 123)
    if because == "another database has one":
        place.store.set_watermark("other", 123)
    if because == "something was done by hand":
        place.cache.invalidate("panel")
    if because == "the outbox cannot tell":
        place.lost = None
    place.save()
    place.restart()
    assert place.left() == []
    assert len(place.doubts) == (because == "the outbox cannot tell")


def test_without_an_outbox_everything_is_invalid_at_once(place: Place) -> None:
    place.fill()
    place.save()
    place.store.replay_by("", place, ended=True)
    place.restart()
    assert place.cache.get("ka", MISS) is MISS
    assert place.left() == []


def test_after_an_outage_what_waits_is_raised_before_the_server_is_trusted(place: Place) -> None:
    place.fill()
    place.lost = ("=sql:b",)
    place.server.pause()
    assert place.cache.get("ka", MISS) is MISS
    place.server.resume()
    assert place.left() == ["ka"]
    assert place.doubts == [Doubt(lost=False, watermark=None)]


def test_after_an_outage_that_nobody_can_tell_about_everything_is_invalid(place: Place) -> None:
    place.fill()
    place.lost = None
    place.server.pause()
    place.cache.get("ka")
    place.server.resume()
    assert place.left() == []


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_server_in_doubt_takes_invalidations_and_answers_nothing(place: Place, driver: str) -> None:
    go = threading.Event()
    cache = place.cache if driver == "sync" else BlockingCache(place.cache)
    place.fill()
    place.store.set_watermark("", 123)
    place.save()

    def wait_and_tell(doubt: Doubt) -> tuple[str, ...]:
        go.wait(10)
        return ()

    place.tell = wait_and_tell
    place.restart()
    # The very command that meets the other server is carried out.
    assert cache.invalidate("sql:a") is True
    assert cache.get("kb", MISS) is MISS
    assert cache.invalidate("sql:a", "sql:c") is True
    with pytest.raises(StoreUnavailable, match="not trusted yet"):
        place.store.perform(Read(("kb",), ()))
    go.set()
    assert place.left() == ["kb"]
    if isinstance(cache, BlockingCache):
        cache.close()


def test_a_watermark_is_not_set_on_a_server_that_is_not_remembered(place: Place) -> None:
    place.fill()
    place.store.set_watermark("", 123)
    place.save()
    place.restart()
    # A process that does not know yet that the server is another one.
    with redis.Redis.from_url(place.server.admin_url) as client:
        script, arguments = place.store.trust.watermark("", 999)
        assert client.eval(script.source, *arguments) == 0
        assert client.hgetall("test:watermarks") == {b"": b"123"}
    assert place.left() == ["ka", "kb"]
    assert place.doubts == [Doubt(lost=True, watermark=123)]
    assert place.store.set_watermark("", 999)
    with redis.Redis.from_url(place.server.admin_url) as client:
        assert client.hgetall("test:watermarks") == {b"": b"999"}


def test_a_server_that_is_restarted_while_it_is_in_doubt_is_looked_at_anew(place: Place) -> None:
    place.fill()
    place.store.set_watermark("", 123)
    place.save()
    restarted = threading.Event()

    def restart_once(doubt: Doubt) -> tuple[str, ...]:
        if not restarted.is_set():
            restarted.set()
            place.restart()
        return ("=sql:a",)

    place.tell = restart_once
    place.restart()
    assert place.left() == ["kb"]
    assert place.doubts == [Doubt(lost=True, watermark=123)] * 2


def test_what_is_in_an_outbox_is_not_done_by_hand(place: Place) -> None:
    asynchronous = awaited(place.store)
    with redis.Redis.from_url(place.server.admin_url) as client:
        place.store.perform(Invalidate(("=sql:a", "=sql[reports]:b#1")))
        assert not client.exists("test:by-hand")
        asyncio.run(asynchronous.perform(Invalidate(("=sql:a", "=panel"))))
        assert client.exists("test:by-hand")
        # Once an hour is enough.
        client.delete("test:by-hand")
        place.store.perform(Invalidate(("=panel",)))
        assert not client.exists("test:by-hand")


def test_a_cluster_says_what_waits_after_an_outage_and_keeps_no_watermark() -> None:
    with PrivateCluster() as cluster, Cache.from_url(cluster.url, "test", local=False, timeout=1) as cache:
        store = cache.store
        assert store.set_watermark("", 123) is False
        witness = Outbox(("=a",))
        store.replay_by("", witness)
        cache.set("ka", 1, 3600, ("a",))
        cache.set("kb", 1, 3600, ("b",))
        for node in cluster.nodes:
            node.pause()
        assert cache.get("ka", MISS) is MISS
        for node in cluster.nodes:
            node.resume()
        assert until(lambda: cache.get("kb") == 1, within=20)
        assert cache.get("ka", MISS) is MISS
        assert witness.doubts == [Doubt(lost=False, watermark=None)]
        assert witness.starts > 0


def test_a_witness_is_started_by_each_process_that_opens_a_connection(place: Place) -> None:
    assert place.starts == 0
    place.cache.get("k")
    assert place.starts > 0


def test_a_breaker_that_is_tripped_while_the_server_is_in_doubt_probes_again() -> None:
    steps: list[str] = []
    breaker = Breaker(lambda: steps.append("probe"))

    def restore() -> bool:
        steps.append("restore")
        if steps.count("restore") == 1:
            breaker.check("invalidate", invalidates=True)
            breaker.trip("it went away again")
            with pytest.raises(StoreUnavailable, match="did not answer"):
                breaker.check("invalidate", invalidates=True)
        return True

    breaker.restore = restore
    breaker.doubt("one", "another server answers")
    with pytest.raises(StoreUnavailable, match="not trusted yet"):
        breaker.check("read")
    assert until(lambda: not breaker.is_open)
    assert steps == ["probe", "restore", "probe", "restore"]
    breaker.close()
