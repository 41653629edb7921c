"""Which hits of this process are audited, how many at a time, and how a difference is reported."""

import logging
import threading
from collections.abc import Callable

from frescor import _plan as plan
from frescor._calls.keys import key_digest
from frescor._plan import Finding, Verdict
from frescor._runtime.hooks import Event, Hooks
from frescor._values.tags import declared_in
from frescor.errors import PolicyError

logger = logging.getLogger("frescor")

# At a time, in this process: each may hold a connection to the database.
MOST_AUDITS = 2
# Seconds after which every commit has raised its tags, also that of a killed process (a relay looks each second).
SETTLES = 5.0
_SHOWN = 20


def check_rate(rate: object) -> float:
    """The fraction of hits to audit. Raises PolicyError if it is not between 0 and 1."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise PolicyError(
            f"auditing is the part of hits that is loaded again and compared, from 0 to 1, such as 0.001; got {rate!r}."
        )
    return float(rate)


class Auditor:
    """Chooses the hits to audit, and runs a few audits at a time."""

    def __init__(self, rate: float, uniform: Callable[[float, float], float]) -> None:
        self.rate = rate
        self.settles = SETTLES
        self._uniform = uniform
        self._running = 0
        self._lock = threading.Lock()
        # A hit is chosen before its copy is looked up; the same hit is to be audited.
        self._drawn = threading.local()

    def draw(self) -> bool:
        """Whether the call that begins is audited, if it is a hit."""
        if self._uniform(0.0, 1.0) >= self.rate:
            return False
        self._drawn.now = True
        return True

    def takes(self) -> bool:
        """Whether this hit is audited, and there is room for another audit."""
        drawn = getattr(self._drawn, "now", False)
        self._drawn.now = False
        if not drawn and self._uniform(0.0, 1.0) >= self.rate:
            return False
        with self._lock:
            if self._running >= MOST_AUDITS:
                return False
            self._running += 1
            return True

    def ended(self) -> None:
        """An audit that was started has ended."""
        with self._lock:
            self._running -= 1


def report(
    request: plan.Request,
    finding: Finding,
    hooks: Hooks,
    count: Callable[[str, str], None],
    now: int,
    *,
    of_copy: bool,
) -> None:
    """Count the result of an audit, and report it if the value differs. Values are not shown. now: the wall clock,
    µs."""
    if finding.verdict is Verdict.UNKNOWN:
        return
    policy = request.policy.name
    count(policy, "audited")
    if finding.verdict is Verdict.SAME:
        return
    count(policy, "mismatches")
    tags = declared_in(finding.tags)
    age, raised = (now - finding.as_of) / 1e6, (now - finding.raised) / 1e6
    named = ", ".join(tags[:_SHOWN]) + (f" and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else "")
    logger.warning(
        "an audit of %s (policy %s, key %s) loaded another value than the %s has, which is %.1f s old; its tags "
        "(%s) were raised last %.1f s ago, and by no write since. Does the function read what is not tracked, such as "
        "another service, a file or the time? cache.explain says what it reads.",
        request.label,
        policy,
        key_digest(request.key),
        "copy in this process" if of_copy else "store",
        age,
        named or "none is declared",
        raised,
    )
    hooks.tell(
        hooks.mismatch,
        Event(
            "mismatch",
            how="local" if of_copy else "hits",
            policy=policy,
            function=request.label,
            key=request.key,
            tags=tags,
            seconds=age,
        ),
    )
