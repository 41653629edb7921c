"""Reports what happens in a cache to the application's functions and to recordings."""

import inspect
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from frescor.errors import PolicyError

logger = logging.getLogger("frescor")

Kind = Literal["hit", "miss", "load", "invalidate", "error", "mismatch"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in this process.

    kind: *hit*: a call was answered without its function. *miss*: nothing could answer it, so its function is run, or
    the default is returned. *load*: a loader ended. *invalidate*: tags were raised or keys deleted. *error*: a loader
    failed, an entry could not be read, or the store did not answer or refused. *mismatch*: an audit loaded another
    value than a hit returned.

    how: for a hit or a mismatch, what answered: "local" (this process's copy), "hits" (the store), "stale", "shared"
    (another caller's load), "memo". For a load: "call", "refresh" (in the background) or "audit". For an invalidation:
    "done", or "waits" with the store down. policy: its name; "(keys)" for a key that a caller chose. function: its
    name. key: that of the entry; it contains no values. keys: those that were deleted. tags: what the entry depends on,
    or what was raised, as it was declared. patterns: of keys that were invalidated. seconds: how long the load took;
    for a mismatch, how old the value was.
    """

    kind: Kind
    how: str = ""
    policy: str = ""
    function: str = ""
    key: str = ""
    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    seconds: float = 0.0
    error: BaseException | None = None


Hook = Callable[[Event], object]


class Hooks:
    """The functions that are called with events, by kind. If one raises, no call fails, and it is logged once."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called when hooks are added or removed."""
        self._changed = changed
        self._said: set[tuple[Hook, type]] = set()
        # A hook may call the cache: events of these calls are not reported, since that would never end.
        self._telling = threading.local()
        self._lock = threading.Lock()
        self.hit: tuple[Hook, ...] = ()
        self.miss: tuple[Hook, ...] = ()
        self.load: tuple[Hook, ...] = ()
        self.invalidate: tuple[Hook, ...] = ()
        self.error: tuple[Hook, ...] = ()
        self.mismatch: tuple[Hook, ...] = ()

    def add(self, hooks: Mapping[Kind, Hook]) -> None:
        """Call these, too. Raises PolicyError for something that cannot be called, or is a coroutine function."""
        for kind, hook in hooks.items():
            given: object = hook
            if not callable(given) or inspect.iscoroutinefunction(hook):
                raise PolicyError(
                    f"on_{kind} takes a plain function of one Event, and calls it before the cache's own call returns; "
                    f"got {hook!r}. To go on in an event loop, let it hand the event to a queue."
                )
        self._change(hooks, lambda there, hook: (*there, hook))

    def remove(self, hooks: Mapping[Kind, Hook]) -> None:
        """Call these once less often than they were added; unknown ones are ignored."""
        self._change(hooks, _without)

    def tell(self, hooks: tuple[Hook, ...], event: Event) -> None:
        """Call these hooks with an event."""
        if getattr(self._telling, "now", False):
            return
        self._telling.now = True
        try:
            for hook in hooks:
                try:
                    hook(event)
                except Exception as error:  # noqa: BLE001  # a call does not fail for one who only looks on
                    self._say(hook, event, error)
        finally:
            self._telling.now = False

    def _say(self, hook: Hook, event: Event, error: Exception) -> None:
        if (hook, type(error)) not in self._said:
            self._said.add((hook, type(error)))
            name = getattr(hook, "__qualname__", repr(hook))
            logger.warning(
                "%s, a hook for on_%s, raised %r: the call goes on (said once for each kind of error)",
                name,
                event.kind,
                error,
                exc_info=error,
            )

    def _change(self, hooks: Mapping[Kind, Hook], change: Callable[[tuple[Hook, ...], Hook], tuple[Hook, ...]]) -> None:
        with self._lock:
            for kind, hook in hooks.items():
                setattr(self, kind, change(getattr(self, kind), hook))
        self._changed()


def _without(there: tuple[Hook, ...], hook: Hook) -> tuple[Hook, ...]:
    left = list(there)
    if hook in left:
        left.remove(hook)
    return tuple(left)
