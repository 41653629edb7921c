"""Notices that a value which readers share was changed by one of them, for tests and development: at its next hit, and
when its copy is replaced or has to make room."""

import hashlib
import logging
from typing import Any

from frescor._values.codec import TooLarge, ValueCodec
from frescor.errors import PolicyError

logger = logging.getLogger("frescor")


class Watched:
    """A digest of a value's encoding, by which a change is noticed."""

    __slots__ = ("_codec", "_digest", "_place")

    def __init__(self, key: str, value: Any, codec: ValueCodec) -> None:
        # The end of a call's key is a digest of its arguments, which nobody recognises.
        self._place = key.rpartition(":")[0] or key
        self._codec = codec
        self._digest = self._of(value)

    def check(self, value: Any) -> None:
        """Raise PolicyError if the value is not what it was."""
        if self._of(value) != self._digest:
            raise PolicyError(
                f"a value of {self._place} was changed by a caller that got it, although its policy has shared=True: "
                "all callers of this process get that object. Change a copy (copy.deepcopy), or leave shared out. "
                "Found by FRESCOR_CHECK_SHARED=1."
            )

    def _of(self, value: Any) -> bytes:
        try:
            return hashlib.blake2b(self._codec.encode(value), digest_size=16).digest()
        except (PolicyError, TooLarge) as error:
            # Something was put in that could not have been stored.
            return repr(error).encode()


def report_if_changed(value: Any, watched: Watched | None) -> None:
    """Log the sentence of `Watched.check`, where no call is there to raise it."""
    if watched is not None:
        try:
            watched.check(value)
        except PolicyError as error:
            logger.error("%s", error)
