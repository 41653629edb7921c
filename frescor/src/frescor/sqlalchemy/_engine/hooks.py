"""Where SQLAlchemy calls Frescor: some methods of the dialect are replaced, on the instance of one engine alone.

The arguments of a dialect's method are final: no listener changes the statement after that (for earlier changes see
`statement_listeners.py`). The alternative, SQLAlchemy's connection events, has two drawbacks. A listener that is added
later could still change the statement. And one listener makes SQLAlchemy take its slower path for every statement: a
transaction that reads, writes and commits costs 1.32 of one without Frescor, instead of 1.26. The dialect's own event
(`do_execute`) is no cheaper than a method, and a listener that executes the statement hides it from the others.

Other tools may wrap these methods, before or after Frescor does. A wrapper that was there before is called. A wrapper
around one of Frescor's stays when Frescor's methods are removed; the one that it wraps then only passes calls on.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from frescor.sqlalchemy._private import silence

# All methods that are ever replaced.
_NAMES = (
    "initialize",
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
    """Methods of a dialect that are replaced until `remove`. active: whether they still are. A replacement that is
    called after the removal only passes the call on to what is `below` it."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self.active = False
        self._dialect = dialect
        self._replacements: Mapping[str, object] = {}
        self._found: dict[str, Any] = {}

    def install(self, replacements: Mapping[str, object]) -> None:
        """Replace methods, by name."""
        own = vars(self._dialect)
        self._replacements = replacements
        self._found = {name: own[name] for name in replacements if name in own}
        own.update(replacements)
        self.active = True

    def below(self, name: str) -> Callable[..., Any]:
        """What would be called without the replacement: whatever was there before it, else the class's method. That one
        is looked up at each call, because other tools may wrap it at any time."""
        found: Callable[..., Any] | None = self._found.get(name)
        return getattr(type(self._dialect), name).__get__(self._dialect) if found is None else found

    def remove(self) -> None:
        """Put back what stood there before, except where somebody has wrapped a replacement."""
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
    """A copy of a dialect that calls no hooks. It keeps what the dialect has learned about its server."""
    copied = copy.copy(dialect)
    for name in _NAMES:
        # Other tools' replacements too: they may wrap ours.
        vars(copied).pop(name, None)
    # No listeners of the dialect's own events either.
    silence(copied)
    return copied
