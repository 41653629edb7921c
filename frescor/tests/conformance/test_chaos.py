"""The same promises with a store that fails: right values, no exception. How often a loader runs is not asserted."""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import pytest

from blocking_cache import BlockingCache
from chaos_store import ChaosStore, Faults
from frescor import MISS, Cache, Policy
from frescor._runtime.engine import Engine
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._store import MemoryStore
from frescor._store.base import Store
from frescor._store.opening import open_store
from frescor.testing import PrivateServer
from server_binaries import every_server, name_of

SEEDS = range(6)


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    names: tuple[str, ...]


@pytest.fixture(params=["memory", *every_server()], ids=name_of)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with PrivateServer(binary=request.param) as server:
        yield open_store(server.url, "test", deadline=5)


@pytest.fixture(params=["sync", "async"])
def chaotic(request: pytest.FixtureRequest, store: Store) -> Iterator[Callable[[int], Cache]]:
    opened: list[BlockingCache | Cache] = []

    def make(seed: int) -> Cache:
        chaos = ChaosStore(store, seed=seed, faults=Faults(delay=0.0005))
        cache = Cache(Engine(chaos, local_bytes=0, key_secret=b"", ring=None, nondeterminism=Nondeterminism()))
        opened.append(cache)
        if request.param == "sync":
            return cache
        opened.append(BlockingCache(cache))
        return cast(Cache, opened[-1])

    yield make
    for one in reversed(opened):
        one.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_call_gets_the_present_value_whatever_fails(chaotic: Callable[[int], Cache], seed: int) -> None:
    cache, chance = chaotic(seed), random.Random(seed)
    database = dict.fromkeys(range(4), 0)

    @cache.cached(expire=300, key_prefix="rows", tags=("row:{number}", "rows"), name="load")
    def load(number: int) -> Row | None:
        return Row(database[number], ("Ana", "João")) if database[number] % 3 else None

    def expected(number: int) -> Row | None:
        return Row(database[number], ("Ana", "João")) if database[number] % 3 else None

    ways: list[Callable[[int], object]] = [
        lambda number: cache.invalidate(f"row:{number}"),
        lambda number: cache.invalidate("other", "rows"),
        lambda number: cache.invalidate_pattern("rows:*"),
        lambda number: cache.clear_all(),
        lambda number: load.invalidate(number),
        lambda number: cache.delete(load.key(number)),
        lambda number: load.refresh(number),
    ]
    for _ in range(150):
        number = chance.randrange(4)
        if chance.random() < 0.3:
            database[number] += 1
            chance.choice(ways)(number)
        assert load(number) == expected(number)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_key_holds_what_was_set_last_or_nothing(chaotic: Callable[[int], Cache], seed: int) -> None:
    cache, chance = chaotic(seed), random.Random(seed)
    last: dict[str, object] = {}
    keys = ("a:1", "a:2", "b")
    for turn in range(150):
        key = chance.choice(keys)
        match chance.randrange(6):
            case 0 | 1:
                last[key] = [turn, "text" * (turn % 5)]
                cache.set(key, last[key], tags=("t",))
            case 2:
                cache.delete(key)
                last.pop(key, None)
            case 3:
                for gone in ("a:1", "a:2"):
                    last.pop(gone, None)
                cache.invalidate_pattern("a:*")
            case 4:
                assert set(found := cache.get_many(*keys)) <= set(last)
                assert all(value == last[name] for name, value in found.items())
            case _:
                last.clear()
                cache.invalidate("t")
        assert cache.get(key, MISS) in (MISS, last.get(key, MISS))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loader_s_exception_comes_through_and_only_that(chaotic: Callable[[int], Cache], seed: int) -> None:
    cache = chaotic(seed)
    policy = Policy(name="fails", expire=60)

    def fail() -> int:
        raise LookupError("no database")

    for turn in range(50):
        with pytest.raises(LookupError, match="no database"):
            cache.get_or_load(f"fails:{turn}", fail, policy)
        assert cache.get_or_load(f"fails:{turn}", lambda turn=turn: turn, policy, as_type=int) == turn  # type: ignore[misc]


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_readers_in_threads_are_never_behind_a_write_that_returned(chaotic: Callable[[int], Cache], seed: int) -> None:
    cache = chaotic(seed)
    database = {"number": 0, "returned": 0}
    ended = threading.Event()
    wrong: list[object] = []

    @cache.cached(expire=300, key_prefix="number", tags=("t",), name="load")
    def load() -> int:
        return database["number"]

    def read() -> None:
        try:
            while not ended.is_set():
                due = database["returned"]
                if (got := load()) < due:
                    wrong.append((due, got))
        except Exception as error:  # noqa: BLE001  # any is one too many
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 60):
        database["number"] = number
        cache.invalidate("t")
        database["returned"] = number
    ended.set()
    for reader in readers:
        reader.join()
    assert wrong == []
