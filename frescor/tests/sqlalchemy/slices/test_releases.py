"""Releases with different slice columns, one without any and a program with triggers, as processes at the same time.

All of them write to one table and read through one store. After each round of work, when nobody writes, what each
process holds in the cache is compared with the database. FRESCOR_SQL_STEPS sets how many rounds there are, a
fifteenth of it.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import releases
import sqlalchemy as sa

from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.sqlalchemy._tracking.triggers import install_triggers
from frescor.testing import PrivateServer
from waiting import until

STEPS = int(os.environ.get("FRESCOR_SQL_STEPS", "180"))
# Of one or two processes in each round: more would leave nothing to compare, since who does not know a column ends all
# that depends on it.
PER_ROUND = 2
EVERY = [*releases.RELEASES, releases.BY_HAND]


class Process:
    """One release at work."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, releases.__file__, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    releases.Base.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.execute(sa.insert(releases.Member), [{"id": number} for number in releases.NUMBERS])
        connection.execute(
            sa.insert(releases.Due), [{"id": n, "member_id": n % 4 + 1, "number": n} for n in range(1, 13)]
        )
        install_triggers(connection, [releases.Due], slices=releases.TRIGGERED)
    yield engine
    engine.dispose()


def waits(engine: sa.Engine) -> bool:
    """Whether the relays have something to apply."""
    box = Outbox().table
    with engine.connect() as connection:
        waiting = sa.select(sa.func.count()).where(box.c.applied_at.is_(None), box.c.origin != "process")
        return bool(connection.scalar(waiting))


def all_say(processes: Sequence[Process], line: str) -> list[str]:
    """What all of them answer to a line, which they get at the same time."""
    for one in processes:
        one.tell(line)
    return [one.said() for one in processes]


def run(engine: sa.Engine, names: Sequence[str], rounds: int, mistake: str = "") -> tuple[int, dict[str, Any]]:
    """How many values were compared; and the stale ones of the first round that has any, with what explains them."""
    compared, dice = 0, random.Random(len(names))
    with PrivateServer(namespaces=["test"]) as server:
        url = engine.url.render_as_string(hide_password=False)
        processes = [
            Process(url, server.url, name, str(seed + 1), *([mistake] if mistake else []))
            for seed, name in enumerate(names)
        ]
        try:
            assert [one.said() for one in processes] == ["ready"] * len(names)
            for number in range(rounds):
                all_say(processes, "fill")
                at_work = dice.sample(processes, dice.randint(1, 2))
                assert all_say(at_work, f"work {PER_ROUND}") == ["done"] * len(at_work)
                assert until(lambda: not waits(engine), within=30)
                found = [json.loads(line) for line in all_say(processes, "check")]
                compared += sum(one.get("held", 0) for one in found)
                stale = {name: one["stale"] for name, one in zip(names, found, strict=True) if one.get("stale")}
                if stale:
                    worked = [name for name, one in zip(names, processes, strict=True) if one in at_work]
                    again = [json.loads(line) for line in all_say(processes, "check")]
                    return compared, {
                        **stale,
                        "round": number,
                        "worked": worked,
                        "again": again,
                        "rows": last_rows(engine),
                    }
        finally:
            for one in processes:
                one.end()
    return compared, {}


def last_rows(engine: sa.Engine) -> list[Any]:
    """The newest rows of the outbox."""
    box = Outbox().table
    with engine.connect() as connection:
        found = sa.select(box.c.origin, box.c.created_at, box.c.applied_at, box.c.tags).order_by(
            box.c.created_at.desc()
        )
        return [tuple(row) for row in connection.execute(found.limit(12))]


def test_no_release_holds_an_old_value_whatever_the_others_know(engine: sa.Engine) -> None:
    compared, stale = run(engine, EVERY, STEPS // 15)
    assert stale == {}
    assert compared > STEPS / 5


@pytest.mark.parametrize("mistake", ["knows every column"])
def test_a_release_that_believes_to_know_every_column_is_found(engine: sa.Engine, mistake: str) -> None:
    if engine.dialect.name == "postgresql":
        pytest.skip("one database is enough for that")
    _, stale = run(engine, ["members", "payers"], 40, mistake)
    assert stale
