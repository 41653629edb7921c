"""Rates between two looks, and which policy a key belongs to."""

from frescor._runtime.events import PolicyStats
from frescor._store.base import ServerInfo
from frescor.cli.sampling import Rates, Sample, policy_of, rates_between

SERVER = ServerInfo("valkey", "9.1", 1, None, 1)


def sample(at: float, stats: PolicyStats, server: ServerInfo | None = SERVER) -> Sample:
    return Sample(at, server, {"a": stats})


def test_rates_are_per_second_of_what_came_between() -> None:
    before = sample(10.0, PolicyStats(hits=5, loads=1))
    after = sample(12.0, PolicyStats(hits=11, loads=3, errors=1))
    assert rates_between(before, after) == Rates(2.0, 3.0, 1.0, 0.5, 0.75)


def test_with_nothing_asked_there_is_no_hit_rate() -> None:
    rates = rates_between(sample(0, PolicyStats(hits=1)), sample(1, PolicyStats(hits=1)))
    assert rates is not None
    assert rates.hit_rate is None


def test_there_are_no_rates_over_an_outage_or_a_restart() -> None:
    up, down = sample(0, PolicyStats(hits=5)), sample(1, PolicyStats(), None)
    assert rates_between(up, down) is None
    assert rates_between(down, sample(2, PolicyStats())) is None
    assert rates_between(up, sample(2, PolicyStats(hits=1))) is None


def test_a_key_belongs_to_the_longest_policy_name_that_it_begins_with() -> None:
    names = dict.fromkeys(("dashboard", "dashboard:stats", "dash"))
    assert policy_of("dashboard:stats:x", names) == "dashboard:stats"
    assert policy_of("dashboard:other", names) == "dashboard"
    assert policy_of("dashboards", names) is None
