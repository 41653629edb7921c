"""The first connection: the relay and the application, whoever makes it, both know what it asks the server."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy import track
from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.sqlalchemy._outbox.relay_connection import RelayConnection, Wake
from frescor.testing.private_postgres import PrivatePostgres


class FirstConnection:
    """An engine whose first connection can be held up while its dialect learns about the server."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        self.begun, self.may_end = threading.Event(), threading.Event()
        learn = self.engine.dialect.initialize

        def initialize(connection: sa.Connection) -> None:
            self.begun.set()
            assert self.may_end.wait(30)
            learn(connection)

        vars(self.engine.dialect)["initialize"] = initialize


@pytest.fixture
def held_up(postgres_server: PrivatePostgres) -> Iterator[FirstConnection]:
    url = postgres_server.make_database()
    plain = sa.create_engine(url)
    Outbox().table.metadata.create_all(plain)
    with plain.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE due (id int)")
    plain.dispose()
    found = FirstConnection(url)
    yield found
    found.may_end.set()
    found.engine.dispose()


def test_a_load_waits_until_the_relays_first_connection_has_asked_which_schema_is_the_default(
    held_up: FirstConnection, tracked_cache: Cache
) -> None:
    tracking = track(held_up.engine, tracked_cache)
    assert tracking.relay is not None

    @tracked_cache.cached(expire=300, key_prefix="due", name="due")
    def count() -> int:
        with held_up.engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM due").scalar_one())

    tracking.relay.start()
    assert held_up.begun.wait(30)
    loading = threading.Thread(target=count)
    loading.start()
    # Long enough for a load that does not wait.
    loading.join(1)
    held_up.may_end.set()
    loading.join()
    assert "=sql:due" in tracked_cache.explain(count).tags
    tracking.close()


def test_a_relay_waits_until_the_applications_first_connection_has_asked(
    held_up: FirstConnection, tracked_cache: Cache
) -> None:
    tracking = track(held_up.engine, tracked_cache)
    assert tracking.relay is not None
    first = threading.Thread(target=lambda: held_up.engine.connect().close())
    first.start()
    assert held_up.begun.wait(30)
    threading.Timer(0.5, held_up.may_end.set).start()
    with closing(RelayConnection(held_up.engine, Wake(), tracking.relay.server_known)) as connection:
        assert connection.run(lambda own: own.dialect.default_schema_name) == "public"
    first.join()
    tracking.close()


def test_a_first_connection_of_the_application_that_fails_leaves_it_to_the_relay(
    held_up: FirstConnection, tracked_cache: Cache
) -> None:
    tracking = track(held_up.engine, tracked_cache)
    assert tracking.relay is not None
    learn = vars(held_up.engine.dialect)["initialize"]

    def fail(_: sa.Connection) -> None:
        raise ConnectionError("gone")

    vars(held_up.engine.dialect)["initialize"] = fail
    with pytest.raises(ConnectionError):
        held_up.engine.connect()
    vars(held_up.engine.dialect)["initialize"] = learn
    held_up.may_end.set()
    with closing(RelayConnection(held_up.engine, Wake(), tracking.relay.server_known)) as connection:
        assert connection.run(lambda own: own.dialect.default_schema_name) == "public"
    tracking.close()
