"""Who loads a key: one caller in this process (a flight), which holds the lease among all processes meanwhile."""

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from frescor._calls.keys import key_digest
from frescor._protocol.commands import NOTHING_SHARED, FlightResult, GaveUp
from frescor.errors import CacheError, PolicyError

logger = logging.getLogger("frescor")


@dataclass(slots=True)
class _Flight:
    ended: threading.Event = field(default_factory=threading.Event)
    result: FlightResult = NOTHING_SHARED


class Flights:
    """The running loads of this process, by key.

    `tick` numbers the events of the process. A load that began after a call arrived has seen every write that returned
    before that call, and may answer it.
    """

    def __init__(self) -> None:
        self._events = itertools.count(1)
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()

    def tick(self) -> int:
        """The next number in the process's order of events."""
        return next(self._events)

    def join(self, key: str, timeout: float) -> FlightResult | GaveUp | None:
        """None if the caller leads now; else the result of the running flight, after waiting for it."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = _Flight()
                return None
        return flight.result if flight.ended.wait(timeout) else GaveUp.GAVE_UP

    def finish(self, key: str, result: FlightResult) -> None:
        """End a flight, and give its result to those who wait."""
        with self._lock:
            flight = self._flights.pop(key)
        flight.result = result
        flight.ended.set()


class Waits:
    """Which loads of this process wait for which others of it. Loads that wait in a circle would wait forever."""

    def __init__(self) -> None:
        self._waits: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def waiting(self, loading: tuple[str, ...], key: str) -> Iterator[None]:
        """The loads of these keys wait for another key's load. Raises PolicyError if that one waits for one of them."""
        with self._lock:
            if self._leads(key, loading):
                raise PolicyError(
                    "two cached calls that are being loaded in this process wait for each other: each function calls "
                    "the other. Let one of them call the other through .uncached(…).",
                    operation="load",
                    key_digest=key_digest(key),
                )
            for one in loading:
                self._waits.setdefault(one, []).append(key)
        try:
            yield
        finally:
            with self._lock:
                for one in loading:
                    self._waits[one].remove(key)
                    if not self._waits[one]:
                        del self._waits[one]

    def _leads(self, key: str, to: tuple[str, ...]) -> bool:
        seen, ahead = set(), [key]
        while ahead:
            one = ahead.pop()
            if one in to:
                return True
            if one not in seen:
                seen.add(one)
                ahead += self._waits.get(one, ())
        return False


class Keeper:
    """Extends the leases of running loads: one thread per process, which exists only while loads run."""

    def __init__(self, extend: Callable[[str, str], bool], *, every: float) -> None:
        self._extend = extend
        self._every = every
        self._held: dict[str, str] = {}
        self._changed = threading.Condition()
        self._running = False

    def hold(self, key: str, token: str) -> None:
        """Extend this lease until `drop`."""
        with self._changed:
            self._held[token] = key
            if not self._running:
                self._running = True
                threading.Thread(target=self._keep, name="frescor-leases", daemon=True).start()

    def drop(self, token: str) -> None:
        """Stop extending this lease."""
        with self._changed:
            self._held.pop(token, None)

    def _keep(self) -> None:
        while True:
            with self._changed:
                # The thread ends when no lease is held, so it needs no shutdown. It waits first, so it serves many
                # short loads.
                self._changed.wait(self._every)
                if not self._held:
                    self._running = False
                    return
                held = list(self._held.items())
            for token, key in held:
                try:
                    if not self._extend(key, token):
                        self.drop(token)
                except CacheError as error:
                    # The lease may expire. Then another caller loads, too, and the store refuses this load: correct,
                    # but costly.
                    logger.debug("a lease could not be extended: %s", error)
