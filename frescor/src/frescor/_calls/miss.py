"""A miss that is no value: `None` is one, and can be cached."""

from enum import Enum
from typing import Final


class Miss(Enum):
    """The type of `MISS`, so that a type checker can tell it from a value."""

    MISS = "miss"


MISS: Final = Miss.MISS
