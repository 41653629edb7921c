"""Values under keys as other caches have them: each step is atomic for all who share the server."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from frescor import MISS, Cache, PolicyError
from frescor._doors.key_values import KeyValues
from frescor._doors.keys import key_below
from frescor.testing import PrivateServer


@pytest.fixture
def two(server: PrivateServer) -> Iterator[tuple[KeyValues, KeyValues]]:
    with Cache.from_url(server.url, "test") as one, Cache.from_url(server.url, "test") as other:
        yield KeyValues(one, "door"), KeyValues(other, "door")


def test_one_of_two_caches_adds_a_value(two: tuple[KeyValues, KeyValues]) -> None:
    one, other = two
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda n: two[n % 2].drive(two[n % 2].add("key", n, 60)), range(16)))
    assert added.count(True) == 1
    assert one.drive(one.get("key")) == other.drive(other.get("key")) == added.index(True)


def test_no_increment_is_lost_between_two_caches(two: tuple[KeyValues, KeyValues]) -> None:
    def count(values: KeyValues) -> None:
        for _ in range(50):
            values.drive(values.increment("n", 1, initial=0, expire=60))

    threads = [threading.Thread(target=count, args=(values,)) for values in two * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert two[0].drive(two[0].get("n")) == 200


def test_a_time_that_is_up_deletes_and_none_is_for_ever(two: tuple[KeyValues, KeyValues]) -> None:
    one, _ = two
    one.drive(one.set_many({"key": 1}, None))
    assert one.drive(one.get("key")) == 1
    one.drive(one.set_many({"key": 2}, 0))
    assert one.drive(one.get("key")) is MISS


def test_with_the_store_down_nothing_raises_and_writes_say_so() -> None:
    with Cache.from_url("redis://127.0.0.1:1", "test") as cache:
        values = KeyValues(cache, "door")
        assert values.drive(values.add("key", 1, 60)) is False
        assert values.drive(values.increment("key", 1, initial=0, expire=60)) is None
        assert values.drive(values.touch("key", 60)) is False


def test_a_prefix_that_no_key_can_begin_with_is_refused() -> None:
    with Cache.from_url("memory://", "test") as cache, pytest.raises(PolicyError):
        KeyValues(cache, "a::b")


def test_keys_that_differ_stay_apart() -> None:
    keys: list[object] = [
        "a:b",
        "a%3Ab",
        "a",
        "",
        " ",
        "~",
        "x" * 300,
        "x" * 301,
        "é",
        "\n",
        "\ud800",
        1,
        "1",
        1.0,
        b"1",
    ]
    keys.append(key_below("door", "").partition(":")[2])
    assert len({key_below("door", key) for key in keys}) == len(keys)
