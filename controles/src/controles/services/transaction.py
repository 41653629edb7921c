"""The one way a service writes: commit, then invalidate what the write may have changed."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from controles.db import begin_write, db
from controles.services.cache_service import cache_service


@contextmanager
def transaction(*tags: str) -> Iterator[Session]:
    """Yield the session, ready to read and then write; commit at the end and then invalidate these cache tags.

    Once the block is left, no reader in any process gets what was cached before. With the cache's server away the
    write stands all the same, and the tags are invalidated when it is back. An exception rolls everything back and
    invalidates nothing.
    """
    session = db.session
    try:
        begin_write(session)
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    cache_service().invalidate(*tags)
