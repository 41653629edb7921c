"""What a loader may say of the value that it is making: how long it holds, and what more it depends on.

A load may call another cached function, and is then made of that one's value too: it depends on all that the inner one
depends on, whether that was loaded or found. What is found must be as new as the outer load, which is stored as of its
own beginning: so nothing is read from this process's copies within a load, which may be behind by a push.
"""

import itertools
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from frescor.errors import PolicyError
from frescor.policy import Seconds, check_tag, seconds
from frescor.tags import declared_tag

_moments = itertools.count(1)


def moment() -> int:
    """A number above all that were given before, in this process: what began earlier than what."""
    return next(_moments)


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
    """The load that the caller is part of. Raises PolicyError outside of one."""
    load = _CURRENT.get()
    if load is None:
        raise PolicyError("no load runs here: current_load() is for loaders, while a cache calls them.")
    return load


def begin_apart() -> None:
    """Let this task be part of no load: it goes on behind the back of the one that started it."""
    _CURRENT.set(None)


class Loading:
    """Makes a load the current one; within another, it is then part of that."""

    def __init__(self) -> None:
        self.load = CurrentLoad()

    def __enter__(self) -> CurrentLoad:
        self._outer = _CURRENT.get()
        self._token = _CURRENT.set(self.load)
        return self.load

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)
        if self._outer is not None:
            self._outer.include(self.load)
