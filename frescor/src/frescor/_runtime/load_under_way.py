"""What both drivers share: carrying out a plan and its loads, except for any waiting."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, cast

from frescor import _plan as plan
from frescor._calls.borrowed import arguments_of, meet
from frescor._calls.keys import key_digest
from frescor._calls.loading import CurrentLoad, Loading, Subject, enclosing_load
from frescor._clocks import Steady
from frescor._protocol.commands import (
    UNAVAILABLE,
    DependOn,
    Grant,
    Invalidate,
    Load,
    Loaded,
    LoadMany,
    Note,
    Raised,
    ReleaseLease,
    TakeLease,
    Together,
    Unavailable,
    Write,
)
from frescor._runtime.arrival import arrive
from frescor._runtime.auditing import report
from frescor._runtime.encoding import loaded
from frescor._runtime.engine import Engine
from frescor._runtime.events import BY_KEY
from frescor._runtime.hooks import Event, Kind
from frescor._values.tags import declared_in
from frescor.errors import CacheError, StoreRejected

logger = logging.getLogger("frescor")

R = TypeVar("R")

# Seconds between two looks at a lease that another process holds. While pushes arrive they wake the waiter, and
# PUSHED_LOOK is for a push that was lost; without pushes the time grows from FIRST_LOOK to LAST_LOOK.
FIRST_LOOK, LAST_LOOK, PUSHED_LOOK = 0.002, 0.05, 0.4


def keys_of(command: Load | LoadMany) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of the calls that are loaded, and the keys under which they are stored."""
    if isinstance(command, Load):
        return (command.key,), (command.stored_at or command.key,)
    return command.keys, command.keys


class LoadUnderWay:
    """One load. Its leases are kept alive until the plan releases them."""

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
        """Start the load and make it the current one; its loader runs as part of it."""
        engine = self._engine
        if engine.hooks.miss:
            for request in self._asked():
                if not request.refresh:
                    engine.hooks.tell(engine.hooks.miss, _event("miss", request))
        self._began = engine.flights.tick()
        for key in self._stored_at:
            if key in self._leases:
                engine.keeper.hold(key, self._leases[key])
        label = self._requests[self._keys[0]].label
        self._loading = Loading(Subject(engine.place, self._keys, self._stored_at, label))
        self._start = Steady.perf_counter()
        return self._loading.__enter__()

    def end(self, error: BaseException | None) -> Loaded | dict[str, Loaded] | Raised | None:
        """The result for the plan; None if the error ends the program or the task, which is not a failure of the
        loader."""
        load = self._loading.load
        cost = Steady.perf_counter() - self._start
        if any(request.moved is not None and request.moved() for request in self._asked()):
            # It may have read values that belong to another key.
            load.keep_private()
        self._loading.__exit__()
        if isinstance(error, Exception):
            self._tell(load, cost, error)
            return self._raised(error, load)
        if error is not None:
            return None
        one = isinstance(self._command, Load)
        values = {self._keys[0]: load.value} if one else cast(Mapping[str, Any], load.value)
        found = loaded(self._engine, values, load, self._requests, began=self._began, cost=cost)
        # The value must not live as long as the task that asked for it.
        load.value = None
        self._tell(load, cost, found.error if isinstance(found, Raised) else None)
        return found[self._keys[0]] if one and not isinstance(found, Raised) else found

    def _asked(self) -> list[plan.Request]:
        return [self._requests[key] for key in self._keys]

    def _tell(self, load: CurrentLoad, cost: float, error: Exception | None) -> None:
        """The load ended: say so to whoever asked to be told."""
        hooks = self._engine.hooks
        if not hooks.load and not (error is not None and hooks.error):
            return
        for request in self._asked():
            tags = declared_in((*request.tags, *load.store_tags))
            how = "audit" if request.audits else "refresh" if request.refresh else "call"
            hooks.tell(hooks.load, _event("load", request, how=how, tags=tags, seconds=cost, error=error))
            if error is not None:
                hooks.tell(hooks.error, _event("error", request, how=how, error=error))

    def _raised(self, error: Exception, load: CurrentLoad) -> Raised:
        """The result for the plan after an exception. An enclosing load that catches it depends on the same tags."""
        tags = dict.fromkeys(tag for request in self._asked() for tag in request.tags) | dict.fromkeys(load.store_tags)
        depend_on(tags)
        return Raised(error, self._began, tuple(tags))


