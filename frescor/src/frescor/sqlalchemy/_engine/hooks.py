"""Where SQLAlchemy calls Frescor: in place of methods of one engine's dialect, on that instance alone.

SQLAlchemy's events for connections would do for most of it, and cost each statement of the engine a third of what
Frescor's own look at it does: once one of them is listened to, each connection joins, and each statement goes through,
all of them. What a dialect's methods are given is final, too: no listener changes the statement after that (what
listeners have changed before: `sqlalchemy._engine.sent`).
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from frescor.sqlalchemy._engine.sent import keep_given

_HOOKS = "frescor_hooks"


class Hooks:
    """Methods of a dialect that are replaced, until `remove`."""

    def __init__(self, dialect: sa.Dialect, replacements: Mapping[str, Callable[..., object]]) -> None:
        self._dialect = dialect
        self._replacements = replacements
        self._found: dict[str, object] = {}

    def install(self) -> None:
        """Replace them."""
        own = vars(self._dialect)
        self._found = {name: own[name] for name in self._replacements if name in own}
        own.update(self._replacements)
        own[_HOOKS] = self

    def remove(self) -> None:
        """Put back what was there."""
        self._remove_from(self._dialect)

    def _remove_from(self, dialect: sa.Dialect) -> None:
        own = vars(dialect)
        for name in (_HOOKS, *self._replacements):
            del own[name]
        own.update(self._found)


def copy_without_hooks(dialect: sa.Dialect) -> sa.Dialect:
    """A copy of a dialect that calls nobody. What it has learned of its server it knows."""
    copied = copy.copy(dialect)
    hooks: Hooks | None = vars(copied).get(_HOOKS)
    if hooks is not None:
        hooks._remove_from(copied)
    # Nor listeners of the dialect's own events.
    copied.__dict__["_has_events"] = False
    return copied


class _UnheardConnection(sa.Connection):
    _has_events = False


class UnheardEngine(sa.Engine):
    """An engine for Frescor's own statements: no listener of the application hears of them, not one for all engines
    either, and no log."""

    _has_events = False
    _connection_cls = _UnheardConnection

    def _should_log_info(self) -> bool:
        return False

    def _should_log_debug(self) -> bool:
        return False


def telling_of_inserts(contexts: type, told: Callable[[Any], None]) -> type:
    """The class of a dialect's executions, which tell of each INSERT once the keys of its rows are known, and keep what
    they give to listeners."""

    class Telling(contexts):  # type: ignore[misc]  # one subclass for each dialect
        def pre_exec(self) -> None:
            super().pre_exec()
            connection = self.root_connection
            if connection._has_events or connection.engine._has_events:
                keep_given(self)

        def _setup_result_proxy(self) -> Any:
            result = super()._setup_result_proxy()
            if self.isinsert:
                told(self)
            return result

    return Telling
