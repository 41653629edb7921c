"""Workers of Celery and RQ beside a web process, with nothing configured: what one writes ends what the others keep.

The program is imported, and has used its cache and its database, before a pool or a worker forks.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import rq
import sqlalchemy as sa

from frescor.testing import PrivateServer
from waiting import until

PROGRAM = """
import os

import sqlalchemy as sa
from celery import Celery

from frescor import Cache
from frescor.sqlalchemy import track

engine = sa.create_engine(os.environ["SHOP_DATABASE"], poolclass=sa.NullPool)
cache = Cache.from_url(os.environ["SHOP_CACHE"], "test", timeout=10)
track(engine, cache)


@cache.cached(expire=300, key_prefix="price")
def price(number: int) -> int:
    with engine.connect() as connection:
        return connection.scalar(sa.text("SELECT cents FROM price WHERE id = :number"), {"number": number})


app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_BROKER"])
app.conf.broker_connection_retry_on_startup = True


def write(cents: int) -> int:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE price SET cents = :cents WHERE id = 1"), {"cents": cents})
    return os.getpid()


def read() -> int:
    return price(1)


write_task, read_task = app.task(write), app.task(read)
# The listener, its connection and the entry are there before anything forks.
price(1)
"""


@pytest.fixture
def shop(server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The program, imported in this process, which stands for the web's."""
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{tmp_path}/shop.db")
    monkeypatch.setenv("SHOP_CACHE", server.url)
    monkeypatch.setenv("SHOP_BROKER", f"redis+socket://{server.socket}")
    engine = sa.create_engine(os.environ["SHOP_DATABASE"])
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE price (id INTEGER PRIMARY KEY, cents INTEGER)")
        connection.exec_driver_sql("INSERT INTO price VALUES (1, 10)")
    engine.dispose()
    path = tmp_path / "shop.py"
    path.write_text(PROGRAM, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("shop", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "shop", module)
    spec.loader.exec_module(module)
    yield module
    module.app.close()
    module.cache.close()
    module.engine.dispose()


@contextmanager
def running(folder: Path, *command: str) -> Iterator[None]:
    """A worker, until it is told to stop."""
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen([sys.executable, "-m", *command], cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()


def each_sees_what_another_wrote(shop: Any, write: Callable[[int], int], read: Callable[[], int]) -> None:
    assert (shop.price(1), read()) == (10, 10)
    assert write(11) != os.getpid()
    # Copies in a process are behind by the delay of a push.
    assert until(lambda: shop.price(1) == 11)
    assert read() == 11
    shop.write(12)
    assert shop.price(1) == 12
    assert until(lambda: read() == 12)


def test_a_celery_worker_and_the_web_end_each_others_entries(shop: Any, tmp_path: Path) -> None:
    options = ("--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")
    with running(tmp_path, "celery", "-A", "shop", "worker", *options):
        each_sees_what_another_wrote(
            shop,
            lambda cents: int(shop.write_task.delay(cents).get(timeout=60)),
            lambda: int(shop.read_task.delay().get(timeout=60)),
        )


def test_an_rq_worker_that_forks_for_each_job_and_the_web_end_each_others_entries(
    shop: Any, server: PrivateServer, tmp_path: Path
) -> None:
    with redis.Redis.from_url(server.admin_url) as connection:
        queue = rq.Queue("jobs", connection=connection)

        def done(function: Callable[..., int], *args: int) -> int:
            job = queue.enqueue(function, *args)
            assert until(lambda: job.get_status(refresh=True) in ("finished", "failed"), within=60)
            value = job.return_value()
            assert isinstance(value, int), job.latest_result()
            return value

        with running(tmp_path, "rq.cli", "worker", "--url", server.admin_url, "jobs"):
            each_sees_what_another_wrote(shop, lambda cents: done(shop.write, cents), lambda: done(shop.read))