class PlanUnderWay(Generic[R]):
    """Carries out a plan up to its next load, which the caller runs."""

    result: R
    _reply: Any = None
    _load: Load | LoadMany | None = None
    _loading: LoadUnderWay | None = None

    def __init__(
        self,
        engine: Engine,
        steps: plan.CallSteps[R],
        loader: Callable[..., object] | None = None,
        requests: dict[str, plan.Request] | None = None,
    ) -> None:
        """loader: for the calls that the plan may load; it gets their keys if there may be several. requests: by key,
        the calls that have already begun."""
        self._engine = engine
        self._steps = steps
        self._loader = loader
        self._requests = {} if requests is None else requests
        # Tokens by key.
        self._leases: dict[str, str] = {}

    @property
    def arguments(self) -> tuple[tuple[str, ...], ...]:
        """The arguments for the loader: the keys, if there may be several; else none."""
        return (self._load.keys,) if isinstance(self._load, LoadMany) else ()

    def __enter__(self) -> CurrentLoad:
        assert self._load is not None
        self._loading = LoadUnderWay(self._engine, self._load, self._requests, self._leases)
        load = self._loading.begin()
        meet(arguments_of(self._loader))
        return load

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        assert self._loading is not None
        # The plan raises the loader's exception itself, after it has told the waiters.
        self._reply = self._loading.end(error)
        return self._reply is not None

    # -- commands that need no waiting -------------------------------------------------------------------------------

    def arrive(self, command: plan.Arrive) -> plan.Request:
        request = self._requests[command.key] = arrive(self._engine, command)
        return request

    def depend_on(self, command: DependOn) -> None:
        depend_on(command.tags)

    def note(self, command: Note) -> None:
        policy, reason = command.policy or BY_KEY, str(command.error)
        self._engine.reporter.add(policy, "errors")
        sentence = f"{reason} (policy {policy}, key {key_digest(command.key)}; said once for each reason)"
        self._engine.notices.once(policy, reason, sentence)
        self._engine.hooks.tell(
            self._engine.hooks.error, Event("error", policy=policy, key=command.key, error=command.error)
        )

    # -- sending commands to the store -------------------------------------------------------------------------------

    def asking(self, command: object) -> None:
        """Note the leases before they are requested: a call that is interrupted while it waits for the answer may hold
        them."""
        for one in command.commands if isinstance(command, Together) else (command,):
            if isinstance(one, TakeLease):
                self._leases[one.key] = one.token

    def unanswered(self, command: object, error: CacheError) -> Unavailable:
        """The store did not answer or refused; a refusal is logged."""
        if isinstance(error, StoreRejected):
            self._engine.notices.refused(command, error)
        if self._engine.hooks.error:
            self._engine.hooks.tell(self._engine.hooks.error, Event("error", error=error))
        return UNAVAILABLE

    def answered(self, command: object, answer: object) -> None:
        """Update the leases that the call holds, and the highest clock seen, from the store's answer."""
        engine = self._engine
        match command:
            case Together(commands):
                # If there was no answer to all, each may or may not have happened.
                answers = answer if isinstance(answer, list) else [answer] * len(commands)
                for one, its_answer in zip(commands, answers, strict=True):
                    self.answered(one, its_answer)
            case TakeLease(key):
                if isinstance(answer, Grant):
                    engine.clock_seen = max(engine.clock_seen, answer.as_of)
                else:
                    # Another token holds it; or that is unknown, and the plan releases it.
                    self._leases.pop(key, None)
            case Invalidate():
                if isinstance(answer, int):
                    engine.clock_seen = max(engine.clock_seen, answer)
            case ReleaseLease(key, token) | Write(key, token):
                # A lease that could not be released is not extended any more and expires; a failed write can be sent
                # again.
                if isinstance(command, ReleaseLease) or answer is not UNAVAILABLE:
                    engine.keeper.drop(token)
                    self._leases.pop(key, None)

    def audited(self, request: plan.Request, finding: plan.Finding, command: plan.Audit) -> None:
        engine = self._engine
        of_copy = command.copy is not None
        report(request, finding, engine.hooks, engine.reporter.add, engine.now(), of_copy=of_copy)

    def failed_anew(self, request: plan.Request, error: Exception) -> Exception:
        """A background load failed. No caller sees the exception, so it is counted and logged."""
        self._engine.reporter.add(request.policy.name, "errors")
        logger.warning("a refresh failed: %r (policy %s)", error, request.policy.name)
        return error


def _event(kind: Kind, request: plan.Request, **more: Any) -> Event:
    tags = more.pop("tags", None) or declared_in(request.tags)
    return Event(kind, policy=request.policy.name, function=request.label, key=request.key, tags=tags, **more)


def depend_on(tags: Iterable[str]) -> None:
    """Add these tags, in the store's form, to the enclosing load, if there is one."""
    load = enclosing_load()
    if load is not None:
        load.consists_of(tags)
