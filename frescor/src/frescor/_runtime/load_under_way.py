"""A load from its beginning to its end: what it is part of meanwhile, and what a plan gets to know of it."""

import time
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

from frescor import _plan as plan
from frescor._calls.loading import CurrentLoad, Loading
from frescor._protocol.commands import Load, Loaded, LoadMany, Raised
from frescor._runtime.engine import BY_KEY, Engine

R = TypeVar("R")


def keys_of(command: Load | LoadMany) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of the calls that are to be loaded, and those under which they are stored."""
    if isinstance(command, Load):
        return (command.key,), (command.stored_at or command.key,)
    return command.keys, command.keys


class LoadUnderWay:
    """One load. Its leases are kept alive until the plan gives them back."""

    __slots__ = ("_began", "_command", "_engine", "_keys", "_leases", "_loading", "_requests", "_start", "_stored_at")

    def __init__(
        self,
        engine: Engine,
        command: Load | LoadMany,
        requests: Mapping[str, plan.Request],
        leases: Mapping[str, str],
    ) -> None:
        self._engine = engine
        self._command = command
        self._requests = requests
        self._leases = leases
        self._keys, self._stored_at = keys_of(command)

    def begin(self) -> CurrentLoad:
        """The load that its loader is part of, now the current one."""
        engine = self._engine
        self._began = engine.flights.tick()
        for key in self._stored_at:
            if key in self._leases:
                engine.keeper.hold(key, self._leases[key])
        label = self._requests[self._keys[0]].label
        self._loading = Loading(engine.subject(self._keys, self._stored_at, label))
        self._start = time.perf_counter()
        return self._loading.__enter__()

    @property
    def current(self) -> CurrentLoad:
        """The load that its loader is part of."""
        return self._loading.load

    def end(self, error: BaseException | None) -> Loaded | dict[str, Loaded] | Raised | None:
        """What the plan is told; None for what ends the program or the task, which is not a loader's failure."""
        engine, load = self._engine, self._loading.load
        cost = time.perf_counter() - self._start
        self._loading.__exit__()
        if isinstance(error, Exception):
            return engine.raised(error, load, self._keys, self._requests, began=self._began)
        if error is not None:
            return None
        one = isinstance(self._command, Load)
        values = {self._keys[0]: load.value} if one else cast(Mapping[str, Any], load.value)
        loaded = engine.loaded(values, load, self._requests, began=self._began, cost=cost)
        # A loader's value is not to live as long as the task that asked for it.
        load.value = None
        return loaded[self._keys[0]] if one and not isinstance(loaded, Raised) else loaded


class PlanUnderWay(Generic[R]):
    """A plan being carried out up to its next load, which the caller runs within it: what both drivers share."""

    __slots__ = ("_engine", "_leases", "_load", "_loading", "_reply", "_requests", "result")

    result: R

    def __init__(self, engine: Engine, requests: Mapping[str, plan.Request]) -> None:
        self._engine = engine
        self._requests = requests
        # Token by key.
        self._leases: dict[str, str] = {}
        self._reply: Any = None
        self._load: Load | LoadMany | None = None
        self._loading: LoadUnderWay | None = None

    @property
    def to_load(self) -> tuple[str, ...]:
        """The keys whose values are to be loaded."""
        assert self._load is not None
        return keys_of(self._load)[0]

    @property
    def loading(self) -> CurrentLoad:
        """The load that runs."""
        assert self._loading is not None
        return self._loading.current

    def __enter__(self) -> CurrentLoad:
        assert self._load is not None
        self._loading = LoadUnderWay(self._engine, self._load, self._requests, self._leases)
        return self._loading.begin()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        assert self._loading is not None
        # What the loader raises is the caller's: the plan raises it there, when the others have been told.
        self._reply = self._loading.end(error)
        return self._reply is not None

    def _policy_of(self, key: str) -> str:
        request = self._requests.get(key)
        return BY_KEY if request is None else request.policy.name
