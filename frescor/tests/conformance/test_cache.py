"""What a cache does, on every store."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from frescor import MISS, Cache, Policy, PolicyError
from frescor._protocol.commands import Read


@dataclass(frozen=True, slots=True)
class Stats:
    members: int
    names: tuple[str, ...]


class Loads:
    """A loader that counts its runs and returns what it is told."""

    def __init__(self) -> None:
        self.count = 0
        self.value = 0

    def __call__(self) -> int:
        self.count += 1
        return self.value


@pytest.fixture
def loads() -> Loads:
    return Loads()


@pytest.fixture
def read(cache: Cache, loads: Loads) -> Callable[[], int]:
    @cache.cached(expire=300, key_prefix="dashboard:stats", tags=("painel", "money"), name="get_stats")
    def get_stats() -> int:
        return loads()

    return get_stats


def test_a_second_call_is_a_hit(read: Callable[[], int], loads: Loads) -> None:
    assert [read(), read()] == [0, 0]
    assert loads.count == 1


@pytest.mark.parametrize(
    "invalidate",
    [
        lambda cache: cache.invalidate("painel"),
        lambda cache: cache.invalidate("other", "money"),
        lambda cache: cache.invalidate_pattern("dashboard:*"),
        lambda cache: cache.invalidate_pattern("dashboard:stats:*"),
        lambda cache: cache.invalidate_pattern("*"),
        lambda cache: cache.clear_all(),
    ],
    ids=["tag", "one-of-tags", "prefix", "longer-prefix", "star", "clear-all"],
)
def test_what_is_invalidated_is_loaded_again(
    cache: Cache, read: Callable[[], int], loads: Loads, invalidate: Callable[[Cache], bool]
) -> None:
    read()
    loads.value = 7
    assert invalidate(cache) is True
    assert [read(), read()] == [7, 7]
    assert loads.count == 2


@pytest.mark.parametrize(
    "invalidate",
    [
        lambda cache: cache.invalidate("others"),
        lambda cache: cache.invalidate_pattern("dash:*"),
        lambda cache: cache.invalidate_pattern("painel:*"),
        lambda cache: cache.delete("dashboard:stats"),
    ],
    ids=["other-tag", "part-of-a-prefix", "tag-is-no-prefix", "prefix-is-no-key"],
)
def test_what_is_not_named_stays(
    cache: Cache, read: Callable[[], int], loads: Loads, invalidate: Callable[[Cache], bool]
) -> None:
    read()
    invalidate(cache)
    read()
    assert loads.count == 1


def test_a_call_can_be_forgotten_alone_refreshed_and_run_uncached(cache: Cache) -> None:
    runs: list[int] = []

    @cache.cached(expire=300, key_prefix="double", name="double")
    def double(number: int) -> int:
        runs.append(number)
        return number * 2

    assert (double(1), double(2), double.uncached(1)) == (2, 4, 2)
    double.invalidate(1)
    assert (double(1), double(2)) == (2, 4)
    assert runs == [1, 2, 1, 1]
    assert double.refresh(2) == 4
    assert runs == [1, 2, 1, 1, 2]
    double.invalidate_all()
    double(1)
    double(2)
    assert runs == [1, 2, 1, 1, 2, 1, 2]


def test_tags_are_filled_from_the_call(cache: Cache) -> None:
    runs: list[int] = []

    @cache.cached(expire=60, key_prefix="person", tags=("person:{person_id}",), name="load")
    def load(person_id: int, *, full: bool = False) -> int:
        runs.append(person_id)
        return person_id

    load(1)
    load(2, full=True)
    cache.invalidate("person:2")
    load(1)
    load(person_id=2, full=True)
    assert runs == [1, 2, 2]


def test_a_decorated_writer_invalidates_after_it_returned_and_not_when_it_raised(
    cache: Cache, read: Callable[[], int], loads: Loads
) -> None:
    @cache.invalidate_cache_pattern("dashboard:*", "militantes:*")
    def write(value: int) -> str:
        assert read() == loads.value
        if value < 0:
            raise ValueError(value)
        loads.value = value
        return "written"

    read()
    assert write(5) == "written"
    assert read() == 5
    with pytest.raises(ValueError, match="-1"):
        write(-1)
    assert loads.count == 2


def test_a_write_during_a_load_keeps_the_old_value_from_being_stored(cache: Cache) -> None:
    database = {"value": "old"}
    runs = []

    @cache.cached(expire=60, key_prefix="slow", tags=("table",), name="load")
    def load() -> str:
        runs.append(value := database["value"])
        if len(runs) == 1:
            database["value"] = "new"
            cache.invalidate("table")
        return value

    assert load() == "old"  # it began before the write
    assert load() == "new"
    assert load() == "new"
    assert runs == ["old", "new"]


@pytest.mark.parametrize("how", ["delete", "set", "prefix"])
def test_a_key_written_during_its_load_does_not_get_the_loaded_value(cache: Cache, how: str) -> None:
    def load() -> str:
        match how:
            case "delete":
                cache.delete("page:1")
            case "set":
                cache.set("page:1", "written")
            case _:
                cache.invalidate_pattern("page:*")
        return "loaded"

    assert cache.get_or_load("page:1", load, Policy(name="page", expire=60)) == "loaded"
    assert cache.get("page:1", MISS) == ("written" if how == "set" else MISS)


def test_values_are_set_got_and_deleted_by_key(cache: Cache) -> None:
    assert cache.get("a:b") is None
    assert cache.get("a:b", MISS) is MISS
    assert cache.set("a:b", {"k": (1, None)}, expire=300) is True
    assert cache.get("a:b") == {"k": (1, None)}
    assert cache.delete("a:b", "never:there") is True
    assert cache.get("a:b", "default") == "default"


def test_none_is_a_value(cache: Cache) -> None:
    cache.set("nothing", None)
    assert cache.get("nothing", MISS) is None


def test_a_set_value_depends_on_its_tags_and_prefixes(cache: Cache) -> None:
    ways: list[Callable[[], bool]] = [
        lambda: cache.invalidate("t"),
        lambda: cache.invalidate_pattern("a:*"),
        cache.clear_all,
    ]
    for forget in ways:
        cache.set("a:b", 1, tags=("t",))
        assert cache.get("a:b") == 1
        forget()
        assert cache.get("a:b", MISS) is MISS


def test_many_keys_are_set_and_got_together(cache: Cache) -> None:
    assert cache.set_many({"a:1": 1, "a:2": [2], "b": None}, expire=60, tags=("t",)) is True
    assert cache.get_many("a:1", "a:2", "b", "c") == {"a:1": 1, "a:2": [2], "b": None}
    cache.invalidate_pattern("a:*")
    assert cache.get_many("a:1", "b") == {"b": None}
    cache.invalidate("t")
    assert cache.get_many("b") == {}
    assert cache.get_many() == {}
    assert cache.set_many({}) is True


def test_an_instance_needs_its_type_named(cache: Cache) -> None:
    stats = Stats(3, ("Ana",))
    with pytest.raises(PolicyError, match="annotation"):
        cache.set("s", stats)
    cache.set("s", stats, as_type=Stats)
    assert cache.get("s", as_type=Stats) == stats
    assert cache.get("s", MISS) is MISS  # without its type it cannot be read


def test_the_loader_s_exception_reaches_the_caller_and_nothing_is_stored(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="fails", name="fail")
    def fail() -> int:
        runs.append(1)
        if len(runs) == 1:
            raise LookupError("no database")
        return 1

    with pytest.raises(LookupError, match="no database"):
        fail()
    assert fail() == 1


def test_a_caller_that_changes_what_it_got_changes_nobody_else_s(cache: Cache) -> None:
    shared = ["a"]

    @cache.cached(expire=60, key_prefix="list", name="load")
    def load() -> list[str]:
        return shared

    for _ in range(3):
        load().append("changed")
    assert load() == ["a"]
    assert shared == ["a"]


def test_a_hit_is_equal_to_a_miss_in_value_and_type(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="stats", name="load")
    def load() -> Stats:
        return Stats(2, ("Ana", "João"))

    assert load() == load() == Stats(2, ("Ana", "João"))


def test_threads_that_miss_together_run_one_loader(cache: Cache) -> None:
    runs = []
    waiting = threading.Barrier(16)
    results = []

    @cache.cached(expire=60, key_prefix="together", name="load")
    def load() -> int:
        runs.append(1)
        # Whoever is not yet waiting comes while this runs, or finds the entry.
        all_arrived.wait(10)
        return 42

    all_arrived = threading.Event()

    def call() -> None:
        waiting.wait(10)
        results.append(load())

    threads = [threading.Thread(target=call) for _ in range(15)]
    for thread in threads:
        thread.start()
    waiting.wait(10)
    all_arrived.set()
    for thread in threads:
        thread.join()
    assert results == [42] * 15
    assert len(runs) == 1


def test_sealed_values_come_back(cache: Cache) -> None:
    runs = []

    @cache.cached(Policy(name="secret", expire=60, sealed=True), name="load")
    def load(who: str) -> str:
        runs.append(who)
        return f"about {who}"

    assert [load("Ana"), load("Ana"), load("Bia")] == ["about Ana", "about Ana", "about Bia"]
    assert runs == ["Ana", "Bia"]
    assert b"Ana" not in b"".join(cache.store.perform(Read((load.key("Ana"),), ())).entries)


def test_it_counts_what_happens_by_policy(cache: Cache, read: Callable[[], int]) -> None:
    read()
    read()
    read()
    cache.get("nothing")
    stats = cache.stats()
    assert (stats["dashboard:stats"].hits + stats["dashboard:stats"].local, stats["dashboard:stats"].loads) == (2, 1)
    assert stats["dashboard:stats"].hit_rate == pytest.approx(2 / 3)
    assert stats["(keys)"].misses == 1


def test_keys_are_listed_with_their_time_to_live_and_size(cache: Cache) -> None:
    cache.set_many({"a:1": 1, "a:2": 2, "b:{x}%y": "long " * 20}, expire=60)
    listed = {info.key: info for info in cache.list_keys()}
    assert set(listed) == {"a:1", "a:2", "b:{x}%y"}
    assert all(info.ttl_ms is not None and 50_000 < info.ttl_ms <= 60_000 for info in listed.values())
    assert listed["b:{x}%y"].size > listed["a:1"].size
    assert {info.key for info in cache.list_keys("a:*")} == {"a:1", "a:2"}
    assert len(list(cache.list_keys(limit=2))) == 2


def test_entries_end_with_their_time(cache: Cache) -> None:
    cache.set("short", 1, expire=0.001)
    ended = threading.Event()
    for _ in range(2000):
        if cache.get("short", MISS) is MISS:
            break
        ended.wait(0.001)
    assert cache.get("short", MISS) is MISS


@pytest.mark.parametrize("key", ["", ":a", "a:", "a::b", "a\nb", "x" * 401, ":".join("abcdefghi")])
def test_a_key_that_cannot_be_one_is_refused(cache: Cache, key: str) -> None:
    with pytest.raises(PolicyError):
        cache.get(key)
    with pytest.raises(PolicyError):
        cache.set(key, 1)


@pytest.mark.parametrize("pattern", ["dash*", "*:stats", "a:*:b", "a:**", "", "::*", ":*"])
def test_a_pattern_that_is_no_prefix_is_refused_with_a_way_out(cache: Cache, pattern: str) -> None:
    with pytest.raises(PolicyError, match=r"prefix|pattern"):
        cache.invalidate_pattern(pattern)
    with pytest.raises(PolicyError):
        cache.invalidate_cache_pattern(pattern)


def test_a_pattern_without_a_star_is_one_key(cache: Cache) -> None:
    cache.set("a:b", 1)
    cache.invalidate_pattern("a:b")
    assert cache.get("a:b", MISS) is MISS


MANY = Policy(name="many", expire=60, tags=("many",))


def test_many_are_loaded_by_one_call_for_all_that_are_missing(cache: Cache) -> None:
    asked: list[tuple[str, ...]] = []

    def load(keys: tuple[str, ...]) -> dict[str, int]:
        asked.append(keys)
        return {key: len(key) for key in keys}

    assert cache.get_or_load_many(["m:1", "m:22"], load, MANY) == {"m:1": 3, "m:22": 4}
    assert cache.get_or_load_many(["m:1", "m:22", "m:333"], load, MANY) == {"m:1": 3, "m:22": 4, "m:333": 5}
    assert asked == [("m:1", "m:22"), ("m:333",)]
    cache.delete("m:22")
    cache.get_or_load_many(["m:1", "m:22"], load, MANY)
    cache.invalidate("many")
    cache.get_or_load_many(["m:1", "m:22"], load, MANY)
    assert asked[2:] == [("m:22",), ("m:1", "m:22")]
    assert cache.get_or_load_many([], load, MANY) == {}


def test_many_keys_without_a_value_are_left_out_and_asked_for_again(cache: Cache) -> None:
    asked: list[tuple[str, ...]] = []

    def load(keys: tuple[str, ...]) -> dict[str, int]:
        asked.append(keys)
        return {"m:1": 1}

    for _ in range(2):
        assert cache.get_or_load_many(["m:1", "m:2"], load, MANY) == {"m:1": 1}
    assert asked == [("m:1", "m:2"), ("m:2",)]


def test_many_whose_loader_fails_leave_nothing_behind(cache: Cache) -> None:
    def fail(keys: tuple[str, ...]) -> dict[str, int]:
        raise LookupError(len(keys))

    with pytest.raises(LookupError, match="2"):
        cache.get_or_load_many(["m:1", "m:2"], fail, MANY)
    assert cache.get_or_load_many(["m:1", "m:2"], lambda keys: dict.fromkeys(keys, 1), MANY) == {"m:1": 1, "m:2": 1}


def test_many_that_another_loads_are_waited_for(cache: Cache) -> None:
    running, may_end = threading.Event(), threading.Event()
    asked: list[tuple[str, ...]] = []

    def slow() -> int:
        running.set()
        may_end.wait(10)
        return 7

    def load(keys: tuple[str, ...]) -> dict[str, int]:
        asked.append(keys)
        may_end.set()
        return dict.fromkeys(keys, 1)

    other = threading.Thread(target=lambda: cache.get_or_load("m:slow", slow, MANY))
    other.start()
    assert running.wait(10)
    assert cache.get_or_load_many(["m:slow", "m:1"], load, MANY) == {"m:slow": 7, "m:1": 1}
    other.join(10)
    assert asked == [("m:1",)]


def test_many_written_during_their_load_are_not_stored(cache: Cache) -> None:
    def load(keys: tuple[str, ...]) -> dict[str, str]:
        cache.invalidate("many")
        return dict.fromkeys(keys, "old")

    assert cache.get_or_load_many(["m:1", "m:2"], load, MANY) == {"m:1": "old", "m:2": "old"}
    assert cache.get_many("m:1", "m:2") == {}
