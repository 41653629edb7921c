"""A stock that a web page shows and a Celery worker changes. Neither tells the other what to forget."""

import os
from pathlib import Path

import sqlalchemy as sa
from celery import Celery
from flask import Flask, jsonify
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from frescor import Cache
from frescor.embedded import EmbeddedServer
from frescor.sqlalchemy import outbox_table, track


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    pieces: Mapped[int]


outbox_table(Base.metadata)  # one table: no invalidation is lost, even if a worker is killed right after its commit

# To look around, both processes share a server that the first of them starts. Yours have one already: REDIS_URL.
if "REDIS_URL" in os.environ:
    redis_url = broker = os.environ["REDIS_URL"]
else:
    server = EmbeddedServer.acquire(Path("cache-server"))
    redis_url, broker = server.url, f"redis+socket://{server.socket}"

engine = sa.create_engine(os.environ.get("DATABASE_URL", "sqlite:///stock.db"))
# confirm: a commit returns once no process uses what it has changed; without it, some milliseconds later.
cache = Cache.from_url(redis_url, namespace="stock", confirm=True)
Base.metadata.create_all(engine)
track(engine, cache)  # the one line: from here on commits invalidate what they change


@cache.cached(expire=300, key_prefix="pieces")
def pieces(item: int) -> int:
    """Kept, for both processes, until this item's row changes."""
    with Session(engine) as session:
        found = session.get(Item, item)
        return found.pieces if found else 0


worker = Celery("stock", broker=broker, backend=broker)


@worker.task
def deliver(item: int, number: int) -> int:
    """Runs in the worker."""
    with Session(engine) as session, session.begin():
        found = session.get(Item, item, with_for_update=True) or Item(id=item, pieces=0)
        found.pieces += number
        session.add(found)
    return pieces(item)


app = Flask("stock")


@app.get("/items/<int:item>")
def show(item: int):
    return jsonify(pieces=pieces(item), runs_here=pieces.cache_info().misses)


@app.post("/items/<int:item>/deliveries/<int:number>")
def order(item: int, number: int):
    """Waits for the worker, which a page would hardly do, so that the next one surely comes after it."""
    return jsonify(the_worker_says=deliver.delay(item, number).get(timeout=60))
