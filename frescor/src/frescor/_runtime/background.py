"""What a process sends to its store on its own: pending invalidations, and extensions of leases."""

from typing import cast

from frescor import _plan as plan
from frescor._protocol.commands import UNAVAILABLE, ExtendLease, Together
from frescor._store.base import Store
from frescor.errors import CacheError


def deliver(store: Store, process: plan.Process) -> None:
    """Send what is pending to the store; what is not accepted stays pending."""
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
    """Extend the lease to its full time from now. False if this token no longer holds it. Raises CacheError."""
    return bool(store.perform(ExtendLease(key, token)))
