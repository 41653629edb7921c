"""Counters of calls: each call is counted once, and nothing that was counted is lost."""

from dataclasses import fields

from frescor import PolicyStats
from frescor._protocol.outcome import Result
from frescor._runtime.events import EVENTS, Counters, by_policy


def test_every_result_of_a_call_has_a_counter_that_counts_as_one_call() -> None:
    for result in Result:
        assert PolicyStats(**{result.value: 1}).calls == 1, result
    assert PolicyStats(refreshes=1, errors=1, too_large=1).calls == 0


def test_the_hit_rate_is_the_share_that_ran_no_loader() -> None:
    stats = PolicyStats(local=1, hits=1, stale=1, shared=1, loads=2, superseded=1, gave_up=1, degraded=1, bypassed=1)
    assert (stats.answered, stats.calls) == (4, 10)
    assert stats.hit_rate == 0.4
    assert PolicyStats().hit_rate is None


def test_stats_add_up_by_field() -> None:
    one = PolicyStats(**{field.name: number for number, field in enumerate(fields(PolicyStats))})
    assert one + one == PolicyStats(**{name: 2 * getattr(one, name) for name in EVENTS})


def test_what_was_taken_is_counted_from_zero_again_and_can_be_given_back() -> None:
    counters = Counters()
    counters.add("price", "hits")
    counters.add("price", "hits", 2)
    taken = counters.take()
    assert taken == {"hits|price": 3}
    assert counters.take() == {}
    counters.add("price", "hits")
    counters.give_back(taken)
    assert counters.take() == {"hits|price": 4}


def test_a_stores_counters_are_read_by_policy_and_what_is_none_is_left_out() -> None:
    found = by_policy({"hits|b|c": 1, "loads|a": 2, "hits|a": 3, "nonsense|a": 4, "hits|": 5, "hits": 6})
    assert list(found.items()) == [("a", PolicyStats(hits=3, loads=2)), ("b|c", PolicyStats(hits=1))]
