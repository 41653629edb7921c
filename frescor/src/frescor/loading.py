"""What a loader may say of the value that it is making: how long it holds, and what more it depends on."""

from contextvars import ContextVar
from dataclasses import dataclass, field

from frescor.errors import PolicyError
from frescor.policy import Seconds, check_tag, seconds


@dataclass(slots=True)
class CurrentLoad:
    """The load that runs now. A loader changes what it knows better than the policy."""

    ttl: float | None = None
    tags: list[str] = field(default_factory=list)
    # The store's clock when the database snapshot that the loader reads began, if that was before the load.
    as_of: int | None = None

    def expire(self, after: Seconds) -> None:
        """Let this value live for so long, instead of what the policy says; jitter is not added."""
        self.ttl = seconds(after)

    def do_not_store(self) -> None:
        """Give the value to those who wait for it and keep it for nobody else."""
        self.ttl = 0.0

    def depends_on(self, *tags: str) -> None:
        """Let these tags, too, invalidate the value."""
        self.tags.extend(check_tag(tag) for tag in tags)


_CURRENT: ContextVar[CurrentLoad | None] = ContextVar("frescor_load", default=None)


def current_load() -> CurrentLoad:
    """The load that the caller is part of. Raises PolicyError outside of one."""
    load = _CURRENT.get()
    if load is None:
        raise PolicyError("no load runs here: current_load() is for loaders, while a cache calls them.")
    return load


class Loading:
    """Makes a load the current one; within it another may run, which is then part of this one."""

    def __init__(self) -> None:
        self.load = CurrentLoad()

    def __enter__(self) -> CurrentLoad:
        self._outer = _CURRENT.get()
        self._token = _CURRENT.set(self.load)
        return self.load

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)
