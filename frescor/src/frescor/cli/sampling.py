"""What an operator sees of a cache at one moment."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from frescor._runtime.events import PolicyStats
from frescor._store.base import ServerInfo
from frescor._surface.cache import Cache
from frescor.errors import CacheError


@dataclass(frozen=True, slots=True)
class Sample:
    """The server's figures and every policy's counters. `server` is None, with the reason, if it does not answer."""

    taken_at: float
    server: ServerInfo | None
    policies: Mapping[str, PolicyStats]
    reason: str | None = None

    @property
    def total(self) -> PolicyStats:
        """All policies together."""
        return reduce(add, self.policies.values(), PolicyStats())


@dataclass(frozen=True, slots=True)
class Rates:
    """What happened between two samples, per second; the hit rate is None if nothing was asked for."""

    seconds: float
    hits: float
    misses: float
    errors: float
    hit_rate: float | None


def take_sample(cache: Cache) -> Sample:
    """Ask the cache's server. Never raises for a server that is away: that is what the operator wants to see."""
    try:
        return Sample(time.monotonic(), cache.health(), cache.stats())
    except CacheError as error:
        return Sample(time.monotonic(), None, {}, str(error))


def misses(stats: PolicyStats) -> int:
    """Calls that neither an entry nor another caller's load answered."""
    return stats.calls - stats.hits - stats.shared


def rates_between(before: Sample, after: Sample) -> Rates | None:
    """None unless the server answered both times and the counters were not reset in between."""
    seconds = after.taken_at - before.taken_at
    if before.server is None or after.server is None or seconds <= 0:
        return None
    hits = after.total.hits + after.total.shared - before.total.hits - before.total.shared
    missed = misses(after.total) - misses(before.total)
    errors = after.total.errors - before.total.errors
    if min(hits, missed, errors) < 0:
        return None
    return Rates(
        seconds, hits / seconds, missed / seconds, errors / seconds, hits / (hits + missed) if hits + missed else None
    )


def policy_of(key: str, names: Mapping[str, object]) -> str | None:
    """The policy whose name the key begins with; the longest, if several do."""
    fitting = [name for name in names if key == name or key.startswith(f"{name}:")]
    return max(fitting, key=len, default=None)
