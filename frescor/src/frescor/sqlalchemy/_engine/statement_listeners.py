"""What listeners of `before_cursor_execute` make of a statement on its way to the driver.

One that is registered with `retval=True` puts another text or other parameters in their place; any may change a
dictionary of parameters where it is. What counts is what the database gets. So on an engine that has listeners, what
was to be sent is kept before they are called, and compared afterwards; on one that has none, nothing is done.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# What an execution keeps it as.
GIVEN = "frescor_given"
# Around a statement, as tracing adds them; not those that a database takes for part of it (hints, versions of MySQL).
_COMMENTS = re.compile(r"(?:\s|/\*(?![!+]|M!).*?\*/|--[^\n]*(?:\n|\Z))*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Given:
    """What SQLAlchemy gave its listeners: the text, and a copy of the parameters."""

    sql: str
    parameters: Any

    def is_sent_as(self, sql: str) -> bool:
        """Whether this text does what the given one does."""
        if sql == self.sql:
            return True
        before, found, after = sql.partition(self.sql)
        return bool(found) and all(_COMMENTS.fullmatch(part) for part in (before, after))

    def is_sent_with(self, parameters: Any) -> bool:
        """Whether these are the parameters that were given."""
        return _same(self.parameters, parameters)


def keep_given(execution: Any) -> None:
    """Keep what is going to be sent, since there are listeners."""
    parameters = execution.parameters if execution.executemany else execution.parameters[0]
    execution.__dict__[GIVEN] = Given(execution.statement, _copied(parameters))


def keeping_batches(deliver: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A dialect's method that divides an INSERT of many rows: each batch is given by itself."""

    def deliver_and_keep(
        connection: Any, cursor: Any, statement: str, parameters: Any, sizes: Any, context: Any
    ) -> Iterator[Any]:
        for batch in deliver(connection, cursor, statement, parameters, sizes, context):
            if GIVEN in context.__dict__:
                context.__dict__[GIVEN] = Given(batch.replaced_statement, _copied(batch.replaced_parameters))
            yield batch

    return deliver_and_keep


def _copied(parameters: Any) -> Any:
    if isinstance(parameters, dict):
        return dict(parameters)
    return [_copied(one) for one in parameters] if isinstance(parameters, list) else parameters


def _same(given: Any, sent: Any) -> bool:
    """By identity: a value's own equality may be anything."""
    if given is sent:
        return True
    if isinstance(given, dict) and isinstance(sent, dict):
        return given.keys() == sent.keys() and all(sent[key] is value for key, value in given.items())
    if isinstance(given, list | tuple) and isinstance(sent, list | tuple):
        return len(given) == len(sent) and all(_same(one, other) for one, other in zip(given, sent, strict=True))
    return False
