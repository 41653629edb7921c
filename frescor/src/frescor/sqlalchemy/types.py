"""Types for annotations: what `frescor.sqlalchemy` takes and returns."""

from frescor._values.detached import Detached
from frescor.sqlalchemy._slices.explained import Written
from frescor.sqlalchemy._statements.tags import Tags
from frescor.sqlalchemy._tracking.setup import CacheOfApplication
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

__all__ = ["CacheOfApplication", "Detached", "Tags", "TrackedTransaction", "Written"]
