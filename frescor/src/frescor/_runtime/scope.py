"""What is otherwise for the calls of one thread or task: no cache at all, or one value for the same call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """disabled: every call loads."""

    disabled: bool = False
