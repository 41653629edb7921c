"""Regions of dogpile.cache over Frescor: for the whole fleet, and nothing stale."""

from collections.abc import Iterator
from typing import Any

import pytest

from frescor import Cache
from frescor.dogpile import FrescorRegion, make_region
from frescor.testing import PrivateServer


@pytest.fixture
def regions(server: PrivateServer) -> Iterator[tuple[FrescorRegion, FrescorRegion]]:
    with (
        Cache.from_url(server.url, "test", local=False) as one,
        Cache.from_url(server.url, "test", local=False) as other,
    ):
        yield (
            make_region().configure("frescor", expiration_time=300, arguments={"cache": one}),
            make_region().configure("frescor", expiration_time=300, arguments={"cache": other}),
        )


def test_an_invalidated_region_is_so_for_another_process(regions: tuple[FrescorRegion, FrescorRegion]) -> None:
    one, other = regions
    assert other.get_or_create("key", lambda: 1) == 1
    assert one.get_or_create("key", lambda: 2) == 1
    one.invalidate()
    assert other.get_or_create("key", lambda: 3) == 3


def test_an_invalidation_by_tag_ends_a_created_value(regions: tuple[FrescorRegion, FrescorRegion]) -> None:
    from frescor import current_load

    one, _ = regions

    def create() -> int:
        current_load().depends_on("item")
        return 1

    assert one.get_or_create("key", create) == 1
    backend: Any = one.backend
    backend.frescor.invalidate("item")
    assert one.get_or_create("key", lambda: 2) == 2


def test_one_call_creates_all_that_are_missing(regions: tuple[FrescorRegion, FrescorRegion]) -> None:
    one, _ = regions
    one.set("b", "there")
    asked: list[tuple[str, ...]] = []

    def create(*keys: str) -> list[str]:
        asked.append(keys)
        return [key.upper() for key in keys]

    assert one.get_or_create_multi(["c", "b", "a"], create) == ["C", "there", "A"]
    assert [sorted(keys) for keys in asked] == [["a", "c"]]
