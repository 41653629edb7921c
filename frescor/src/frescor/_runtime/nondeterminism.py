"""The sources of time, randomness and ids, so that tests can supply their own."""

import itertools
import os
import random
import secrets
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

from frescor._clocks import Steady, wall_clock


class Tokens:
    """Names that are unique among all processes: a random part for the process, new after a fork, and a number."""

    def __init__(self) -> None:
        self._begin()
        itself = weakref.ref(self)

        def begin_again() -> None:
            tokens = itself()
            if tokens is not None:
                tokens._begin()

        os.register_at_fork(after_in_child=begin_again)

    def __next__(self) -> str:
        return f"{self._start}.{next(self._numbers)}"

    def _begin(self) -> None:
        self._start = secrets.token_hex(8)
        self._numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Nondeterminism:
    """Time, randomness and ids, so that tests can supply their own."""

    now: Callable[[], float] = wall_clock
    monotonic: Callable[[], float] = Steady.monotonic
    uniform: Callable[[float, float], float] = random.uniform
    token: Callable[[], str] = field(default_factory=lambda: Tokens().__next__)
