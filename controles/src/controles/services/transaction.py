"""The one way a service writes."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from controles.db import begin_write, db


@contextmanager
def transaction() -> Iterator[Session]:
    """Yield the session, ready to read and then write; commit at the end.

    Once the block is left, no reader in any process gets what was cached of the tables that were written: the commit
    invalidates it. With the cache's server away the write stands all the same, and the invalidation waits in the
    database until it is back. An exception rolls everything back and invalidates nothing.
    """
    session = db.session
    try:
        begin_write(session)
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
