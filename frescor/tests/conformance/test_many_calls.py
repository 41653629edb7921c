"""Several calls of one cached function, read together: on every store, by each driver."""

from dataclasses import dataclass
from typing import Any

import pytest

from frescor import MISS, Cache, current_load


class Months:
    """Sums of months; each depends on its own tag. `runs`: for which months it ran."""

    def __init__(self, cache: Cache) -> None:
        self.runs: list[int] = []
        self.sums: dict[int, list[int]] = {1: [10], 2: [20], 3: [30]}

        @cache.cached(expire=60, key_prefix="months", name="month")
        def month(number: int) -> list[int]:
            self.runs.append(number)
            current_load().depends_on(f"month-{number}")
            if number not in self.sums:
                raise LookupError(number)
            return self.sums[number]

        self.of: Any = month


@pytest.fixture
def months(cache: Cache) -> Months:
    return Months(cache)


def test_each_of_many_calls_is_an_entry_of_its_own_and_ends_alone(cache: Cache, months: Months) -> None:
    assert months.of.many([(1,), (2,), (3,)]) == [[10], [20], [30]]
    assert months.of.many([(3,), (1,), (2,)]) == [[30], [10], [20]]
    assert months.runs == [1, 2, 3]
    months.sums[2] = [21]
    cache.invalidate("month-2")
    assert months.of.many((number,) for number in (1, 2, 3)) == [[10], [21], [30]]
    assert months.runs == [1, 2, 3, 2]
    assert months.of(2) == [21]
    assert months.runs == [1, 2, 3, 2]
    assert months.of.many([]) == []


def test_what_is_made_of_many_calls_depends_on_each_of_them(sync_cache: Cache) -> None:
    months = Months(sync_cache)

    @sync_cache.cached(expire=60, key_prefix="year", name="year")
    def year() -> int:
        return sum(month[0] for month in months.of.many([(1,), (2,), (3,)]))

    for _ in range(2):  # its parts loaded, then found
        sync_cache.invalidate_pattern("year:*")
        for number in (1, 2, 3):
            before = year()
            months.sums[number] = [months.sums[number][0] + 1]
            assert year() == before
            sync_cache.invalidate(f"month-{number}")
            assert year() == before + 1


def test_a_call_of_many_that_fails_raises_and_leaves_the_others_there(months: Months) -> None:
    with pytest.raises(LookupError, match="4"):
        months.of.many([(1,), (4,), (2,)])
    assert months.of(1) == [10]
    assert months.runs == [1, 4]


def test_two_equal_calls_of_many_share_no_value(months: Months) -> None:
    months.of(1)
    first, second = months.of.many([(1,), (1,)])
    first.append(0)
    assert second == [10]
    assert months.of(1) == [10]
    assert months.runs == [1]


def test_peeking_runs_nothing(cache: Cache, months: Months) -> None:
    assert months.of.peek(1) is MISS
    assert months.runs == []
    months.of(1)
    assert months.of.peek(number=1) == [10]
    cache.invalidate("month-1")
    assert months.of.peek(1) is MISS
    assert months.runs == [1]


def test_what_was_made_without_a_value_that_was_peeked_at_ends_when_all_such_values_end(
    sync_cache: Cache,
) -> None:
    months = Months(sync_cache)

    @sync_cache.cached(expire=60, key_prefix="page", name="page")
    def page() -> str:
        return "nothing yet" if months.of.peek(1) is MISS else "there"

    assert page() == "nothing yet"
    months.of(1)
    sync_cache.invalidate_pattern("months:*")
    months.of(1)
    assert page() == "there"


def test_many_calls_of_a_method_are_those_of_its_instance(sync_cache: Cache) -> None:
    @dataclass(frozen=True)
    class Shop:
        factor: int

        @sync_cache.cached(expire=60, key_prefix="shop")
        def times(self, number: int) -> int:
            return number * self.factor

    assert Shop(2).times.many([(1,), (2,)]) == [2, 4]
    assert Shop(3).times.many([(1,), (2,)]) == [3, 6]
    assert Shop(2).times.peek(2) == 4
    assert Shop(5).times.peek(2) is MISS


def test_a_dirty_transaction_reads_many_calls_beside_what_it_has_changed(sync_cache: Cache) -> None:
    months = Months(sync_cache)
    assert months.of.many([(1,), (2,)]) == [[10], [20]]
    months.sums.update({1: [11], 2: [22]})
    sync_cache._engine.dirty_check = lambda tags: not tags or "month-1" in tags
    assert months.of.many([(1,), (2,)]) == [[11], [20]]
    assert months.of.peek(1) is MISS
    sync_cache._engine.dirty_check = None
    assert months.of.many([(1,), (2,)]) == [[10], [20]]


def test_a_call_of_many_that_goes_past_the_cache_runs_each_time(sync_cache: Cache) -> None:
    runs: list[int] = []

    @sync_cache.cached(expire=60, key_prefix="past", name="past", bypass_if=lambda number: number > 1)
    def past(number: int) -> int:
        runs.append(number)
        return number

    for _ in range(2):
        assert past.many([(1,), (2,)]) == [1, 2]
    assert runs == [1, 2, 2]
    assert past.peek(2) is MISS
