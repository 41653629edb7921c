"""The warnings of one cache: each is logged once, not at every call."""

import logging

from frescor.errors import StoreRejected

logger = logging.getLogger("frescor")


class Notices:
    """The warnings of one cache in this process."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()
        # The last refusal of each kind of command. Nearly always empty, so callers check that first.
        self.refusals: dict[str, str] = {}

    def once(self, about: str, what: str, sentence: str) -> None:
        """Log a warning, unless one of this kind about this policy or key was logged before in this process."""
        if (about, what) not in self._said:
            self._said.add((about, what))
            logger.warning("%s", sentence)

    def refused(self, command: object, error: StoreRejected) -> None:
        """The store refused a command: logged once, until it accepts such a command again or refuses for another
        reason."""
        kind, reason = type(command).__name__, str(error)
        if self.refusals.get(kind) != reason:
            self.refusals[kind] = reason
            logger.warning("%s", error)

    def accepted(self, command: object) -> None:
        """The store carried out a command."""
        if self.refusals.pop(type(command).__name__, None) is not None:
            logger.warning("the store accepts %s again", type(command).__name__)
