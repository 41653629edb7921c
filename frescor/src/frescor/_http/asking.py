"""What a request asks for: what distinguishes it from others, and which requests bypass the cache for a while."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from urllib.parse import unquote_plus

from frescor._clocks import Steady

METHODS = frozenset({"GET", "HEAD"})
# After a response that may not be stored, similar requests skip the cache for this long and do not wait for each other.
PASS_SECONDS = 10.0
_MOST_PASSING = 4096


def sorted_query(query: str) -> str:
    """A query with its parts ordered by name. Parts with the same name keep their order, since they may be a list."""
    if "&" not in query:
        return query
    return "&".join(sorted(query.split("&"), key=lambda part: unquote_plus(part.partition("=")[0], "latin-1")))


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
