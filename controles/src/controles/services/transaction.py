"""The one way a service writes."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from controles.db import begin_write, db


@contextmanager
def transaction() -> Iterator[Session]:
    """Yield the session, ready to read and then write; commit at the end.

    After the block, no reader in any process gets a cached value that was read from the tables that were written: the
    commit invalidates these. If the cache's server is down, the write is committed all the same, and the invalidation
    waits in the database until the server is back. An exception rolls everything back and invalidates nothing.
    """
    session = db.session
    try:
        begin_write(session)
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
