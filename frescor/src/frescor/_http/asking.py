"""What a request asks for: what distinguishes it from others, and which requests bypass the cache for a while."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from urllib.parse import unquote_plus

from frescor._calls.canonical import NoIdentity, canonical
from frescor._calls.policy import Policy
from frescor._clocks import Steady
from frescor.errors import PolicyError

METHODS = frozenset({"GET", "HEAD"})
# After a response that may not be stored, similar requests skip the cache for this long and do not wait for each other.
PASS_SECONDS = 10.0
_MOST_PASSING = 4096


def sorted_query(query: str) -> str:
    """A query with its parts ordered by name. Parts with the same name keep their order, since they may be a list."""
    if "&" not in query:
        return query
    return "&".join(sorted(query.split("&"), key=lambda part: unquote_plus(part.partition("=")[0], "latin-1")))


def identified(asked: tuple[object, ...], policy: Policy) -> bytes:
    """Bytes that two requests share exactly when all that is asked is equal. Raises PolicyError for what a function in
    `vary` returned, if that has no identity by value."""
    try:
        return canonical(asked)
    except NoIdentity as error:
        kind = type(error.value)
        raise PolicyError(
            f"a function in vary returned a {kind.__module__}.{kind.__qualname__}, which has no identity by value: let "
            "it return what distinguishes it from others, such as the user's id.",
            policy=policy.name,
        ) from None


class Passing:
    """The requests whose responses were recently found not to be storable."""

    def __init__(self) -> None:
        self._until: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, asked: Hashable) -> bool:
        until = self._until.get(asked)
        return until is not None and until > Steady.monotonic()

    def add(self, asked: Hashable) -> None:
        """Let requests like this one bypass the cache for a while."""
        with self._lock:
            self._until[asked] = Steady.monotonic() + PASS_SECONDS
            self._until.move_to_end(asked)
            while len(self._until) > _MOST_PASSING:
                self._until.popitem(last=False)
