"""The miss as a value of its own, since `None` is an ordinary value that can be cached."""

from enum import Enum
from typing import Final


class Miss(Enum):
    """The type of `MISS`, so that a type checker can tell a miss from a value."""

    MISS = "miss"


MISS: Final = Miss.MISS
