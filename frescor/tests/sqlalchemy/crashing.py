"""A process that writes to a database and is killed: run by the tests of crashes, which tell it what to do.

Lines in: `commit N` writes N and stops short of the invalidation; `write N` does both. A line out for each.
"""

import signal
import sys
import threading
from typing import Any

import sqlalchemy as sa

from frescor import Cache
from frescor._protocol.commands import Invalidate, StoreCommand, Together
from frescor._store.server.redis import RedisStore
from frescor.sqlalchemy import track


class StoppingStore(RedisStore):
    """Stops this process where its commit would invalidate something, if it is told to. Its relay, a thread, may be
    applying what an earlier process left."""

    stops = False

    def perform(self, command: StoreCommand | Together) -> Any:
        in_commit = threading.current_thread() is threading.main_thread()
        if self.stops and in_commit and isinstance(command, Invalidate):
            stop()
        return super().perform(command)


def stop() -> None:
    """Say so, and wait to be killed."""
    print("done", flush=True)
    while True:
        signal.pause()


def main(database: str, store: str) -> None:
    engine = sa.create_engine(database)
    with Cache.from_url(store, "test") as cache:
        track(engine, cache)
        assert isinstance(cache.store, RedisStore)
        cache.store.__class__ = StoppingStore
        cache.get("k")
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT x FROM t"))
        print("ready", flush=True)
        for line in sys.stdin:
            what, value = line.split()
            StoppingStore.stops = what == "commit"
            with engine.begin() as connection:
                connection.execute(sa.text("UPDATE t SET x = :x"), {"x": int(value)})
            print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
