"""When a server is trusted: what it may have lost is done again first, and what is not known to be complete is not."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from blocking_cache import BlockingCache
from frescor import MISS, Cache, StoreUnavailable
from frescor._protocol.commands import Delete, Invalidate, Put, Read, StoreCommand
from frescor._store.base import PossibleLoss
from frescor._store.connection.breaker import Breaker
from frescor._store.opening_aio import awaited
from frescor._store.server.recovery import TELL_WITHIN
from frescor._store.server.redis import RedisStore
from frescor._values.tags import declared_tags
from frescor.testing import PrivateCluster, PrivateServer
from waiting import until


class Outbox:
    """Says what it is told to."""

    def __init__(self, lost: tuple[str, ...] | None = ()) -> None:
        self.lost = lost
        self.losses: list[PossibleLoss] = []
        self.tell: Callable[[PossibleLoss], tuple[str, ...] | None] = lambda _: self.lost
        self.starts = 0
        self.looked = threading.Event()
        self.when_looking: Callable[[], object] = lambda: None

    def look(self) -> None:
        self.looked.set()
        self.when_looking()

    def start(self) -> None:
        self.starts += 1

    def replay(self, loss: PossibleLoss) -> tuple[str, ...] | None:
        self.losses.append(loss)
        return self.tell(loss)


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
                client.delete("test:unrecorded")
        self.store.recovery._noted_until = 0.0

    def raise_tags(self, *tags: str) -> None:
        """As a commit whose row stands in the outbox."""
        assert self.cache._invalidate(tags=declared_tags(tags), durable=True)

    def save(self) -> None:
        with redis.Redis.from_url(self.server.admin_url) as client:
            client.execute_command("SAVE")

    def restart(self) -> None:
        self.server.kill()
        self.server.start()

    def left(self) -> list[str]:
        """What is still there once the server is trusted again."""
        self.cache.get("ka")
        assert until(lambda: self.store.breaker.reason is None)
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
    place.raise_tags("sql:a")
    place.lost = ("=sql:a",)
    place.restart()
    assert place.left() == ["kb"]
    assert place.losses == [PossibleLoss(lost=True, watermark=123)]
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
    assert len(place.losses) == (because == "the outbox cannot tell")


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
    assert place.losses == [PossibleLoss(lost=False, watermark=None)]


def test_after_an_outage_that_nobody_can_tell_about_everything_is_invalid(place: Place) -> None:
    place.fill()
    place.lost = None
    place.server.pause()
    place.cache.get("ka")
    place.server.resume()
    assert place.left() == []


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_suspect_server_takes_invalidations_and_answers_nothing(place: Place, driver: str) -> None:
    go = threading.Event()
    cache = place.cache if driver == "sync" else BlockingCache(place.cache)
    place.fill()
    place.store.set_watermark("", 123)
    place.save()

    def wait_and_tell(loss: PossibleLoss) -> tuple[str, ...]:
        go.wait(10)
        return ()

    place.tell = wait_and_tell
    place.restart()
    # The very command that meets the other server is carried out.
    assert invalidate(cache, "sql:a") is True
    assert cache.get("kb", MISS) is MISS
    assert invalidate(cache, "sql:a", "sql:c") is True
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
        script, arguments = place.store.recovery.watermark("", 999)
        assert client.eval(script.source, *arguments) == 0
        assert client.hgetall("test:watermarks") == {b"": b"123"}
    assert place.left() == ["ka", "kb"]
    assert place.losses == [PossibleLoss(lost=True, watermark=123)]
    assert place.store.set_watermark("", 999)
    with redis.Redis.from_url(place.server.admin_url) as client:
        assert client.hgetall("test:watermarks") == {b"": b"999"}


def test_a_server_that_is_restarted_while_it_is_suspect_is_looked_at_anew(place: Place) -> None:
    place.fill()
    place.store.set_watermark("", 123)
    place.save()
    restarted = threading.Event()

    def restart_once(loss: PossibleLoss) -> tuple[str, ...]:
        if not restarted.is_set():
            restarted.set()
            place.restart()
        return ("=sql:a",)

    place.tell = restart_once
    place.restart()
    assert place.left() == ["kb"]
    assert place.losses == [PossibleLoss(lost=True, watermark=123)] * 2


def invalidate(cache: Cache | BlockingCache, *tags: str) -> bool:
    """As a commit whose row stands in the outbox, which cannot wait for a relay that waits for it."""
    if isinstance(cache, BlockingCache):
        return bool(cache._run(cache._cache.aio._invalidate(tags=declared_tags(tags), durable=True)))
    return cache._invalidate(tags=declared_tags(tags), durable=True)


def marked(place: Place) -> bool:
    with redis.Redis.from_url(place.server.admin_url) as client:
        return bool(client.exists("test:unrecorded"))


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("tag", ["=sql:a", "=sql[reports]:b#1", "=panel"])
def test_only_who_makes_an_invalidation_says_whether_an_outbox_keeps_it(place: Place, tag: str, driver: str) -> None:
    def perform(*commands: StoreCommand) -> None:
        for command in commands:
            if driver == "sync":
                place.store.perform(command)
            else:
                asyncio.run(awaited(place.store).perform(command))

    perform(Invalidate((tag,), durable=True))
    assert not marked(place)
    perform(Invalidate((tag,)))
    assert marked(place)
    with redis.Redis.from_url(place.server.admin_url) as client:
        # Once an hour is enough.
        client.delete("test:unrecorded")
        perform(Invalidate((tag,)), Delete(("k",)))
        assert not marked(place)


@pytest.mark.parametrize("driver", ["sync", "async"])
@pytest.mark.parametrize("command", [Invalidate(("=sql:a",)), Delete(("ka",)), Put({}, 1000)], ids=repr)
def test_what_no_outbox_keeps_returns_once_every_database_was_told(
    place: Place, command: StoreCommand, driver: str
) -> None:
    assert place.store.set_watermark("", 123)
    assert not place.store.is_unrecorded("")
    told: list[bool] = []

    def tell() -> None:
        # It has been carried out, and has not returned.
        assert place.store.is_unrecorded("")
        assert place.store.set_watermark("", 456)
        told.append(True)
        place.store.told("")

    place.when_looking = lambda: threading.Thread(target=tell).start()
    if driver == "sync":
        place.store.perform(command)
    else:
        asyncio.run(awaited(place.store).perform(command))
    assert told == [True]
    with redis.Redis.from_url(place.server.admin_url) as client:
        # Not before it was told.
        assert client.hgetall("test:watermarks") == {b"": b"123"}
        assert place.store.set_watermark("", 456)
        assert client.hgetall("test:watermarks") == {b"": b"456"}
    # Another process is not kept waiting, though nobody tells it anything.
    with Cache.from_url(place.server.url, "test", local=False) as other:
        began = time.monotonic()
        other.invalidate("sql:a")
        assert time.monotonic() - began < TELL_WITHIN / 2


def test_databases_whose_relays_are_gone_lose_their_watermark(place: Place) -> None:
    assert place.store.set_watermark("gone", 123)
    began = time.monotonic()
    assert place.cache.invalidate("sql:a")
    assert TELL_WITHIN <= time.monotonic() - began < TELL_WITHIN + 5
    assert place.looked.is_set()
    with redis.Redis.from_url(place.server.admin_url) as client:
        assert client.hgetall("test:watermarks") == {}
    began = time.monotonic()
    with Cache.from_url(place.server.url, "test", local=False) as other:
        other.invalidate("sql:a")
    assert time.monotonic() - began < TELL_WITHIN / 2


@pytest.mark.parametrize("key", ["watermarks", "unrecorded"])
@pytest.mark.parametrize("kind", ["text", "list", "fields"])
def test_notes_that_something_else_wrote_over_are_not_trusted_and_stop_nothing(
    place: Place, key: str, kind: str
) -> None:
    place.fill()
    place.store.set_watermark("", 123)
    with redis.Redis.from_url(place.server.admin_url) as client:
        client.delete(f"test:{key}")
        if kind == "text":
            client.set(f"test:{key}", "nonsense")
        elif kind == "list":
            client.rpush(f"test:{key}", "nonsense")
        else:
            client.hset(f"test:{key}", mapping={b"": b"9" * 5000, b"\xff": b"nan", b"mark": b"\xff"})
    place.save()
    place.restart()
    assert place.left() == []
    # Both are in use again.
    assert place.cache.invalidate("panel")
    place.store.told("")
    assert place.store.set_watermark("", 456)
    assert not place.store.is_unrecorded("")


def test_a_cluster_says_what_waits_after_an_outage_and_keeps_no_watermark() -> None:
    with PrivateCluster() as cluster, Cache.from_url(cluster.url, "test", local=False, timeout=1) as cache:
        store = cache.store
        assert store.set_watermark("", 123) is False
        replayer = Outbox(("=a",))
        store.replay_by("", replayer)
        cache.set("ka", 1, 3600, ("a",))
        cache.set("kb", 1, 3600, ("b",))
        for node in cluster.nodes:
            node.pause()
        assert cache.get("ka", MISS) is MISS
        for node in cluster.nodes:
            node.resume()
        assert until(lambda: cache.get("kb") == 1, within=20)
        assert cache.get("ka", MISS) is MISS
        assert replayer.losses == [PossibleLoss(lost=False, watermark=None)]
        assert replayer.starts > 0


def test_a_witness_is_started_by_each_process_that_opens_a_connection(place: Place) -> None:
    assert place.starts == 0
    place.cache.get("k")
    assert place.starts > 0


def test_a_breaker_that_is_tripped_while_the_server_is_suspect_probes_again() -> None:
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
    breaker.suspect("one", "a different server answers")
    with pytest.raises(StoreUnavailable, match="not trusted yet"):
        breaker.check("read")
    assert until(lambda: breaker.reason is None)
    assert steps == ["probe", "restore", "probe", "restore"]
    breaker.close()
