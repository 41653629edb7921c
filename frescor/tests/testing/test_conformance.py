"""Each of Frescor's stores keeps what a store has to keep; and a store that does not is found out."""

import inspect
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from frescor._protocol.commands import ExtendLease, Invalidate, StoreCommand, TakeLease, Together, Write
from frescor._store.base import Store
from frescor._store.memory import MemoryStore
from frescor._store.opening import open_store
from frescor.testing import PrivateCluster, PrivateServer, StoreConformance
from frescor.testing.servers import every_server, name_of


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
    def _raise(self, tag: str, stamp: int) -> None:
        self._set(f"t:{tag}", stamp, None)


class ForgetsToRaise(MemoryStore):
    def _raise(self, tag: str, stamp: int) -> None:
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
