"""A process that writes to a database and is killed: run by the tests of crashes, which tell it what to do.

Lines in: `commit N` writes N and stops short of the invalidation; `write N` does both. A line out for each.
"""

import sys

import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy.outbox import Outbox
from frescor.sqlalchemy.relay import Relay


def main(database: str, store: str) -> None:
    engine = sa.create_engine(database)
    outbox = Outbox()
    cache = Cache.from_url(store, "test")
    relay = Relay(engine, lambda: cache, outbox)
    relay.start()
    cache.get("k")
    with engine.connect():
        print("ready", flush=True)
    for line in sys.stdin:
        what, value = line.split()
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE t SET x = :x"), {"x": int(value)})
            row_id = outbox.write(connection, ["sql:t"])
        if what == "write" and cache.invalidate("sql:t"):
            outbox.applied(row_id)
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
