"""A store in memory that notes what it is asked, and is away or refuses while a test says so."""

import dataclasses
from collections.abc import Generator
from typing import Any

from frescor._protocol.commands import StoreCommand, Together
from frescor._runtime.engine import Engine
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._store.memory import MemoryStore
from frescor.errors import CacheError

# Of the store, too: an entry from the future would not be read.
NOW = 1000.0


class UnsteadyStore(MemoryStore):
    """`asked`: every command that came, in order; several together are one. `fails`: what each of them raises now."""

    def __init__(self) -> None:
        super().__init__(now=lambda: NOW)
        self.asked: list[StoreCommand | Together] = []
        self.fails: CacheError | None = None

    def perform(self, command: StoreCommand | Together) -> Any:
        self.asked.append(command)
        if self.fails is not None:
            raise self.fails
        asked = len(self.asked)
        try:
            return super().perform(command)
        finally:
            # Those within a `Together` come by this way, too.
            del self.asked[asked:]


def engine_on(store: MemoryStore, **options: Any) -> Engine:
    """One cache's state, in which no time passes and chance is at its least, unless the test says otherwise."""
    steady = {"now": lambda: NOW, "uniform": lambda low, high: low} | options.pop("chance", {})
    nondeterminism = dataclasses.replace(Nondeterminism(), **steady)
    given: dict[str, Any] = {"local_bytes": 0, "key_secret": b"", "ring": None} | options
    return Engine(store, nondeterminism=nondeterminism, **given)


def asking(*commands: Any) -> Generator[Any, Any, list[Any]]:
    """A plan that asks for these one after another, and comes to their answers."""
    answers = []
    for command in commands:
        answers.append((yield command))  # noqa: PERF401  # it is a plan
    return answers
