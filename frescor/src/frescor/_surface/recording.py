"""What a cache did while a test looked on."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from frescor._runtime.hooks import Event, Hooks, Kind
from frescor.errors import PolicyError

KINDS: tuple[Kind, ...] = ("hit", "miss", "load", "invalidate", "error", "mismatch")


class Calls:
    """What happened in a cache of this process while it was recorded, in all its threads and tasks.

    `what` is a cached function, or text: a policy's name, a key, or the beginning of keys (`"dashboard"`, or
    `"dashboard:*"`). `tag` is a declared tag. Without either, everything counts.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, in order."""
        return tuple(self._events)

    def hits(self, what: object = None, *, tag: str | None = None) -> int:
        """How many calls were answered without running their function."""
        return self._count("hit", what, tag)

    def misses(self, what: object = None, *, tag: str | None = None) -> int:
        """How many calls ran their function, or returned the default, because there was no value."""
        return self._count("miss", what, tag)

    def loads(self, what: object = None, *, tag: str | None = None) -> int:
        """How often a function was run: by a miss, by `refresh`, or in the background."""
        return self._count("load", what, tag)

    def errors(self, what: object = None, *, tag: str | None = None) -> int:
        """How many loads failed; without `what`, entries that could not be read and failures of the store count,
        too."""
        return self._count("error", what, tag)

    def invalidations(self, what: object = None, *, tag: str | None = None) -> int:
        """How many invalidations there were: of this tag, pattern, key or function, or of keys and patterns below it.
        One of a wider pattern, or of everything, only counts as that pattern (`"*"`)."""
        if what == "*":
            return sum("*" in event.patterns for event in self._events)
        matches = _matcher(what)
        return sum(
            event.kind == "invalidate"
            and (tag is None or tag in event.tags)
            and (
                what is None
                or what in event.tags
                or any(matches(key) for key in event.keys)
                or any(matches(pattern.removesuffix(":*")) for pattern in event.patterns)
            )
            for event in self._events
        )

    def _count(self, kind: Kind, what: object, tag: str | None) -> int:
        matches = _matcher(what)
        return sum(
            event.kind == kind
            and (what is None or event.policy == what or matches(event.key))
            and (tag is None or tag in event.tags)
            for event in self._events
        )

    def __repr__(self) -> str:
        counted = Counter((event.kind, event.key or ", ".join(_raised(event))) for event in self._events)
        lines = [f"{times} × {kind} {about}".rstrip() for (kind, about), times in counted.items()]
        return f"<Calls: {'; '.join(lines) or 'nothing happened'}>"


@contextmanager
def recorded(*caches: Hooks) -> Iterator[Calls]:
    """Record the events of these caches' hooks within the context."""
    calls = Calls()
    note: Callable[[Event], object] = calls._events.append
    mine = dict.fromkeys(KINDS, note)
    for hooks in caches:
        hooks.add(mine)
    try:
        yield calls
    finally:
        for hooks in caches:
            hooks.remove(mine)


def _raised(event: Event) -> tuple[str, ...]:
    return (*event.patterns, *event.keys, *event.tags)


def _prefix(what: object) -> str:
    """The beginning of the keys that are meant. Raises PolicyError for anything that has none."""
    # The cached function within one that is bound to an instance, or within a view.
    for name in ("func", "_cached"):
        what = getattr(what, name, what)
    site = getattr(what, "_site", None)
    if site is not None:
        return str(site.prefix)
    if isinstance(what, str) and what:
        return what.removesuffix(":*")
    raise PolicyError(
        "calls are counted by a cached function (what @cache.cached returned), or by text: a policy's name, a key, or "
        f"what keys begin with, such as 'dashboard'; got {what!r}."
    )


def _matcher(what: object) -> Callable[[str], bool]:
    if what is None or what == "*":
        return lambda _: True
    prefix = _prefix(what)
    return lambda key: key == prefix or key.startswith(f"{prefix}:")
