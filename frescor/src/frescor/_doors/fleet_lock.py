"""A lock that one caller among all processes holds, built on the same leases that loads take."""

import os
import threading

from frescor._protocol.commands import UNAVAILABLE, ReleaseLease, TakeLease
from frescor._surface.cache import Cache
from frescor.errors import CacheError

# Seconds between two attempts while another caller holds the lease, at first and at most.
_FIRST_LOOK, _LAST_LOOK = 0.002, 0.05


class FleetLock:
    """Can be locked and unlocked from any thread. It is held as long as its process lives; after a process is killed,
    its lock is held for at most 2.5 s more. With the store down it locks within this process only."""

    def __init__(self, cache: Cache, key: str) -> None:
        self._engine = cache._engine
        # Not the value's own lease, which a `set` would take away.
        self._key = f"lock:{key}"
        self._token: str | None = None
        self._local = _process_lock(cache, self._key)

    def acquire(self, wait: bool = True) -> bool:
        """Take the lock, waiting for it if another caller holds it. False if `wait` is false and another caller holds
        it."""
        # Threads of this process decide among themselves, without asking the server.
        if not self._local.acquire(blocking=wait):
            return False
        token, pause = self._engine.nondeterminism.token(), _FIRST_LOOK
        while True:
            grant = self._ask(TakeLease(self._key, token, (), None))
            if grant is UNAVAILABLE:
                # A server that only hung may still grant it.
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
            # The store is down or refuses: the lock then works within this process.
            return UNAVAILABLE

    def release(self) -> None:
        """Release it."""
        token, self._token = self._token, None
        if token is not None:
            self._engine.keeper.drop(token)
            if self._ask(ReleaseLease(self._key, token)) is UNAVAILABLE:
                self._engine.pending.add(leases=[(self._key, token)])
        self._local.release()

    def locked(self) -> bool:
        """Whether a caller holds it."""
        if not self.acquire(wait=False):
            return True
        self.release()
        return False


_LOCKS: dict[tuple[object, str], threading.Lock] = {}
_GUARD = threading.Lock()
_MOST_LOCKS = 4096
# The threads that held locks do not exist in the child of a fork.
os.register_at_fork(after_in_child=_LOCKS.clear)


def _process_lock(cache: Cache, key: str) -> threading.Lock:
    name = (cache._engine.place, key)
    with _GUARD:
        if len(_LOCKS) >= _MOST_LOCKS:
            for other in [other for other, lock in _LOCKS.items() if not lock.locked()]:
                del _LOCKS[other]
        return _LOCKS.setdefault(name, threading.Lock())
