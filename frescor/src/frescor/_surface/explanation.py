"""What an entry of a cached function would depend on, and why: shows why it is invalidated so often."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isawaitable

from frescor._calls.loading import Loading
from frescor.errors import PolicyError


@dataclass(frozen=True, slots=True)
class Explanation:
    """tags: what the entry would depend on, in addition to its key and its policy's tags, in the store's form.

    reads: for each statement, which parts of which tables it reads, and why.

    is_private: the function read uncommitted or untracked data, so nothing would be stored.
    """

    tags: tuple[str, ...]
    reads: tuple[str, ...]
    is_private: bool

    def __str__(self) -> str:
        count = len(self.tags)
        lines = [*self.reads, "1 tag" if count == 1 else f"{count} tags"]
        return "\n".join([*lines, "nothing would be stored"] if self.is_private else lines)


def explain(function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> Explanation:
    """Run the function without the cache, and report what it read. Raises what the function raises, and PolicyError for
    a coroutine function."""
    run = getattr(function, "uncached", function)
    with Loading() as load:
        load.reads = []
        found = run(*args, **kwargs)
        if isawaitable(found):
            getattr(found, "close", bool)()
            raise PolicyError(
                f"explain runs a function and {getattr(function, '__name__', function)!r} is awaited: pass a function "
                "that runs it to its end, such as lambda: asyncio.run(function.uncached(…))."
            )
    return Explanation(load.store_tags, tuple(dict.fromkeys(load.reads)), load.private)
