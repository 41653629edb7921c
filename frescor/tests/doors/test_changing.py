"""A value made from the one that stands there: of what that was, and of nothing newer or older."""

from collections.abc import Iterator

import pytest

from frescor import MISS, Cache
from frescor._doors.key_values import KeyValues
from frescor.testing import PrivateServer


@pytest.fixture
def two(server: PrivateServer) -> Iterator[tuple[KeyValues, KeyValues]]:
    with Cache.from_url(server.url, "test") as one, Cache.from_url(server.url, "test") as other:
        yield KeyValues(one, "door"), KeyValues(other, "door")


def test_a_value_that_is_removed_if_it_is_the_old_one_leaves_the_new_one(two: tuple[KeyValues, KeyValues]) -> None:
    one, other = two
    one.drive(one.set_many({"key": "new"}, 60))
    assert other.drive(other.remove_if("key", lambda value: value == "old"))
    assert one.drive(one.get("key")) == "new"
    assert other.drive(other.remove_if("key", lambda value: value == "new"))
    assert one.drive(one.get("key")) is MISS


def test_a_touched_value_still_depends_on_what_it_did(two: tuple[KeyValues, KeyValues]) -> None:
    one, _ = two
    one.cache.set(one.key("key"), 1, 60, tags=("item",))
    assert one.drive(one.touch("key", 300))
    assert one.drive(one.get("key")) == 1
    one.cache.invalidate("item")
    assert one.drive(one.get("key")) is MISS
    assert one.drive(one.touch("key", 300)) is False
