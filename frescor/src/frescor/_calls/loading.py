"""What a loader can say about the value that it computes: how long it is valid, and what else it depends on.

A load may call another cached function, whose value then becomes part of its own. So it depends on everything that the
inner value depends on, whether that was loaded or found. A value that is found must be as new as the outer load, whose
entry counts as of the load's beginning. So a load uses none of this process's copies, which may be behind by the delay
of a push.
"""

import itertools
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from frescor._calls.keys import key_digest
from frescor._calls.policy import Seconds, check_tag, seconds
from frescor._calls.recursion import FRAMES_OF_A_LOAD, MOST_GIVEN_BACK, give_back, make_sure_of_room
from frescor._values.tags import declared_tag
from frescor.errors import PolicyError

_moments = itertools.count(1)


def moment() -> int:
    """A number higher than all that were returned before in this process; tells what began earlier."""
    return next(_moments)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being loaded, and in which store: the keys of the calls, the keys of their entries, and the function's
    name."""

    store: object
    keys: tuple[str, ...]
    stored_at: tuple[str, ...]
    label: str


@dataclass(slots=True)
class CurrentLoad:
    """The running load. A loader uses it to say what it knows better than the policy."""

    ttl: float | None = None
    tags: list[str] = field(default_factory=list)
    # The store's clock when the loader's database snapshot began, if that was before the load.
    as_of: int | None = None
    # It saw uncommitted data: the value is neither stored nor shared.
    private: bool = False
    began: int = field(default_factory=moment)
    # The tags, in the store's form, of cached values that became part of it.
    parts: dict[str, None] = field(default_factory=dict)
    # The loader's result; what is being loaded; the enclosing load; and the number of enclosing loads.
    value: object = None
    of: Subject | None = None
    outer: "CurrentLoad | None" = None
    depth: int = 0
    running: bool = False
    # What its statements read and why, as text; None unless requested (`Cache.explain`).
    reads: list[str] | None = None

    def expire(self, after: Seconds) -> None:
        """Keep this value for this time instead of the policy's, without jitter."""
        self.ttl = seconds(after)

    def do_not_store(self) -> None:
        """Give the value to those who wait for it, but do not keep it."""
        self.ttl = 0.0

    def keep_private(self) -> None:
        """Give the value to this caller only, for example because it was read in an uncommitted transaction."""
        self.private = True

    def depends_on(self, *tags: str) -> None:
        """Let these tags invalidate the value, too."""
        self.tags.extend(check_tag(tag) for tag in tags)

    def is_as_of(self, clock: int) -> None:
        """The data that was read is as of this reading of the store's clock, which is older than the load itself."""
        self.as_of = clock if self.as_of is None else min(self.as_of, clock)

    @property
    def store_tags(self) -> tuple[str, ...]:
        """The tags, in the store's form, of everything that it depends on, in addition to its policy's tags."""
        if not self.tags and not self.parts:
            return ()
        return tuple(dict.fromkeys((*map(declared_tag, self.tags), *self.parts)))

    def consists_of(self, tags: Iterable[str]) -> None:
        """Add a cached value's tags, because that value became part of this one."""
        self.parts.update(dict.fromkeys(tags))

    def include(self, inner: "CurrentLoad") -> None:
        """Add what another load depends on, whether or not it succeeded."""
        self.tags += inner.tags
        self.parts.update(inner.parts)
        self.private = self.private or inner.private
        if inner.as_of is not None:
            self.is_as_of(inner.as_of)


_CURRENT: ContextVar[CurrentLoad | None] = ContextVar("frescor_load", default=None)

# The load that the caller is part of, or None. Implemented in C, because it runs before every hit.
enclosing_load = _CURRENT.get


def current_load() -> CurrentLoad:
    """The load that the caller is part of. Raises PolicyError outside of a load."""
    load = _CURRENT.get()
    if load is None:
        raise PolicyError(
            "no load is running here: current_load() can only be used inside a cached function or loader."
        )
    return load


def begin_apart() -> None:
    """Detach this task from the enclosing load: it continues in the background."""
    _CURRENT.set(None)


class Loading:
    """Makes a load the current one. Within another load it becomes part of that one."""

    def __init__(self, of: Subject | None = None) -> None:
        self.load = CurrentLoad(of=of)

    def __enter__(self) -> CurrentLoad:
        load, outer = self.load, _CURRENT.get()
        if outer is not None:
            load.outer, load.depth, load.reads = outer, outer.depth + 1, outer.reads
            if load.depth <= MOST_GIVEN_BACK:
                give_back(FRAMES_OF_A_LOAD)
        load.running = True
        self._token = _CURRENT.set(load)
        return load

    def __exit__(self, *_: object) -> None:
        load = self.load
        load.running = False
        _CURRENT.reset(self._token)
        if load.outer is not None:
            if load.depth <= MOST_GIVEN_BACK:
                give_back(-FRAMES_OF_A_LOAD)
            load.outer.include(load)


def around(load: CurrentLoad | None) -> Iterator[Subject]:
    """What is being loaded around a call, innermost first, without loads that have ended meanwhile."""
    while load is not None:
        if load.of is not None and load.running:
            yield load.of
        load = load.outer


def refuse_return(load: CurrentLoad, store: object, key: str, label: str) -> None:
    """Raise PolicyError for a call that this load is part of loading: it would wait for itself."""
    way = [label]
    for of in around(load):
        way.append(of.label)
        if key in of.keys and of.store == store:
            raise PolicyError(
                f"{label} calls itself with the same arguments while that call is being loaded "
                f"({' → '.join(reversed(way))}): it would wait for itself. Use other arguments in the inner call, "
                "or call the function without the cache there: .uncached(…).",
                operation="load",
                key_digest=key_digest(key),
            )
    if load.depth > _SAFE_DEPTH:
        # RecursionError is then raised here, before anything is held, and not in the middle of reading a reply.
        make_sure_of_room()


_SAFE_DEPTH = 20
