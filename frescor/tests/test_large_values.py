"""A value too large to keep is its caller's all the same: returned, counted, and said once."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from blocking_cache import BlockingCache
from frescor import MISS, Cache, Policy, PolicyError
from frescor._values.codec import Codec, TooLarge

LARGEST = 10_000
SMALL, LARGE = b"s" * 100, b"a" * (LARGEST + 1)
POLICY = Policy(name="p", expire=60)


@pytest.fixture(params=["sync", "async"])
def cache(request: pytest.FixtureRequest) -> Iterator[Any]:
    with Cache.from_url("memory://", "test", largest_value=LARGEST) as cache:
        if request.param == "sync":
            yield cache
            return
        blocking = BlockingCache(cache)
        yield blocking
        blocking.close()


def stats(cache: Any, policy: str = "p") -> Any:
    return cache.stats()[policy]


def test_a_value_too_large_is_returned_each_time_counted_and_said_once(
    cache: Any, caplog: pytest.LogCaptureFixture
) -> None:
    loads = []

    def load() -> bytes:
        loads.append(1)
        return LARGE

    with caplog.at_level(logging.WARNING, "frescor"):
        for _ in range(3):
            assert cache.get_or_load("p", load, POLICY) == LARGE
    assert len(loads) == 3
    assert stats(cache).too_large == 3
    (said,) = [record.message for record in caplog.records]
    assert "its encoding has 10,005 bytes, and largest_value is 10,000" in said
    assert "policy p" in said


def test_a_value_of_the_largest_size_is_kept(cache: Any) -> None:
    loads = []

    def load() -> bytes:
        loads.append(1)
        # Its encoding takes a few bytes beside it.
        return bytes(LARGEST - 10)

    for _ in range(2):
        assert cache.get_or_load("p", load, POLICY) == bytes(LARGEST - 10)
    assert len(loads) == 1


def test_what_the_caller_gets_is_its_own(cache: Any) -> None:
    made: list[list[bytes]] = []

    def load() -> list[bytes]:
        made.append([LARGE])
        return made[-1]

    assert cache.get_or_load("p", load, POLICY) == [LARGE]
    assert cache.get_or_load("p", load, POLICY) is not made[-1]


def test_what_no_encoding_can_hold_is_returned(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # MessagePack counts to four gigabytes.
    def encode(self: Codec, value: object, *, policy: str | None = None) -> bytes:
        raise TooLarge("more than MessagePack can hold")

    monkeypatch.setattr(Codec, "encode", encode)
    value = ["the", "value"]
    for _ in range(2):
        assert cache.get_or_load("p", lambda: value, POLICY) is value
    assert stats(cache).too_large == 2
    assert not cache.set("k", 1)


def test_a_refresh_that_grows_too_large_leaves_no_older_value() -> None:
    values = iter([SMALL, LARGE, b"third"])
    with Cache.from_url("memory://", "test", largest_value=LARGEST) as cache:

        @cache.cached(POLICY)
        def function() -> bytes:
            return next(values)

        assert function() == function() == SMALL
        assert function.refresh() == LARGE
        assert function() == b"third"


def test_setting_a_value_too_large_is_false_and_leaves_no_older_one(cache: Any) -> None:
    assert cache.set("k", SMALL)
    assert cache.set("k", LARGE) is False
    assert cache.get("k", MISS) is MISS
    assert stats(cache, "(keys)").too_large == 1


def test_of_several_values_those_that_are_not_too_large_are_set(cache: Any) -> None:
    cache.set("large", SMALL)
    assert cache.set_many({"small": SMALL, "large": LARGE}) is False
    assert cache.get_many("small", "large") == {"small": SMALL}
    assert cache.set_many({}) is True


def test_several_keys_come_back_with_the_large_ones_among_them(cache: Any) -> None:
    loads: list[tuple[str, ...]] = []

    def load(keys: tuple[str, ...]) -> dict[str, bytes]:
        loads.append(keys)
        return {key: LARGE if key == "large" else SMALL for key in keys}

    for _ in range(2):
        assert cache.get_or_load_many(("small", "large"), load, POLICY) == {"small": SMALL, "large": LARGE}
    assert loads == [("small", "large"), ("large",)]


@pytest.mark.parametrize("wrong", [0, -1, True, 2**29, "64"])
def test_a_largest_value_that_no_server_takes_is_refused(wrong: Any) -> None:
    with pytest.raises(PolicyError, match="500,000,000"):
        Cache.from_url("memory://", "test", largest_value=wrong)
