"""One plan being carried out for a caller that waits: each command, and what must not be left behind."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from frescor import plan
from frescor.commands import (
    NOTHING_SHARED,
    UNAVAILABLE,
    Board,
    Command,
    DependOn,
    Land,
    Landing,
    Load,
    Loaded,
    LoadMany,
    Note,
    Raised,
    ReleaseLease,
    StoreCommand,
    Together,
    Wait,
)
from frescor.engine import BY_KEY, FIRST_LOOK, LAST_LOOK, PUSHED_LOOK, Engine
from frescor.loading import Loading
from frescor.store.within import within

if TYPE_CHECKING:
    pass

# What loads the values of some keys, by key.
Loader = Callable[[tuple[str, ...]], Mapping[str, object]]


def for_one(loader: Callable[[], object]) -> Loader:
    """The loader of one key as a loader of several."""
    return lambda keys: {keys[0]: loader()}


class Ride:
    """One plan being carried out: what it holds meanwhile, and must not keep."""

    __slots__ = ("_engine", "_flights", "_leases", "_left", "_loader", "_requests")

    def __init__(
        self, engine: Engine, loader: Loader | None, requests: Mapping[str, plan.Request], spent: float = 0.0
    ) -> None:
        """spent: seconds that the call has waited for the store already."""
        self._engine = engine
        # Of what the call may wait for the store, all together.
        self._left = engine.deadline - spent
        self._loader = loader
        self._requests = requests
        self._flights: set[str] = set()
        # Token by key.
        self._leases: dict[str, str] = {}

    def carry_out(self, command: Command) -> object:
        engine = self._engine
        match command:
            case Board(key, wait):
                landing = engine.flights.board(key, plan.LONGEST_WAIT_MS / 1000 if wait else 0)
                if landing is None:
                    self._flights.add(key)
                return landing
            case Land(key, landing):
                self._land(key, landing)
                return None
            case Wait():
                return self._wait(command)
            case Load(key, stored_at):
                loads = self._load((key,), (stored_at or key,))
                return loads if isinstance(loads, Raised) else loads[key]
            case LoadMany(keys):
                return self._load(keys, keys)
            case DependOn(tags):
                engine.depend_on(tags)
                return None
            case Note(key, error):
                engine.unreadable(self._policy_of(key), key, error)
                return None
        return self._ask(command)

    def leave(self) -> None:
        """Wake who waits and give the leases back, if the plan ended without."""
        for key in tuple(self._flights):
            self._land(key, NOTHING_SHARED)
        for key, token in tuple(self._leases.items()):
            if self._ask(ReleaseLease(key, token)) is UNAVAILABLE:
                self._engine.pending.add(leases=[(key, token)])

    def _policy_of(self, key: str) -> str:
        request = self._requests.get(key)
        return BY_KEY if request is None else request.policy.name

    def _ask(self, command: StoreCommand | Together) -> object:
        began = time.monotonic()
        with within(max(self._left, 0.001)):
            answer = self._engine.ask(command)
        self._left -= time.monotonic() - began
        self._engine.note_leases(self._leases, command, answer)
        return answer

    def _load(self, keys: tuple[str, ...], leased: tuple[str, ...]) -> dict[str, Loaded] | Raised:
        engine, loader = self._engine, self._loader
        assert loader is not None
        began = engine.flights.tick()
        for key in leased:
            if key in self._leases:
                engine.keeper.hold(key, self._leases[key])
        start = time.perf_counter()
        try:
            with Loading() as load:
                values = loader(keys)
        except Exception as error:  # noqa: BLE001  # it is the caller's, and is raised there
            return engine.raised(error, load, keys, self._requests, began=began)
        cost = time.perf_counter() - start
        return engine.loaded(values, load, self._requests, began=began, cost=cost)

    def _wait(self, command: Wait) -> float:
        engine = self._engine
        start = engine.sources.monotonic()
        woken = threading.Event()
        if engine.local.watch(command.key, command.mark, woken.set):
            listening = start < engine.local.alive_until
            woken.wait(PUSHED_LOOK if listening else min(FIRST_LOOK * 2**command.turn, LAST_LOOK))
            engine.local.unwatch(command.key, woken.set)
        return (engine.sources.monotonic() - start) * 1000

    def _land(self, key: str, landing: Landing) -> None:
        if key in self._flights:
            self._flights.discard(key)
            self._engine.flights.land(key, landing)
