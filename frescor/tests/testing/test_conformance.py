"""Each of Frescor's stores keeps what a store has to keep; and a store that does not is found out."""

import asyncio
import inspect
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

import frescor.store
from frescor import Cache, PolicyError
from frescor._protocol.commands import ExtendLease, Invalidate, StoreCommand, TakeLease, Together, Write
from frescor._store.base import Store
from frescor._store.memory import MemoryStore
from frescor._store.opening import open_store
from frescor.testing import PrivateCluster, PrivateServer, StoreConformance
from server_binaries import every_server, name_of


class TestMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


@pytest.fixture(scope="module", params=every_server(), ids=name_of)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with PrivateServer(binary=request.param) as server:
        yield server.url


class TestServer(StoreConformance):
    @pytest.fixture
    def store(self, address: str) -> Iterator[Store]:
        yield from opened(address)


class TestCluster(StoreConformance):
    @pytest.fixture
    def store(self, cluster: PrivateCluster) -> Iterator[Store]:
        yield from opened(cluster.url)


def opened(url: str) -> Iterator[Store]:
    store = open_store(url, f"test-{secrets.token_hex(4)}", deadline=5)
    yield store
    store.close()


class GivesEverybodyTheLease(MemoryStore):
    def perform(self, command: StoreCommand | Together) -> Any:
        if isinstance(command, TakeLease):
            self._drop(f"l:{command.key}")
        return super().perform(command)


class ExtendsForEverybody(MemoryStore):
    def perform(self, command: StoreCommand | Together) -> Any:
        return True if isinstance(command, ExtendLease) else super().perform(command)


class MakesTagsOnInvalidation(MemoryStore):
    def _raise(self, tag: str, stamp: int, *, serve_old: bool = False) -> None:
        self._set(f"t:{tag}", stamp, None)


class ForgetsToRaise(MemoryStore):
    def _raise(self, tag: str, stamp: int, *, serve_old: bool = False) -> None:
        return


class StoresWithoutALease(MemoryStore):
    def perform(self, command: StoreCommand | Together) -> Any:
        if isinstance(command, Write):
            self._set(f"l:{command.key}", command.token, 1000)
        return super().perform(command)


class ClockStandsStill(MemoryStore):
    def perform(self, command: StoreCommand | Together) -> Any:
        answer = super().perform(command)
        return 5 if isinstance(command, Invalidate) else answer


@pytest.mark.parametrize(
    "kind",
    [
        GivesEverybodyTheLease,
        ExtendsForEverybody,
        MakesTagsOnInvalidation,
        ForgetsToRaise,
        StoresWithoutALease,
        ClockStandsStill,
    ],
)
def test_a_store_with_a_mistake_fails(kind: type[MemoryStore]) -> None:
    suite = StoreConformance()
    tests = [test for name, test in inspect.getmembers(suite, inspect.ismethod) if name.startswith("test_")]
    failed = []
    for test in tests:
        try:
            test(kind())
        except AssertionError:
            failed.append(test.__name__)
    assert failed
    assert len(failed) < len(tests)


class Forwarding(frescor.store.Store):
    """A store of somebody's own, by public names alone: another's commands, counted."""

    def __init__(self, below: frescor.store.Store) -> None:
        self.below, self.commands = below, 0

    def perform(self, command: frescor.store.StoreCommand | frescor.store.Together) -> Any:
        self.commands += 1
        return self.below.perform(command)

    def count(self, deltas: Mapping[str, int]) -> None:
        self.below.count(deltas)

    def counters(self) -> dict[str, int]:
        return self.below.counters()

    def set_watermark(self, database: str, at: int) -> bool:
        return self.below.set_watermark(database, at)

    def is_unrecorded(self, database: str) -> bool:
        return self.below.is_unrecorded(database)

    def told(self, database: str) -> None:
        self.below.told(database)

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> bool:
        return self.below.register_slices(columns)

    def replay_by(self, database: str, replayer: frescor.store.Replayer, *, ended: bool = False) -> None:
        self.below.replay_by(database, replayer, ended=ended)

    def list_keys(self, pattern: str, limit: int) -> Iterator[frescor.store.KeyInfo]:
        return self.below.list_keys(pattern, limit)

    def info(self) -> frescor.store.ServerInfo:
        return self.below.info()

    def close(self) -> None:
        self.below.close()


def test_a_cache_works_on_a_store_of_ones_own_sync_and_async() -> None:
    store = Forwarding(MemoryStore())
    with Cache.on(store, "shop", local=False) as cache:

        @cache.cached(expire=60, key_prefix="price", tags=("prices",))
        def price(item: int) -> int:
            loads.append(item)
            return item * 10

        loads: list[int] = []
        assert [price(1), price(1)] == [10, 10]
        cache.set("a", "value")
        asked = store.commands
        assert asyncio.run(cache.aio.get("a")) == "value"
        assert store.commands == asked + 1
        cache.invalidate("prices")
        assert price(1) == 10
        assert loads == [1, 1]


@pytest.mark.parametrize("largest", [0, 2**40])
def test_a_cache_on_a_store_of_ones_own_refuses_impossible_options(largest: int) -> None:
    with pytest.raises(PolicyError, match="largest_value"):
        Cache.on(MemoryStore(), "shop", largest_value=largest)
