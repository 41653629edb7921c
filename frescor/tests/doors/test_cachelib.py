"""cachelib's calls over Frescor."""

from typing import Any

import pytest

from frescor import Cache, PolicyError
from frescor.cachelib import FrescorCache


def test_none_is_a_value_that_is_there() -> None:
    cache = FrescorCache("memory://")
    assert cache.set("key", None)
    assert (cache.get("key"), cache.has("key"), cache.has("other")) == (None, True, False)


def test_a_prefix_keeps_two_caches_apart_and_clear_ends_one() -> None:
    with Cache.from_url("memory://", "test") as frescor:
        one, other = FrescorCache(frescor, key_prefix="one:"), FrescorCache(frescor, key_prefix="other:")
        one.set("key", 1)
        other.set("key", 2)
        assert one.clear()
        assert (one.get("key"), other.get("key")) == (None, 2)


def test_an_object_of_a_class_is_refused() -> None:
    with pytest.raises(PolicyError, match="cannot cache"):
        FrescorCache("memory://").set("key", object())


def test_with_the_store_down_deleting_many_raises_where_that_was_asked_for() -> None:
    cache = FrescorCache("redis://127.0.0.1:1", ignore_delete_many_errors=False)
    assert cache.get("key") is None
    with pytest.raises(RuntimeError, match="does not answer"):
        cache.delete_many("key")


def test_a_prefix_that_is_a_function_is_refused() -> None:
    prefix: Any = lambda: "tenant"  # noqa: E731
    with pytest.raises(PolicyError, match="let the keys name the tenant"):
        FrescorCache("memory://", key_prefix=prefix)
