"""`track`: one line that connects an engine with a cache."""

from collections.abc import Callable
from typing import Protocol, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from frescor._surface.cache import Cache
from frescor.errors import PolicyError
from frescor.sqlalchemy._catalog.catalog import Declared
from frescor.sqlalchemy._outbox.outbox import Outbox, has_outbox
from frescor.sqlalchemy._outbox.relay import Relay
from frescor.sqlalchemy._slices.declared import FOREIGN_KEYS, DeclaredQuiet, DeclaredSlices
from frescor.sqlalchemy._tracking.tracking import Tracking
from frescor.sqlalchemy._tracking.triggers import mark_connections


class CacheOfApplication(Protocol):
    """Something that finds its application's cache, such as a FlaskCache."""

    def source(self) -> Callable[[], Cache]:
        """A function that returns the cache of the application that is current now."""


def cache_source(given: object) -> Cache | Callable[[], Cache]:
    """The cache, or the function that gives it. Raises PolicyError for anything else."""
    if isinstance(given, Cache):
        return given
    source = getattr(given, "source", None)
    if callable(source):
        return cast(Callable[[], Cache], source())
    if not callable(given) or isinstance(given, type):
        raise PolicyError(
            f"track takes a Cache, a function that returns one, or a FlaskCache; got {type(given).__name__}. For an "
            "AsyncCache pass the Cache whose `aio` it is."
        )
    return cast(Callable[[], Cache], given)


def track(
    engine: sa.Engine | AsyncEngine,
    cache: Cache | Callable[[], Cache] | CacheOfApplication,
    *,
    name: str = "",
    outbox: bool = True,
    views: Declared | None = None,
    functions: Declared | None = None,
    slices: DeclaredSlices | None = FOREIGN_KEYS,
    quiet: DeclaredQuiet | None = None,
) -> Tracking:
    """Track an engine: cached functions depend on what they read through it, and its commits invalidate it.

    A commit returns when the store has accepted the invalidation or cannot be reached; in that case the invalidation is
    pending in this process, and in the outbox for other processes. Sessions, connections and engines made from this one
    are tracked as well. Raises PolicyError for an engine that is tracked already.

    cache: the cache, a function that returns it, or a FlaskCache within its application's context.
    name: of this database, if a cache has several; the same in all processes.
    outbox: keep the tags in a table of this database, too (`outbox_table`), so that none is lost with the process.
    views: for views that the database cannot describe, the tables (text, Table or mapped class) that each one reads.
    functions: likewise for functions, the tables that they read; for trigger functions and procedures, the tables that
    they write to.
    slices: the columns by whose values writes are told apart (see the manual). By default each foreign key of one
    column; to add others, one kind or a list of kinds (value, month, day, range(1000)) by table and column, as in
    `{"payment": {"paid_at": "month", "member_id": ["value", "range(1000)"]}}`; None for none.
    quiet: columns that are written often and shown seldom, as in `{"account": ["seen_at", "visits"]}`: an UPDATE that
    sets no other column does not end entries whose statements name none of them.
    Raises PolicyError for a kind that there is not; the first load does for a table that does not exist, and the first
    statement that names a table for a column that it does not have.
    """
    awaits = isinstance(engine, AsyncEngine)
    if not isinstance(engine, sa.Engine | AsyncEngine):
        raise PolicyError(f"track takes an Engine or an AsyncEngine; got {engine!r}.")
    sync_engine = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    cache = cache_source(cache)
    kept: Outbox | None = None
    relay: Relay | None = None
    if outbox and has_outbox(sync_engine):
        kept = Outbox()
        relay = Relay(sync_engine, cache if callable(cache) else lambda: cache, kept, database=name)
        mark_connections(sync_engine)
    tracking = Tracking(
        sync_engine,
        cache,
        awaits=awaits,
        name=name,
        outbox=kept,
        relay=relay,
        views=views,
        functions=functions,
        slices=slices,
        quiet=quiet,
    )
    tracking.start()
    if relay is not None and isinstance(cache, Cache):
        # A process that only reads what others stored has to apply what others left, too.
        relay.attend()
    return tracking
