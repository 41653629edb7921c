"""Who loads a key: one caller in this process (a flight), holding the fleet's lease while it does."""

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
    """The loads under way in this process, by key.

    `tick` numbers the events of the process: a load that began after a call arrived has seen every write that
    returned before that call, and may answer it.
    """

    def __init__(self) -> None:
        self._events = itertools.count(1)
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()

    def tick(self) -> int:
        """The next number in the process's order of events."""
        return next(self._events)

    def join(self, key: str, timeout: float) -> FlightResult | GaveUp | None:
        """None when the caller leads now; else what the flight under way ended with, after waiting for it."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                self._flights[key] = _Flight()
                return None
        return flight.result if flight.ended.wait(timeout) else GaveUp.GAVE_UP

    def finish(self, key: str, result: FlightResult) -> None:
        """End the flight of its leader, and wake those who wait."""
        with self._lock:
            flight = self._flights.pop(key)
        flight.result = result
        flight.ended.set()


class Waits:
    """Which loads of this process wait for which others of it: those that wait in a circle would do so for ever."""

    def __init__(self) -> None:
        self._waits: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def waiting(self, loading: tuple[str, ...], key: str) -> Iterator[None]:
        """The loads of these keys wait for another's. Raises PolicyError if that one waits for them."""
        with self._lock:
            if self._leads(key, loading):
                raise PolicyError(
                    "two calls that are being loaded in this process wait for each other: the function of each calls "
                    "the other. Let one of them call the other's function itself: .uncached(…).",
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
    """Keeps the leases of running loaders alive: one thread a process, there only while loaders run."""

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
        """Extend it no longer."""
        with self._changed:
            self._held.pop(token, None)

    def _keep(self) -> None:
        while True:
            with self._changed:
                # A thread that leaves when it finds nothing held needs no shutting down, and serves many short loads.
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
                    # The lease may end: then another loads too, and this load's store is refused. Right, only costlier.
                    logger.debug("a lease could not be extended: %s", error)
