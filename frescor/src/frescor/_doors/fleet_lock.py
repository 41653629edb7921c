"""A lock that one caller in the fleet holds, over the leases that loads take."""

import os
import threading

from frescor._protocol.commands import UNAVAILABLE, ReleaseLease, TakeLease
from frescor._surface.cache import Cache
from frescor.errors import CacheError

# Between two looks at a lock that another holds, seconds: from the first to the last.
_FIRST_LOOK, _LAST_LOOK = 0.002, 0.05


class FleetLock:
    """Lock and unlock from any thread. It is kept while its process lives; one that is killed holds it for 2.5 s more
    at the most. With the store down it is a lock of this process."""

    def __init__(self, cache: Cache, key: str) -> None:
        self._engine = cache._engine
        # Beside the value's own, which a `set` takes from whoever loads.
        self._key = f"lock:{key}"
        self._token: str | None = None
        self._local = _process_lock(cache, self._key)

    def acquire(self, wait: bool = True) -> bool:
        """Take it, waiting for whoever holds it. False: another holds it, and it was not to wait."""
        # Two threads of this process need not ask the server which of them is first.
        if not self._local.acquire(blocking=wait):
            return False
        token, pause = self._engine.nondeterminism.token(), _FIRST_LOOK
        while True:
            grant = self._ask(TakeLease(self._key, token, (), None))
            if grant is UNAVAILABLE:
                # A server that only hung carries it out later.
                self._engine.pending.add(leases=[(self._key, token)])
                return True
            if grant is not None:
                self._token = token
                self._engine.keeper.hold(self._key, token)
                return True
            if not wait:
                self._local.release()
                return False
            threading.Event().wait(pause)
            pause = min(pause * 2, _LAST_LOOK)

    def _ask(self, command: TakeLease | ReleaseLease) -> object:
        try:
            return self._engine.store.perform(command)
        except CacheError:
            # The store is down or refuses: then it is a lock of this process.
            return UNAVAILABLE

    def release(self) -> None:
        """Give it back."""
        token, self._token = self._token, None
        if token is not None:
            self._engine.keeper.drop(token)
            if self._ask(ReleaseLease(self._key, token)) is UNAVAILABLE:
                self._engine.pending.add(leases=[(self._key, token)])
        self._local.release()

    def locked(self) -> bool:
        """Whether somebody holds it."""
        if not self.acquire(wait=False):
            return True
        self.release()
        return False


_LOCKS: dict[tuple[object, str], threading.Lock] = {}
_GUARD = threading.Lock()
_MOST_LOCKS = 4096
# Whoever held one is not in the child of a fork.
os.register_at_fork(after_in_child=_LOCKS.clear)


def _process_lock(cache: Cache, key: str) -> threading.Lock:
    name = (cache._engine.place, key)
    with _GUARD:
        if len(_LOCKS) >= _MOST_LOCKS:
            for other in [other for other, lock in _LOCKS.items() if not lock.locked()]:
                del _LOCKS[other]
        return _LOCKS.setdefault(name, threading.Lock())
