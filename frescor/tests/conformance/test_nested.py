"""A cached function that calls another is made of that one's value: on every store, by each driver."""

import pytest

from frescor import Cache, Policy, current_load


@pytest.mark.parametrize("inner_is_there", [False, True], ids=["inner loaded", "inner found"])
def test_what_is_made_of_a_cached_value_depends_on_all_that_this_one_depends_on(
    cache: Cache, inner_is_there: bool
) -> None:
    state = {"number": 1}

    @cache.cached(expire=60, key_prefix="inner", tags=("declared",), name="inner")
    def inner() -> int:
        current_load().depends_on("captured")
        return state["number"]

    @cache.cached(expire=60, key_prefix="outer", name="outer")
    def outer() -> list[int]:
        return [inner()]

    if inner_is_there:
        inner()
    assert outer() == [1]
    for tag in ("declared", "captured"):
        state["number"] += 1
        assert outer() == [state["number"] - 1]
        cache.invalidate(tag)
        assert outer() == [state["number"]]
    state["number"] += 1
    cache.invalidate_pattern("inner:*")
    assert outer() == [state["number"]]


def test_a_load_that_goes_on_without_a_failed_part_depends_on_it(cache: Cache) -> None:
    state = {"broken": True}

    @cache.cached(expire=60, key_prefix="part", tags=("declared",), name="part")
    def part() -> int:
        current_load().depends_on("captured")
        if state["broken"]:
            raise LookupError("not there")
        return 1

    @cache.cached(expire=60, key_prefix="whole", name="whole")
    def whole() -> int:
        try:
            return part()
        except LookupError:
            return 0

    for tag in ("declared", "captured"):
        state["broken"] = True
        cache.clear_all()
        assert whole() == 0
        state["broken"] = False
        assert whole() == 0
        cache.invalidate(tag)
        assert whole() == 1


def test_a_value_under_a_key_is_part_of_what_is_made_of_it(cache: Cache) -> None:
    cache.set("rate:eur", 5, 60, ("rates",))

    @cache.cached(expire=60, key_prefix="price")
    def price() -> object:
        return cache.get("rate:eur", 1)

    assert price() == 5
    cache.invalidate("rates")
    assert price() == 1


def test_within_a_load_no_copy_of_this_process_answers(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="copied", name="inner")
    def inner() -> int:
        return 1

    @cache.cached(expire=60, key_prefix="outer", name="outer")
    def outer() -> int:
        return inner()

    for _ in range(3):
        inner()
    before = cache.stats()["copied"]
    outer()
    after = cache.stats()["copied"]
    assert (after.local, after.hits) == (before.local, before.hits + 1)


def test_what_is_private_is_neither_stored_nor_shared(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="private", name="inner")
    def inner() -> int:
        runs.append("inner")
        current_load().keep_private()
        return len(runs)

    @cache.cached(expire=60, key_prefix="outer", name="outer")
    def outer() -> int:
        return inner()

    assert [outer(), outer(), inner()] == [1, 2, 3]
    assert cache.stats()["private"].bypassed == 3
    assert cache.stats()["outer"].bypassed == 2


def test_a_value_that_is_outdated_is_no_part_of_anything_that_is_kept(cache: Cache) -> None:
    state = {"number": 1}

    @cache.cached(Policy(name="served", expire=60, grace=60, serve_invalidated=True, tags=("n",)), name="inner")
    def inner() -> int:
        return state["number"]

    runs = []

    @cache.cached(expire=60, key_prefix="outer", name="outer")
    def outer() -> int:
        runs.append(1)
        return inner()

    assert inner() == 1
    state["number"] = 2
    cache.invalidate("n")
    outer()
    outer()
    # The first was made of what was outdated; whatever the second found, it did not find that.
    assert len(runs) == 2


def test_the_tags_that_an_entry_had_are_read_with_it_the_next_time(cache: Cache) -> None:
    state = {"number": 1}

    @cache.cached(expire=60, key_prefix="expects", name="load")
    def load() -> int:
        current_load().depends_on("found")
        return state["number"]

    assert [load(), load(), load()] == [1, 1, 1]
    state["number"] = 2
    cache.invalidate("found")
    assert [load(), load()] == [2, 2]
