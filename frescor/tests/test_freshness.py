"""Past its time, near its end, of its own length: when a value is served and when it is loaded."""

import math
import threading
from collections.abc import Callable, Iterator

import pytest

from frescor import Cache, Policy, PolicyError, current_load
from frescor._runtime.engine import Engine
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._store.memory import MemoryStore


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def cache(hands: Hands) -> Iterator[Cache]:
    nondeterminism = Nondeterminism(now=hands, monotonic=hands, uniform=lambda low, high: (low + high) / 2)
    store = MemoryStore(now=hands)
    with Cache(Engine(store, local_bytes=0, key_secret=b"", ring=None, nondeterminism=nondeterminism)) as cache:
        yield cache


class Loader:
    """Counts its runs, and can be told to wait or to fail."""

    def __init__(self) -> None:
        self.runs = 0
        self.fails: Exception | None = None
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        self.may_end.wait(10)
        if self.fails is not None:
            raise self.fails
        return run


def behind(cache: Cache) -> None:
    """Until what was begun behind a caller's back has ended."""
    for thread in threading.enumerate():
        if thread.name == "frescor-refresh":
            thread.join(10)


@pytest.fixture
def loader() -> Loader:
    return Loader()


def reader(cache: Cache, loader: Loader, **options: object) -> Callable[[], int]:
    policy = Policy(**{"name": "p", "expire": 10, "jitter": 0, "early": False, "tags": ("t",), **options})  # type: ignore[arg-type]
    return lambda: cache.get_or_load("p:1", loader, policy)


def test_without_grace_a_value_past_its_time_is_a_miss(cache: Cache, hands: Hands, loader: Loader) -> None:
    read = reader(cache, loader)
    read()
    hands.seconds += 9.9
    assert read() == 1
    hands.seconds += 0.2
    assert read() == 2


def test_within_its_grace_a_value_is_served_while_one_caller_loads(cache: Cache, hands: Hands, loader: Loader) -> None:
    read = reader(cache, loader, grace=30)
    read()
    hands.seconds += 11
    loader.may_end.clear()
    assert [read(), read(), read()] == [1, 1, 1]
    loader.may_end.set()
    behind(cache)
    assert read() == 2
    assert loader.runs == 2
    hands.seconds += 41
    assert read() == 3


def test_within_its_grace_an_invalidated_value_is_not_served_unless_the_policy_says_so(
    cache: Cache, hands: Hands, loader: Loader
) -> None:
    read = reader(cache, loader, grace=30)
    read()
    hands.seconds += 1
    cache.invalidate("t")
    assert read() == 2
    lenient = reader(cache, loader, grace=30, serve_invalidated=True)
    cache.invalidate("t")
    assert lenient() == 2
    behind(cache)
    assert lenient() == 3


def test_a_soft_timeout_waits_for_the_new_value_and_then_serves_the_old(
    cache: Cache, hands: Hands, loader: Loader
) -> None:
    read = reader(cache, loader, grace=30, soft_timeout=5)
    read()
    hands.seconds += 11
    assert read() == 2
    impatient = reader(cache, loader, grace=30, soft_timeout=0.01)
    hands.seconds += 11
    loader.may_end.clear()
    assert impatient() == 2
    loader.may_end.set()
    behind(cache)
    assert impatient() == 3


def test_a_failing_loader_is_raised_or_covered_by_the_old_value(cache: Cache, hands: Hands, loader: Loader) -> None:
    strict = reader(cache, loader, grace=30, soft_timeout=5)
    strict()
    hands.seconds += 11
    loader.fails = LookupError("no database")
    with pytest.raises(LookupError, match="no database"):
        strict()
    covered = reader(cache, loader, grace=30, soft_timeout=5, on_failure="stale")
    assert covered() == 1
    # Past its grace nothing covers a failure.
    hands.seconds += 31
    with pytest.raises(LookupError):
        covered()


def test_an_early_refresh_comes_before_the_end_by_lot(hands: Hands, loader: Loader) -> None:
    lot = [0.0]

    def uniform(low: float, high: float) -> float:
        return lot[0] if (low, high) == (0.0, 1.0) else (low + high) / 2

    nondeterminism = Nondeterminism(now=hands, monotonic=hands, uniform=uniform)
    with Cache(
        Engine(MemoryStore(now=hands), local_bytes=0, key_secret=b"", ring=None, nondeterminism=nondeterminism)
    ) as cache:

        @cache.cached(Policy(name="p", expire=10, jitter=0))
        def load() -> int:
            return loader()

        load()
        cost = _cost_of(cache, load.key())
        hands.seconds += 10 - cost
        assert load() == 1
        behind(cache)
        assert loader.runs == 1  # -ln(1) = 0: not yet
        lot[0] = 1 - math.exp(-1.5)  # -ln(dice) = 1.5: half a load's cost too late already
        assert load() == 1
        behind(cache)
        assert loader.runs == 2


def _cost_of(cache: Cache, key: str) -> float:
    from frescor._protocol.commands import Read

    (entry,) = cache.store.perform(Read((key,), ())).entries
    return cache._engine.packing.unpack(key, entry).cost / 1e6


def test_a_loader_can_say_how_long_its_value_lives_and_what_it_depends_on(cache: Cache, hands: Hands) -> None:
    runs = []

    @cache.cached(Policy(name="p", expire=10, jitter=0, early=False))
    def load(seconds: float) -> int:
        runs.append(seconds)
        current_load().expire(seconds)
        current_load().depends_on("found")
        return len(runs)

    assert [load(100), load(100)] == [1, 1]
    hands.seconds += 50
    assert load(100) == 1
    cache.invalidate("found")
    assert load(100) == 2
    hands.seconds += 101
    assert load(100) == 3


def test_a_loader_can_keep_its_value_from_being_stored(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=10, key_prefix="p")
    def load() -> int:
        runs.append(1)
        current_load().do_not_store()
        return len(runs)

    assert [load(), load()] == [1, 2]


def test_outside_of_a_load_there_is_none() -> None:
    with pytest.raises(PolicyError, match="no load is running here"):
        current_load()


def test_none_lives_as_long_as_the_policy_says(cache: Cache, hands: Hands) -> None:
    found: list[int | None] = [None, None, 3]
    policy = Policy(name="p", expire=100, jitter=0, early=False, none_expire=5)

    def load() -> int | None:
        return found.pop(0)

    assert [cache.get_or_load("k", load, policy) for _ in range(2)] == [None, None]
    assert len(found) == 2
    hands.seconds += 6
    assert cache.get_or_load("k", load, policy.replace(none_expire=0)) is None
    assert [cache.get_or_load("k", load, policy) for _ in range(2)] == [3, 3]


def test_entries_made_together_do_not_end_together(hands: Hands) -> None:
    with Cache.from_url("memory://", "test") as cache:
        for number in range(50):
            cache.get_or_load(f"k:{number}", lambda: 1, Policy(name="p", expire=100))
        ends = [info.ttl_ms for info in cache.list_keys()]
    assert all(end is not None and 89_000 < end < 110_001 for end in ends)
    assert len(set(ends)) > 25


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"soft_timeout": 1}, "without grace"),
        ({"serve_invalidated": True}, "without grace"),
        ({"on_failure": "stale"}, "without grace"),
        ({"on_failure": "ignore"}, "'raise' or 'stale'"),
        ({"grace": -1}, "grace must be a number"),
        ({"strict": True, "grace": 1}, "strict"),
        ({"none_expire": "no"}, "none_expire"),
    ],
)
def test_options_that_cannot_work_together_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        Policy(**{"name": "p", "expire": 1, **options})  # type: ignore[arg-type]
