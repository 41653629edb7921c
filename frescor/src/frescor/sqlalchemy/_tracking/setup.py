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
from frescor.sqlalchemy._slices.columns import DeclaredSlices
from frescor.sqlalchemy._tracking.tracking import Tracking
from frescor.sqlalchemy._tracking.triggers import mark_connections


class CacheOfApplication(Protocol):
    """What finds its application's cache, such as a FlaskCache."""

    def source(self) -> Callable[[], Cache]:
        """What gives the cache of the application that is current now."""


def cache_source(given: object) -> Cache | Callable[[], Cache]:
    """The cache, or the function that gives it. Raises PolicyError for anything else."""
    if isinstance(given, Cache):
        return given
    source = getattr(given, "source", None)
    if callable(source):
        return cast(Callable[[], Cache], source())
    if not callable(given) or isinstance(given, type):
        raise PolicyError(
            f"track takes a Cache, a function that gives it, or a FlaskCache; got {type(given).__name__}. Of an "
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
    slices: DeclaredSlices | None = None,
) -> Tracking:
    """Watch an engine: cached functions depend on what they read through it, and its commits invalidate that.

    A commit returns when the store has taken the invalidation, or cannot be reached: then it waits in this process, and
    in the outbox for the others. Sessions, connections and engines made of this one are watched as well.

    cache: the cache, a function that gives it, or a FlaskCache, within its application's context.
    name: of this database, where one cache has several; the same in all
    processes. outbox: keep the tags in a table of this database too (`outbox_table`), so that none is lost with
    the process. views: by the name of each view of which the database does not tell, the tables (text, Table or mapped
    class) that it reads; functions: the same of functions that read tables, and of trigger functions and procedures
    those that they write to. slices: of which columns a write tells the slices of its rows (see the manual): {} for the
    foreign keys; for more a kind by table and column (value, month, day, range(1000)), or several in a list, as
    `{"payment": {"paid_at": "month", "member_id": ["value", "range(1000)"]}}`; None for none. Raises PolicyError for an
    engine that is tracked already.
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
    )
    tracking.start()
    if relay is not None and isinstance(cache, Cache):
        # A process that only finds what others stored is to hear of what others left, too.
        relay.attend()
    return tracking
