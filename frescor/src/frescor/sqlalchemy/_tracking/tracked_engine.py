"""What those who look at the statements of a tracked engine ask of it: `Tracking` is one, and knows them."""

from typing import Protocol

import sqlalchemy as sa

from frescor.sqlalchemy._outbox.relay import Relay
from frescor.sqlalchemy._slices.tracked import Slices
from frescor.sqlalchemy._statements.tags import Tags
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction


class TrackedEngine(Protocol):
    """An engine whose statements are looked at."""

    engine: sa.Engine
    relay: Relay | None
    slices: Slices

    @property
    def tags(self) -> Tags:
        """Makes this database's tags."""

    @property
    def default_schema(self) -> str | None:
        """The schema of tables that are named without one."""

    def clock_seen(self) -> int:
        """What the store's clock has reached at least."""

    def transaction_of(self, connection: sa.Connection) -> TrackedTransaction:
        """The open transaction of a connection."""

    def invalidate_everything(self) -> None:
        """The schema is another than was known: what came of what was known is ended."""
