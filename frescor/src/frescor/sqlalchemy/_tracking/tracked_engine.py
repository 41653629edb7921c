"""What the modules that examine the statements of a tracked engine need of it. `Tracking` implements it."""

from typing import Protocol

import sqlalchemy as sa

from frescor.sqlalchemy._outbox.relay import Relay
from frescor.sqlalchemy._slices.tracked import Slices
from frescor.sqlalchemy._statements.tags import Tags
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction


class TrackedEngine(Protocol):
    """An engine whose statements are examined."""

    engine: sa.Engine
    relay: Relay | None
    slices: Slices

    @property
    def tags(self) -> Tags:
        """Makes the tags of this database."""

    @property
    def default_schema(self) -> str | None:
        """The schema of tables that are named without one."""

    def clock_seen(self) -> int:
        """A lower bound of the store's clock."""

    def transaction_of(self, connection: sa.Connection) -> TrackedTransaction:
        """The open transaction of a connection."""

    def invalidate_everything(self) -> None:
        """The schema is not the one that was known: invalidate everything that was derived from it."""
