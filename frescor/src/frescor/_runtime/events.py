"""Counters by policy: collected in the process and added up in the store."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields

# The name under which calls with the caller's own keys are counted, since they have no policy.
BY_KEY = "(keys)"


@dataclass(frozen=True, slots=True)
class PolicyStats:
    """What became of a policy's calls, since the counters began.

    local: answered by a copy in this process. hits: answered by the store. stale: served past its time, while it was
    loaded anew or with the store down. loads: loaded and stored. shared: answered by another caller's load. superseded:
    loaded but not stored, because it was invalidated meanwhile. gave_up: loaded but not stored, after waiting too long
    for another caller. degraded: loaded without the store. bypassed: loaded for a transaction that has changed what it
    reads. misses: nothing was found under a key.

    In addition to the calls: refreshes, loads in the background, before an entry expires or within its grace; errors,
    entries that could not be read and refreshes that failed; too_large, values that were returned but are too large to
    keep; audited, hits that were loaded again and compared, and mismatches, those of another value.
    """

    local: int = 0
    hits: int = 0
    stale: int = 0
    loads: int = 0
    shared: int = 0
    superseded: int = 0
    gave_up: int = 0
    degraded: int = 0
    bypassed: int = 0
    refreshes: int = 0
    errors: int = 0
    too_large: int = 0
    misses: int = 0
    audited: int = 0
    mismatches: int = 0

    @property
    def calls(self) -> int:
        """The number of calls."""
        return self.answered + self.loads + self.superseded + self.gave_up + self.degraded + self.bypassed + self.misses

    @property
    def answered(self) -> int:
        """How many of them ran no loader."""
        return self.local + self.hits + self.stale + self.shared

    @property
    def hit_rate(self) -> float | None:
        """The share of calls that ran no loader, 0 to 1; None before the first call."""
        return self.answered / self.calls if self.calls else None

    def __add__(self, other: "PolicyStats") -> "PolicyStats":
        return PolicyStats(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


EVENTS = tuple(f.name for f in fields(PolicyStats))


class Counters:
    """Counts in this process until `take` hands the counts over."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, policy: str, event: str, times: int = 1) -> None:
        """Count an event of a policy."""
        with self._lock:
            self._counts[f"{event}|{policy}"] += times

    def take(self) -> dict[str, int]:
        """The counts since the last call of `take`; starts again from zero."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)

    def give_back(self, counts: Mapping[str, int]) -> None:
        """Put back counts that could not be delivered."""
        with self._lock:
            self._counts.update(counts)


def by_policy(counters: Mapping[str, int]) -> dict[str, PolicyStats]:
    """The stats of each policy in a store's counters."""
    found: dict[str, dict[str, int]] = {}
    for name, value in counters.items():
        event, _, policy = name.partition("|")
        if event in EVENTS and policy:
            found.setdefault(policy, {})[event] = value
    return {policy: PolicyStats(**values) for policy, values in sorted(found.items())}
