"""What only a cluster does: slots that move, nodes that go, and a line to each node."""

import functools
from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from blocking_cache import BlockingCache
from frescor import MISS, Cache, Policy
from frescor._copies.listen_cluster import ClusterListener
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.permissions import acl_rules
from frescor.testing import PrivateCluster, PrivateServer
from waiting import until

POLICY = Policy(name="p", expire=60, tags=("t",))


@pytest.fixture
def own_cluster() -> Iterator[PrivateCluster]:
    with PrivateCluster() as cluster:
        yield cluster


def slot_of(cache: Cache, key: str) -> int:
    store = cache.store
    assert isinstance(store, ClusterStore)
    return int(key_slot(store.wire.entry(key).encode()))


def owner(cluster: PrivateCluster, slot: int) -> int:
    """The place of the primary that has a slot at first."""
    return slot * 3 // 16384


def move(cluster: PrivateCluster, slot: int, source: int, target: int, *, finish: bool) -> None:
    """Move a slot as an operator's tool does; unfinished, it is in between."""
    nodes = [cluster.client(node) for node in cluster.nodes]
    ids = [node.execute_command("CLUSTER MYID").decode() for node in nodes]
    nodes[target].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
    nodes[source].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
    keys = nodes[source].execute_command("CLUSTER GETKEYSINSLOT", slot, 1000)
    if keys:
        port = cluster.nodes[target].port
        nodes[source].execute_command("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys)
    if finish:
        for node in (nodes[target], nodes[source]):
            node.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target])
    for node in nodes:
        node.close()


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_a_slot_that_moves_is_followed_and_its_values_stay(own_cluster: PrivateCluster, driver: str) -> None:
    with Cache.from_url(own_cluster.url, "test", local=False, timeout=5) as whole:
        cache = whole if driver == "sync" else BlockingCache(whole)
        assert cache.get_or_load("page:1", lambda: 1, POLICY) == 1
        slot = slot_of(whole, "page:1")
        source = owner(own_cluster, slot)
        move(own_cluster, slot, source, (source + 1) % 3, finish=False)
        assert cache.get("page:1") == 1  # by way of ASK
        move(own_cluster, slot, source, (source + 1) % 3, finish=True)
        assert cache.get("page:1") == 1  # by way of MOVED
        assert cache.invalidate("t") is True
        assert cache.get("page:1", MISS) is MISS
        assert [cache.get_or_load("page:1", lambda: 2, POLICY) for _ in range(2)] == [2, 2]
        assert whole.store.breaker.reason is None  # type: ignore[attr-defined]
        if isinstance(cache, BlockingCache):
            cache.close()


def test_a_command_is_one_round_trip_to_each_node_for_any_number_of_keys(
    cluster: PrivateCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {f"many:{n}": n for n in range(300)}
    with Cache.from_url(cluster.url, "round-trips", local=False, timeout=5) as cache:
        # Counters are brought to the store by a thread of their own: not while round trips are counted.
        monkeypatch.setattr(cache._engine.reporter, "add", lambda policy, event: None)
        # Let each node know the scripts.
        cache.set_many(values)
        cache.invalidate_pattern("many:*")
        cache.set_many(values)
        store = cache.store
        assert isinstance(store, ClusterStore)
        sent = []
        deliver = store._deliver

        def count(batch, node_batches, before):  # type: ignore[no-untyped-def]
            sent.append(len(node_batches))
            deliver(batch, node_batches, before)

        store._deliver = count  # type: ignore[method-assign]
        assert cache.get_many(*values) == values
        assert sent == [3]
        sent.clear()
        cache.invalidate_pattern("many:*")
        assert sent == [1, 1]  # the tick, then the tag


def test_copies_are_dropped_by_whichever_node_pushes(cluster: PrivateCluster) -> None:
    with (
        Cache.from_url(cluster.url, "pushes", timeout=5) as one,
        Cache.from_url(cluster.url, "pushes", timeout=5) as other,
    ):
        for cache in (one, other):
            cache.get("first")
            listener = cache._engine.listener
            assert isinstance(listener, ClusterListener)
            assert listener.await_alive(10)
        # Enough tags that each node has some.
        for number in range(12):
            policy = Policy(name=f"p{number}", expire=60, tags=(f"t{number}",))
            key, database = f"p{number}:k", {"value": 0}
            read = functools.partial(other.get_or_load, key, lambda at=database: at["value"], policy, as_type=int)  # type: ignore[misc]
            for _ in range(3):
                assert read() == 0
            # Read again each time: on a busy machine the listener may fall silent, and what was read then is not kept.
            assert until(lambda now=read, at=key: now() == 0 and has_copy(other, at))  # type: ignore[misc]
            database["value"] = 1
            one.invalidate(f"t{number}")
            assert until(lambda now=read: now() == 1)  # type: ignore[misc]


def has_copy(cache: Cache, key: str) -> bool:
    return cache._engine.local.get(key) is not None


def test_a_user_who_may_do_no_more_than_the_rules_say_is_enough(cluster: PrivateCluster) -> None:
    rules = acl_rules("allowed", "cluster").split()
    for node in cluster.nodes:
        with cluster.client(node) as client:
            client.execute_command("ACL", "SETUSER", "frescor", "on", ">a-password", *rules)
    url = cluster.url.replace("://", "://frescor:a-password@")
    with Cache.from_url(url, "allowed", timeout=5) as cache:
        assert cache.set_many({"k:1": 1, "k:2": 2}) is True
        assert cache.get_or_load("p:1", lambda: 1, POLICY) == 1
        assert cache.invalidate("t") is True
        assert cache.delete("k:1") is True
        assert cache.get_many("k:1", "k:2", "p:1") == {"k:2": 2}
        assert cache._engine.listener is not None
        assert cache._engine.listener.await_alive(10)


def test_without_a_line_to_one_node_no_copy_is_used(own_cluster: PrivateCluster) -> None:
    with Cache.from_url(own_cluster.url, "test", timeout=5) as cache:
        cache.get("first")
        listener = cache._engine.listener
        assert isinstance(listener, ClusterListener)
        assert listener.await_alive(10)
        for _ in range(3):
            cache.get_or_load("p:1", lambda: 1, POLICY)
        assert cache._engine.local.get("p:1") is not None
        own_cluster.nodes[2].pause()
        try:
            assert until(lambda: cache._engine.local.get("p:1") is None, within=5)
        finally:
            own_cluster.nodes[2].resume()


def test_a_replica_that_takes_over_serves_nothing_older_than_an_invalidation() -> None:
    with PrivateCluster(replicas=1) as cluster, Cache.from_url(cluster.url, "test", timeout=1) as cache:
        database = {"value": 0}

        def read() -> int:
            return cache.get_or_load("p:1", lambda: database["value"], POLICY)

        assert [read(), read()] == [0, 0]
        gone = owner(cluster, key_slot(b"test:t:=t"))
        replica: PrivateServer = cluster.nodes[gone + 3]
        # What is written from here on does not reach it.
        replica.pause()
        database["value"] = 1
        assert cache.invalidate("t") is True
        cluster.nodes[gone].kill()
        replica.resume()

        def back() -> bool:
            assert read() == 1
            return cache.set("probe:1", 1) and cache.get("probe:1") == 1

        assert until(back, within=40)
        database["value"] = 2
        assert cache.invalidate("t") is True
        assert [read(), read()] == [2, 2]
