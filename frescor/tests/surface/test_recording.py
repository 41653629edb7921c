"""What a test counts of a cache's calls."""

import threading
from collections.abc import Iterator

import pytest

from frescor import Cache, PolicyError


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "recorded") as cache:
        yield cache


def test_calls_are_counted_by_policy_prefix_key_function_and_tag(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="dashboard", tags=("painel",), early=False)
    def stats(year: int) -> int:
        return year

    @cache.cached(expire=60, key_prefix="dashboards")
    def other() -> int:
        return 0

    with cache.recording() as calls:
        stats(1)
        stats(1)
        stats(2)
        other()
    for what in ("dashboard", "dashboard:*", f"dashboard:{stats.key(1).split(':')[1]}", stats):
        assert (calls.hits(what), calls.misses(what), calls.loads(what)) == (1, 2, 2), what
    assert (calls.hits(), calls.misses(), calls.hits(tag="painel"), calls.misses(tag="painel")) == (1, 3, 1, 2)
    assert (calls.hits(stats.key(1)), calls.hits(stats.key(2)), calls.hits("dash"), calls.hits(other)) == (1, 0, 0, 0)
    assert calls.errors() == 0


def test_methods_are_counted_by_the_function_of_an_instance_or_of_the_class(cache: Cache) -> None:
    class Rates:
        @cache.cached_method(expire=60, key_prefix="rates")
        def of(self, currency: str) -> int:
            return len(currency)

    with cache.recording() as calls:
        Rates().of("BRL")
    assert (calls.misses(Rates().of), calls.misses(Rates.of)) == (1, 1)


def test_invalidations_are_counted_as_they_were_written(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="dashboard", tags=("painel",))
    def stats() -> int:
        return 1

    with cache.recording() as calls:
        cache.invalidate("painel", "caixa")
        cache.invalidate_pattern("dashboard:*")
        stats.invalidate()
        stats.invalidate_all()
        cache.delete("user:7")
        cache.clear_all()
    assert calls.invalidations() == 6
    assert calls.invalidations("painel") == calls.invalidations("caixa") == calls.invalidations(tag="caixa") == 1
    assert calls.invalidations("dashboard:*") == 3
    assert calls.invalidations(stats) == 2
    assert calls.invalidations("user") == calls.invalidations("user:7") == 1
    assert calls.invalidations("*") == 1
    assert calls.invalidations("nobody") == 0


def test_all_threads_are_recorded_and_nothing_before_or_after(cache: Cache) -> None:
    cache.get("k")
    with cache.recording() as calls:
        thread = threading.Thread(target=cache.get, args=("k",))
        thread.start()
        thread.join(10)
    cache.get("k")
    assert calls.misses("k") == 1
    assert cache._engine.detour is None


def test_what_was_recorded_is_told_where_an_assertion_fails(cache: Cache) -> None:
    with cache.recording() as calls:
        cache.get("k")
        cache.get("k")
    assert repr(calls) == "<Calls: 2 × miss k>"
    with cache.recording() as calls:
        pass
    assert repr(calls) == "<Calls: nothing happened>"


@pytest.mark.parametrize("what", [len, 3, ""])
def test_what_is_no_cached_function_is_refused(cache: Cache, what: object) -> None:
    with cache.recording() as calls:
        cache.get("k")
    with pytest.raises(PolicyError, match="counted by a cached function"):
        calls.hits(what)
