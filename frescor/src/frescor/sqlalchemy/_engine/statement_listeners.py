"""What listeners of `before_cursor_execute` change in a statement on its way to the driver.

A listener registered with `retval=True` may replace the text or the parameters; any listener may modify a dictionary of
parameters in place. What counts is what the database gets. So if an engine has such listeners, the statement is kept
before they are called and compared afterwards; on an engine without them nothing is done.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# The attribute of an execution that holds it.
GIVEN = "frescor_given"
# Comments around a statement, as tracing tools add them; not those that have a meaning (hints, MySQL's versions).
_COMMENTS = re.compile(r"(?:\s|/\*(?![!+]|M!).*?\*/|--[^\n]*(?:\n|\Z))*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Given:
    """What SQLAlchemy gave its listeners: the text, and a copy of the parameters."""

    sql: str
    parameters: Any

    def is_sent_as(self, sql: str) -> bool:
        """Whether this text does the same as the given one."""
        if sql == self.sql:
            return True
        before, found, after = sql.partition(self.sql)
        return bool(found) and all(_COMMENTS.fullmatch(part) for part in (before, after))

    def is_sent_with(self, parameters: Any) -> bool:
        """Whether these parameters are the given ones."""
        return _same(self.parameters, parameters)


def keep_given(execution: Any) -> None:
    """Keep the statement that is about to be sent, because there are listeners."""
    parameters = execution.parameters if execution.executemany else execution.parameters[0]
    execution.__dict__[GIVEN] = Given(execution.statement, _copied(parameters))


def keeping_batches(deliver: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Wraps the dialect's method that divides an INSERT of many rows into batches, so that each batch is kept."""

    # Which arguments come before the execution depends on SQLAlchemy's release.
    def deliver_and_keep(*given: Any) -> Iterator[Any]:
        context = given[-1]
        for batch in deliver(*given):
            if GIVEN in context.__dict__:
                context.__dict__[GIVEN] = Given(batch.replaced_statement, _copied(batch.replaced_parameters))
            yield batch

    return deliver_and_keep


def _copied(parameters: Any) -> Any:
    if isinstance(parameters, dict):
        return dict(parameters)
    return [_copied(one) for one in parameters] if isinstance(parameters, list) else parameters


def _same(given: Any, sent: Any) -> bool:
    """Compares by `is`, since the equality of a value may do anything."""
    if given is sent:
        return True
    if isinstance(given, dict) and isinstance(sent, dict):
        return given.keys() == sent.keys() and all(sent[key] is value for key, value in given.items())
    if isinstance(given, list | tuple) and isinstance(sent, list | tuple):
        return len(given) == len(sent) and all(_same(one, other) for one, other in zip(given, sent, strict=True))
    return False
