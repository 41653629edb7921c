"""What a loader may say about the value that it computes: how long it is valid, and what else it depends on.

A load may call another cached function, and its value is then made of that function's value, too. So it depends on
everything that the inner value depends on, whether that was loaded or found. A value that is found must be as new as
the outer load, which is stored as of its own beginning. So a load reads nothing from this process's copies, which may
be behind by the delay of a push.
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
    """A number higher than all numbers returned before in this process, which tells what began earlier."""
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
    """The load that runs now. A loader changes what it knows better than the policy."""

    ttl: float | None = None
    tags: list[str] = field(default_factory=list)
    # The store's clock when the database snapshot that the loader reads began, if that was before the load.
    as_of: int | None = None
    # It saw what nobody else may see yet: neither stored nor shared.
    private: bool = False
    began: int = field(default_factory=moment)
    # The store's tags of what it is made of.
    parts: dict[str, None] = field(default_factory=dict)
    # What the loader returned; of what the load is; the load that it is part of; and how many there are around it.
    value: object = None
    of: Subject | None = None
    outer: "CurrentLoad | None" = None
    depth: int = 0
    running: bool = False
    # What its statements read and why, in words; None unless somebody asks (`Cache.explain`).
    reads: list[str] | None = None

    def expire(self, after: Seconds) -> None:
        """Let this value live for so long, instead of what the policy says; jitter is not added."""
        self.ttl = seconds(after)

    def do_not_store(self) -> None:
        """Give the value to those who wait for it and keep it for nobody else."""
        self.ttl = 0.0

    def keep_private(self) -> None:
        """Give the value to this caller alone: it was read within a transaction that is not committed, say."""
        self.private = True

    def depends_on(self, *tags: str) -> None:
        """Let these tags, too, invalidate the value."""
        self.tags.extend(check_tag(tag) for tag in tags)

    def is_as_of(self, clock: int) -> None:
        """What was read is as old as this reading of the store's clock: older data than the load itself."""
        self.as_of = clock if self.as_of is None else min(self.as_of, clock)

    @property
    def store_tags(self) -> tuple[str, ...]:
        """The store's tags of all that it came to depend on, beside its policy's."""
        if not self.tags and not self.parts:
            return ()
        return tuple(dict.fromkeys((*map(declared_tag, self.tags), *self.parts)))

    def consists_of(self, tags: Iterable[str]) -> None:
        """A cached value is part of this one: its entry's tags."""
        self.parts.update(dict.fromkeys(tags))

    def include(self, inner: "CurrentLoad") -> None:
        """Another load is part of this one, whether it succeeded or not."""
        self.tags += inner.tags
        self.parts.update(inner.parts)
        self.private = self.private or inner.private
        if inner.as_of is not None:
            self.is_as_of(inner.as_of)


_CURRENT: ContextVar[CurrentLoad | None] = ContextVar("frescor_load", default=None)

# The load that the caller is part of, or None; at C's speed, since it stands before every hit.
enclosing_load = _CURRENT.get


def current_load() -> CurrentLoad:
    """The load that the caller is part of. Raises PolicyError outside of a load."""
    load = _CURRENT.get()
    if load is None:
        raise PolicyError("no load runs here: current_load() is for loaders, while a cache calls them.")
    return load


def begin_apart() -> None:
    """Let this task be part of no load: it continues in the background after the one that started it."""
    _CURRENT.set(None)


class Loading:
    """Makes a load the current one. Within another load, it becomes part of that one."""

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
    """What is being loaded around a call, from the inside out; loads that have ended meanwhile are left out."""
    while load is not None:
        if load.of is not None and load.running:
            yield load.of
        load = load.outer


def refuse_return(load: CurrentLoad, store: object, key: str, label: str) -> None:
    """Raises PolicyError for a call that is being loaded and that this load is part of: it would wait for itself."""
    way = [label]
    for of in around(load):
        way.append(of.label)
        if key in of.keys and of.store == store:
            raise PolicyError(
                f"{label} comes back to a call of itself with the same arguments, while that is being loaded "
                f"({' → '.join(reversed(way))}): it would wait for itself. Let the call within have other arguments, "
                "or call the function itself there: .uncached(…).",
                operation="load",
                key_digest=key_digest(key),
            )
    if load.depth > _SAFE_DEPTH:
        # RecursionError comes here, before anything is held, rather than in the midst of a reading.
        make_sure_of_room()


_SAFE_DEPTH = 20
