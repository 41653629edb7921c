"""What one cache warns of: each thing once, not at every call."""

import logging

from frescor.errors import StoreRejected

logger = logging.getLogger("frescor")


class Notices:
    """The warnings of one cache in this process."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()
        # What the store refused last, by the kind of command; empty nearly always, which callers look at first.
        self.refusals: dict[str, str] = {}

    def once(self, about: str, what: str, sentence: str) -> None:
        """Log a warning, the first time in this process that there is one of the kind about this policy or key."""
        if (about, what) not in self._said:
            self._said.add((about, what))
            logger.warning("%s", sentence)

    def refused(self, command: object, error: StoreRejected) -> None:
        """The store refused a command: said once, until it takes one of the kind again or has another reason."""
        kind, reason = type(command).__name__, str(error)
        if self.refusals.get(kind) != reason:
            self.refusals[kind] = reason
            logger.warning("%s", error)

    def accepted(self, command: object) -> None:
        """The store carried a command out."""
        if self.refusals.pop(type(command).__name__, None) is not None:
            logger.warning("the store takes %s again", type(command).__name__)
