"""What a server may be made to hold in the place of clocks, stamps, leases and entries: nobody is stopped or misled."""

import functools
import random
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from msgspec.structs import replace

from blocking_cache import BlockingCache
from frescor import MISS, Cache, Policy
from frescor._protocol.commands import LEASE_MS
from frescor._store.scripts import MOST_AHEAD
from frescor._values.entry import Packing
from frescor.testing import PrivateCluster, PrivateServer

POLICY = Policy(name="p", expire=300, tags=("t",))
HOUR = 3_600_000_000
# Seconds in which all calls of one of these tests are done, on a busy machine too: none waits for a lease or time-out.
BOUND = 10.0

Put = Callable[[redis.Redis, str], object]


def text(value: object) -> Put:
    return lambda client, name: client.set(name, str(value))


def ahead(micros: int) -> Put:
    return lambda client, name: client.set(name, time.time_ns() // 1000 + micros)


KINDS: dict[str, Put] = {
    "2**53": text(2**53),
    "2**63": text(2**63),
    "2**70": text(2**70),
    "400 digits": text("9" * 400),
    "5000 digits": text("9" * 5000),
    "-1": text(-1),
    "-2**70": text(-(2**70)),
    "1.5": text("1795572515000000.5"),
    "1e300": text("1e300"),
    "0x7fff": text("0x7fff"),
    "inf": text("inf"),
    "nan": text("nan"),
    "spaces": text(" 17 "),
    "underscores": text("1_000"),
    "other digits": text("١٢٣"),
    "nothing": text(""),
    "no text": lambda client, name: client.set(name, b"\xff\x00\xfe"),
    "8 MiB": lambda client, name: client.set(name, b"9" * (8 << 20)),
    "two hours ahead": ahead(2 * HOUR),
    "a list": lambda client, name: client.delete(name) + client.rpush(name, *range(1000)),
    "a hash": lambda client, name: client.delete(name) + client.hset(name, "a", "1"),
    "a set": lambda client, name: client.delete(name) + client.sadd(name, "a"),
    "a stream": lambda client, name: (client.delete(name), client.xadd(name, {"a": "1"})),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with PrivateServer(namespaces=["test"]) as server:
        yield server


@pytest.fixture(params=["sync", "async"])
def cache(request: pytest.FixtureRequest, server: PrivateServer) -> Iterator[Cache | BlockingCache]:
    with Cache.from_url(server.url, "test", local=False, timeout=5) as cache:
        if request.param == "sync":
            yield cache
        else:
            blocking = BlockingCache(cache)
            yield blocking
            blocking.close()


@pytest.fixture
def client(server: PrivateServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.admin_url) as client:
        client.flushall()
        yield client


class Source:
    """A value that changes, and how often it was read."""

    def __init__(self) -> None:
        self.value = 0
        self.loads = 0

    def load(self) -> int:
        self.loads += 1
        return self.value


def goes_on(cache: Cache | BlockingCache, source: Source) -> None:
    """Nothing old is read, nothing raises, and values are kept again."""

    def read() -> int:
        return cache.get_or_load("k", source.load, POLICY, as_type=int)

    began = time.monotonic()
    for _ in range(3):
        source.value += 1
        assert cache.invalidate("t")
        assert read() == source.value
        before = source.loads
        assert read() == source.value
        assert read() == source.value
        assert source.loads == before
    assert cache.set("x", 1, tags=("t",))
    assert cache.get("x") == 1
    assert cache.invalidate_pattern("*")
    assert cache.get("x", MISS) is MISS
    assert cache.set("x", 2)
    assert cache.delete("x")
    assert cache.get("x", MISS) is MISS
    assert time.monotonic() - began < BOUND


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["test:clock", "test:t:=t", "test:t:*", "test:t:/k", "test:e:{k}", "test:l:{k}", "test:server"]
)
def test_what_cannot_stand_in_a_place_counts_as_lost_there(
    cache: Cache | BlockingCache, client: redis.Redis, name: str, kind: str
) -> None:
    source = Source()
    cache.get_or_load("k", source.load, POLICY, as_type=int)
    KINDS[kind](client, name)
    assert cache.get_or_load("k", source.load, POLICY, as_type=int) == 0
    # Again, between a write and what follows it.
    KINDS[kind](client, name)
    goes_on(cache, source)


@pytest.mark.parametrize("value", [2**53, 2**70, -5, "nan"], ids=str)
def test_a_clock_that_cannot_be_starts_anew_and_everything_with_it(
    cache: Cache | BlockingCache, client: redis.Redis, value: object
) -> None:
    cache.set("k", 1)
    client.set("test:clock", str(value))
    # Whatever meets it first.
    cache.invalidate("another")
    assert cache.get("k", MISS) is MISS
    clock, now = int(client.get("test:clock") or 0), time.time_ns() // 1000
    assert now < clock <= now + MOST_AHEAD
    before = clock
    cache.invalidate("another")
    assert before < int(client.get("test:clock") or 0) < before + 1000


@pytest.mark.parametrize("ends", [None, LEASE_MS + 500, 10**12])
@pytest.mark.parametrize("holder", ["somebody", "x" * 100_000, ""])
def test_a_lease_that_ends_later_than_one_can_keeps_nobody_waiting(
    cache: Cache | BlockingCache, client: redis.Redis, ends: int | None, holder: str
) -> None:
    began = time.monotonic()
    for round_ in range(3):
        client.set("test:l:{k}", holder, px=ends)
        assert cache.get_or_load("k", functools.partial(int, round_), POLICY, as_type=int) == round_
        assert cache.invalidate("t")
    assert time.monotonic() - began < LEASE_MS / 1000


def test_a_lease_that_can_be_is_waited_for(cache: Cache | BlockingCache, client: redis.Redis) -> None:
    client.set("test:l:{k}", "somebody", px=400)
    began = time.monotonic()
    assert cache.get_or_load("k", lambda: 1, POLICY, as_type=int) == 1
    assert time.monotonic() - began > 0.3


def test_an_entry_from_the_future_outlives_no_invalidation(cache: Cache | BlockingCache, client: redis.Redis) -> None:
    source = Source()
    cache.get_or_load("k", source.load, POLICY, as_type=int)
    client.set("test:clock", time.time_ns() // 1000 + 3 * HOUR)
    data = client.get("test:e:{k}")
    assert isinstance(data, bytes)
    packing = Packing()
    entry = packing.unpack("k", data)
    client.set("test:e:{k}", packing.pack("k", replace(entry, as_of=entry.as_of + 3 * HOUR)))
    goes_on(cache, source)


def test_any_bytes_in_any_place_stop_nobody(cache: Cache | BlockingCache, client: redis.Redis) -> None:
    chance = random.Random(11)
    names = ("clock", "t:=t", "t:*", "t:/p", "e:{k}", "l:{k}", "server", "stats", "unrecorded", "watermarks")
    source = Source()
    began = time.monotonic()
    for _ in range(150):
        data = chance.randbytes(chance.randrange(40)) if chance.random() < 0.5 else b"%d" % chance.getrandbits(64)
        client.set(f"test:{chance.choice(names)}", data, px=chance.choice([None, 1000, 10**9]))
        assert cache.get_or_load("k", source.load, POLICY, as_type=int) == source.value
        if chance.random() < 0.5:
            source.value += 1
            assert cache.invalidate("t")
    goes_on(cache, source)
    assert time.monotonic() - began < BOUND


@pytest.fixture(scope="module")
def cluster() -> Iterator[PrivateCluster]:
    with PrivateCluster() as cluster:
        yield cluster


@pytest.mark.parametrize("name", ["test:clock", "test:t:=t", "test:t:*", "test:e:{k}", "test:l:{k}"])
def test_on_a_cluster_too_what_cannot_stand_in_a_place_counts_as_lost_there(cluster: PrivateCluster, name: str) -> None:
    with (
        Cache.from_url(cluster.url, "test", local=False, timeout=5) as cache,
        redis.RedisCluster.from_url(cluster.url.replace("redis-cluster", "redis").split(",")[0]) as client,
    ):
        source = Source()
        for kind in KINDS.values():
            source.value += 1
            cache.invalidate("t")
            assert cache.get_or_load("k", source.load, POLICY, as_type=int) == source.value
            kind(client, name)
            assert cache.get_or_load("k", source.load, POLICY, as_type=int) == source.value
            kind(client, name)
            goes_on(cache, source)
