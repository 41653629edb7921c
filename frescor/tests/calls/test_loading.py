"""What a loader says of its value, and what an outer load takes over from an inner one."""

import contextlib
import datetime as dt
from contextvars import copy_context

import pytest

from frescor import PolicyError, current_load
from frescor._calls.loading import CurrentLoad, Loading, Subject, begin_apart, enclosing_load, refuse_return


def test_outside_of_a_load_there_is_none() -> None:
    assert enclosing_load() is None
    with pytest.raises(PolicyError, match="only be used inside a cached function or loader"):
        current_load()


def test_what_a_loader_says_is_the_running_loads() -> None:
    with Loading() as load:
        assert current_load() is load
        current_load().expire(dt.timedelta(minutes=2))
        current_load().depends_on("prices", "prices")
        current_load().consists_of(("=rates", "*"))
    assert (load.ttl, load.store_tags, load.running) == (120.0, ("=prices", "=rates", "*"), False)
    load.do_not_store()
    assert load.ttl == 0
    assert CurrentLoad().store_tags == ()


def test_it_is_as_old_as_the_oldest_that_it_was_told() -> None:
    load = CurrentLoad()
    for clock in (7, 5, 9):
        load.is_as_of(clock)
    assert load.as_of == 5


@pytest.mark.parametrize("tag", ["", "a*", "x" * 1000])
def test_a_tag_that_cannot_be_is_refused_at_once(tag: str) -> None:
    with pytest.raises(PolicyError):
        CurrentLoad().depends_on(tag)


def test_an_outer_load_takes_over_what_an_inner_one_depends_on_though_it_failed() -> None:
    with Loading() as outer:
        with contextlib.suppress(LookupError), Loading() as inner:
            inner.depends_on("prices")
            inner.consists_of(("=rates",))
            inner.keep_private()
            inner.is_as_of(5)
            raise LookupError
        assert inner.outer is outer
        assert current_load() is outer
    assert (outer.tags, outer.store_tags, outer.private, outer.as_of) == (["prices"], ("=prices", "=rates"), True, 5)


def test_a_task_that_goes_on_in_the_background_is_part_of_no_load() -> None:
    with Loading() as load:
        copy_context().run(begin_apart)
        assert current_load() is load
        apart = copy_context()
        apart.run(begin_apart)
        assert apart.run(enclosing_load) is None


def test_a_call_that_comes_back_to_itself_is_refused_with_its_way() -> None:
    with Loading(Subject("store", ("a",), (), "total")), Loading(Subject("store", ("b",), (), "line")) as load:
        refuse_return(load, "another store", "a", "total")
        refuse_return(load, "store", "c", "other")
        with pytest.raises(PolicyError, match=r"total calls itself.*\(total → line → total\).*\.uncached"):
            refuse_return(load, "store", "a", "total")


def test_a_load_that_has_ended_refuses_nobody() -> None:
    with Loading(Subject("store", ("a",), (), "total")) as load:
        pass
    refuse_return(load, "store", "a", "total")
