"""What a relay says may be missing from a store."""

import math
import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor._store.base import PossibleLoss
from frescor._store.server.recovery import TELL_WITHIN
from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.sqlalchemy._outbox.relay import Relay

SECOND = 1_000_000


@pytest.fixture
def plain_engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    Outbox().table.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def relay(plain_engine: sa.Engine) -> Iterator[Relay]:
    """One that has looked once, and does so no more by itself: what is written then goes on waiting."""
    with Cache.from_url("memory://", "test") as cache:
        relay = Relay(plain_engine, lambda: cache, Outbox(), poll=60.0)
        relay.start()
        turn, ends = threading.Event(), time.monotonic() + 10
        while relay._watermark_at < 0:
            assert time.monotonic() < ends
            turn.wait(0.005)
        # It has looked for an hour whether something is invalidated that no outbox keeps, and always will.
        assert relay._looks_since is not None
        relay._looks_since -= 3600 * SECOND
        relay._last_look = math.inf
        yield relay
        relay.close()


def test_it_names_what_waits_and_after_a_loss_what_was_marked_since_the_watermark(
    plain_engine: sa.Engine, relay: Relay
) -> None:
    outbox = Outbox()
    with plain_engine.begin() as connection:
        now = outbox.now(connection)
        outbox.write(connection.connection, connection.dialect, ["sql:waits"])
        outbox.mark(connection, [outbox.write(connection.connection, connection.dialect, ["sql:marked"]) or 0])
    assert relay.replay(PossibleLoss(lost=False, watermark=None)) == ("=sql:waits", "=sql:waits#@!")
    assert sorted(relay.replay(PossibleLoss(lost=True, watermark=now)) or ()) == [
        "=sql:marked",
        "=sql:marked#@!",
        "=sql:waits",
        "=sql:waits#@!",
    ]
    # Far enough before it that the margin does not reach it.
    with plain_engine.begin() as connection:
        columns = outbox.table.c
        connection.execute(sa.update(outbox.table).values(applied_at=columns.applied_at - 60 * SECOND))
    assert relay.replay(PossibleLoss(lost=True, watermark=now)) == ("=sql:waits", "=sql:waits#@!")


@pytest.mark.parametrize("watermark", [None, "before the retention", "in the future"])
def test_what_it_cannot_tell_it_does_not_guess(plain_engine: sa.Engine, relay: Relay, watermark: str | None) -> None:
    with plain_engine.connect() as connection:
        now = Outbox().now(connection)
    at = {None: None, "before the retention": now - 600 * SECOND, "in the future": now + 60 * SECOND}[watermark]
    assert relay.replay(PossibleLoss(lost=True, watermark=at)) is None
    assert relay.replay(PossibleLoss(lost=True, watermark=now - 60 * SECOND)) == ()


def test_with_the_clock_stepped_back_it_cannot_tell(plain_engine: sa.Engine, relay: Relay) -> None:
    with plain_engine.connect() as connection:
        now = Outbox().now(connection)
    assert relay.replay(PossibleLoss(lost=True, watermark=now)) == ()
    # As if the database's clock had been ten seconds ahead when it was read last.
    relay._clock.read(now + 10 * SECOND)
    assert relay.replay(PossibleLoss(lost=True, watermark=now)) is None
    assert relay.replay(PossibleLoss(lost=False, watermark=None)) == ()


def test_a_row_that_nobody_can_read_is_not_passed_over(plain_engine: sa.Engine, relay: Relay) -> None:
    with plain_engine.begin() as connection:
        box = Outbox().table
        connection.execute(sa.insert(box).values(id=1, tags="no json", origin="process", created_at=2**50))
    assert relay.replay(PossibleLoss(lost=False, watermark=None)) is None


def test_it_cannot_tell_what_is_missing_once_something_was_invalidated_that_no_outbox_keeps(
    plain_engine: sa.Engine, relay: Relay
) -> None:
    outbox = Outbox()
    with plain_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        now = outbox.now(connection)
        assert relay.replay(PossibleLoss(lost=True, watermark=now)) == ()
        for _ in range(2):
            outbox.declare_unrecorded(connection)
            assert relay.replay(PossibleLoss(lost=True, watermark=now)) is None
            # An outage without a loss loses nothing.
            assert relay.replay(PossibleLoss(lost=False, watermark=None)) == ()
            assert outbox.prune(connection, 600 * SECOND) == 0
            assert outbox.unmarked(connection, 10) == []


def test_it_cannot_tell_where_it_may_have_missed_that_something_is_invalidated_that_no_outbox_keeps(
    plain_engine: sa.Engine, relay: Relay
) -> None:
    with plain_engine.connect() as connection:
        now = Outbox().now(connection)
    loss = PossibleLoss(lost=True, watermark=now)
    assert relay.replay(loss) == ()
    # It began to look after the watermark was set.
    relay._looks_since, since = now + SECOND, relay._looks_since
    assert relay.replay(loss) is None
    relay._looks_since = since
    assert relay.replay(loss) == ()
    # It has not looked for as long as those wait who invalidate.
    relay._last_look = time.monotonic() - TELL_WITHIN - 0.1
    assert relay.replay(loss) is None
