"""What a process asks of its store with no caller waiting: to take what waits for it, and to keep leases alive."""

from typing import cast

from frescor import _plan as plan
from frescor._protocol.commands import UNAVAILABLE, ExtendLease, Together
from frescor._store.base import Store
from frescor.errors import CacheError


def deliver(store: Store, process: plan.Process) -> None:
    """Let the store have what waited for it; what it does not take goes on waiting."""
    steps = plan.settle(process)
    answer: object = None
    try:
        while True:
            command = steps.send(answer)
            try:
                answer = store.perform(cast(Together, command))
            except CacheError:
                answer = UNAVAILABLE
    except StopIteration:
        return


def extend(store: Store, key: str, token: str) -> bool:
    """Whether the lease is still this token's; then it lives for its whole time from now. Raises CacheError."""
    return bool(store.perform(ExtendLease(key, token)))
