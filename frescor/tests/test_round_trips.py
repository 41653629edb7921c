"""What each call costs in round trips and commands, exactly."""

from collections.abc import Callable, Iterator

import pytest
import redis

from frescor import Cache, Policy
from frescor.testing import PrivateServer


class Meter:
    """Counts the commands that a server ran for other clients: outside of scripts, one command is one round trip."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def during(self, call: Callable[[], object]) -> dict[str, int]:
        self._client.config_resetstat()
        call()
        stats = self._client.info("commandstats")
        counts = {name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()}
        return {name: count for name, count in counts.items() if not name.startswith(("config", "info", "client"))}

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def cache(server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    with Cache.from_url(server.url, "test", local=False) as cache:
        # Counters are brought to the store by a thread of their own: not while commands are counted.
        monkeypatch.setattr(cache._engine.reporter, "add", lambda policy, event: None)
        warm(cache)
        yield cache


def warm(cache: Cache) -> None:
    """Connect, and let the server know each script."""
    cache.get_or_load("warm:1", lambda: 1, Policy(name="warm", expire=1))
    cache.set("warm:2", 1)
    cache.delete("warm:2")
    cache.invalidate("warm")


@pytest.fixture
def meter(server: PrivateServer) -> Iterator[Meter]:
    meter = Meter(server.admin_url)
    yield meter
    meter.close()


POLICY = Policy(name="p", expire=60, tags=("a", "b"))


def test_a_miss_is_three_round_trips(cache: Cache, meter: Meter) -> None:
    counts = meter.during(lambda: cache.get_or_load("p:1", lambda: 1, POLICY))
    assert (counts["mget"], counts["evalsha"], counts.get("eval", 0)) == (1, 2, 0)


def test_a_hit_is_one_round_trip_and_one_command(cache: Cache, meter: Meter) -> None:
    cache.get_or_load("p:1", lambda: 1, POLICY)
    assert meter.during(lambda: cache.get_or_load("p:1", lambda: 1, POLICY)) == {"mget": 1}


def test_a_get_is_one_round_trip_and_one_more_for_tags_it_did_not_expect(cache: Cache, meter: Meter) -> None:
    cache.set("k:1", 1)
    assert meter.during(lambda: cache.get("k:1")) == {"mget": 1}
    cache.set("k:1", 1, tags=("t",))
    assert meter.during(lambda: cache.get("k:1")) == {"mget": 2}


def test_a_hundred_keys_are_got_in_one_round_trip_and_set_in_one(cache: Cache, meter: Meter) -> None:
    values = {f"many:{n}": n for n in range(100)}
    counts = meter.during(lambda: cache.set_many(values))
    assert (counts["evalsha"], counts.get("eval", 0)) == (1, 0)
    assert meter.during(lambda: cache.get_many(*values)) == {"mget": 1}


@pytest.mark.parametrize("keys", [1, 500])
def test_invalidating_a_prefix_is_one_round_trip_and_the_same_few_commands_for_any_number_of_keys(
    cache: Cache, meter: Meter, keys: int
) -> None:
    cache.set_many({f"dashboard:{n}": n for n in range(keys)}, expire=60)
    counts = meter.during(lambda: cache.invalidate_pattern("dashboard:*"))
    assert counts == {"evalsha": 1, "get": 1, "time": 1, "set": 2}
    assert cache.get_many(*(f"dashboard:{n}" for n in range(keys))) == {}


def test_delete_and_clear_are_one_round_trip(cache: Cache, meter: Meter) -> None:
    assert meter.during(lambda: cache.delete("k:1", "k:2"))["evalsha"] == 1
    assert meter.during(cache.clear_all)["evalsha"] == 1


def test_no_path_of_a_program_uses_keys_scan_or_flush(cache: Cache, meter: Meter) -> None:
    def everything() -> None:
        warm(cache)
        cache.get_many("a:1", "b")
        cache.invalidate_pattern("a:*")
        cache.clear_all()

    counts = meter.during(everything)
    assert not {"keys", "scan", "flushdb", "flushall", "smembers"} & set(counts)


def test_a_hundred_missing_keys_are_loaded_in_three_round_trips_and_read_in_one(cache: Cache, meter: Meter) -> None:
    keys = [f"p:{n}" for n in range(100)]

    def load(missing: tuple[str, ...]) -> dict[str, int]:
        return dict.fromkeys(missing, 1)

    sent: list[int] = []
    exchange = cache.store.connections.exchange  # type: ignore[attr-defined]

    def counted(packed: bytes, replies: int, before: Callable[[], None]) -> object:
        sent.append(replies)
        return exchange(packed, replies, before)

    cache.store.connections.exchange = counted  # type: ignore[attr-defined]
    cache.get_or_load_many(keys, load, POLICY)
    assert sent == [1, 100, 100]
    assert meter.during(lambda: cache.get_or_load_many(keys, load, POLICY)) == {"mget": 1}


def image(number: int) -> bytes:
    return bytes(range(number))


@pytest.mark.parametrize("secrets", [[], [b"a secret of 16 bytes or more"]], ids=["plain", "proven"])
def test_an_entry_of_100_bytes_with_two_tags_takes_at_most_250_in_the_server(
    server: PrivateServer, secrets: list[bytes]
) -> None:
    with (
        redis.Redis.from_url(server.admin_url) as client,
        Cache.from_url(server.url, "test", local=False, seal_secrets=secrets) as cache,
    ):
        cached = cache.cached(expire=300, key_prefix="shop", tags=("one", "two"))(image)
        cached(100)
        assert 190 <= client.memory_usage(f"test:e:{{{cached.key(100)}}}") <= 250


def test_a_hundred_calls_of_a_function_are_read_in_one_round_trip(cache: Cache, meter: Meter) -> None:
    @cache.cached(POLICY, name="square")
    def square(number: int) -> int:
        return number * number

    wanted = [(number,) for number in range(100)]
    assert square.many(wanted) == [number * number for number in range(100)]
    assert meter.during(lambda: square.many(wanted)) == {"mget": 1}
