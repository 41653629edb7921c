"""Where SQLAlchemy calls Frescor: in place of methods of one engine's dialect, on that instance alone.

What a dialect's methods are given is final: no listener changes the statement after that (what listeners have changed
before: `_engine.statement_listeners`). With SQLAlchemy's events for connections one that is added later could, and
a transaction that reads, writes and commits would cost 1.32 of one without Frescor, where it costs 1.26: once one of
them is listened to, each statement goes through all of them. An event of the dialect itself (`do_execute`) costs no
less than a method, and whoever executes in it keeps other listeners from being called.

Others may have put something around these methods, before or after. What stood there before is called. What
somebody has put around one of ours stays when ours are removed, and then goes straight through ours.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from frescor.sqlalchemy._private import silence

# Those that are ever replaced.
_NAMES = (
    "do_execute",
    "do_executemany",
    "do_execute_no_params",
    "do_commit",
    "do_rollback",
    "do_begin_twophase",
    "_deliver_insertmanyvalues_batches",
    "execution_ctx_cls",
)


class Hooks:
    """Methods of a dialect that are replaced, until `remove`. active: whether they are; a replacement that is called
    though they are not goes on to what is `below` it, and does no more."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self.active = False
        self._dialect = dialect
        self._replacements: Mapping[str, object] = {}
        self._found: dict[str, Any] = {}

    def install(self, replacements: Mapping[str, object]) -> None:
        """Replace methods by these, by name."""
        own = vars(self._dialect)
        self._replacements = replacements
        self._found = {name: own[name] for name in replacements if name in own}
        own.update(replacements)
        self.active = True

    def below(self, name: str) -> Callable[..., Any]:
        """What would be called without the replacement: what was found in its place, else the method of the class,
        which is looked up each time, since it may be wrapped at any time too."""
        found: Callable[..., Any] | None = self._found.get(name)
        return getattr(type(self._dialect), name).__get__(self._dialect) if found is None else found

    def remove(self) -> None:
        """Put back what was there, but where somebody has put something around a replacement."""
        self.active = False
        own = vars(self._dialect)
        for name, replacement in self._replacements.items():
            if own.get(name) is not replacement:
                continue
            if name in self._found:
                own[name] = self._found[name]
            else:
                del own[name]


def copy_without_hooks(dialect: sa.Dialect) -> sa.Dialect:
    """A copy of a dialect that calls nobody. What it has learned of its server it knows."""
    copied = copy.copy(dialect)
    for name in _NAMES:
        # Others' as well, which may stand around ours.
        vars(copied).pop(name, None)
    # Nor listeners of the dialect's own events.
    silence(copied)
    return copied
