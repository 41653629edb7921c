"""Slices in a cluster: two releases with different slice columns, whose tags and registrations are on several nodes.

FRESCOR_SQL_STEPS sets how many writes a run makes.
"""

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from releases import RELEASES, Base, Due, Member, Release, queries

from frescor import MISS, Cache
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.slot_wire import Asked
from frescor.sqlalchemy import Tracking, track
from frescor.testing import PrivateCluster

WRITES = int(os.environ.get("FRESCOR_SQL_STEPS", "180")) // 3


class Reader:
    """One release: an engine, its cache, and a cached function of each query."""

    def __init__(self, url: sa.URL, cluster: PrivateCluster, namespace: str, release: str) -> None:
        self.engine = sa.create_engine(url)
        self.cache = Cache.from_url(cluster.url, namespace, key_secret=b"a secret", local=False, timeout=5)
        self.tracking: Tracking = track(self.engine, self.cache, outbox=False, **RELEASES[release])
        every = queries()

        @self.cache.cached(expire=300, key_prefix=release, name=release)
        def sums(name: str) -> tuple[int, int]:
            with self.engine.connect() as connection:
                count, total = connection.execute(every[name]).one()
                return count, int(total)

        self.sums = sums

    def close(self) -> None:
        self.tracking.close()
        self.cache.close()
        self.engine.dispose()


@pytest.fixture
def readers(tmp_path: Path, cluster: PrivateCluster) -> Iterator[list[Reader]]:
    url = sa.engine.make_url(f"sqlite:///{tmp_path / 'test.db'}")
    namespace = f"slices-{uuid.uuid4().hex[:8]}"
    with (
        closing(Reader(url, cluster, namespace, "members")) as one,
        closing(Reader(url, cluster, namespace, "payers")) as other,
    ):
        Base.metadata.create_all(one.engine)
        with one.engine.begin() as connection:
            connection.execute(sa.insert(Member), [{"id": number} for number in range(1, 5)])
            connection.execute(sa.insert(Due), [{"id": n, "member_id": n % 4 + 1, "number": n} for n in range(1, 13)])
        yield [one, other]


def held(reader: Reader) -> dict[str, Any]:
    """What is stored of each query."""
    return {name: found for name in queries() if (found := reader.sums.peek(name)) is not MISS}


def test_a_write_ends_its_slices_and_no_others(readers: list[Reader]) -> None:
    reader = readers[0]
    for _ in range(2):
        # The first load of each column registers it, and depends on the table.
        reader.cache.clear_all()
        for name in queries():
            reader.sums(name)
    assert {"member 1", "member 2", "number 3"} <= held(reader).keys()
    with reader.engine.begin() as connection:
        connection.execute(sa.update(Due).where(Due.member_id == 2).values(stamp=7))
    left = held(reader)
    assert {"member 1", "member 3", "member 4"} <= left.keys()
    assert not {"member 2", "all"} & left.keys()


def test_two_releases_and_losses_of_registrations_leave_no_old_value(readers: list[Reader]) -> None:
    dice = random.Random(5)
    writers = [Release(reader.engine, seed + 1) for seed, reader in enumerate(readers)]
    compared = 0
    for _ in range(WRITES):
        for reader in readers:
            for name in queries():
                if reader.sums.peek(name) is MISS and dice.random() < 0.5:
                    reader.sums(name)
        dice.choice(writers).work(1, [])
        if dice.random() < 0.1:
            store = readers[0].cache.store
            assert isinstance(store, ClusterStore)
            name = store.wire.slices_by_clock
            store._exchange([Asked(name, None, ("UNLINK", name))], "lose")
        for reader in readers:
            for name, value in held(reader).items():
                compared += 1
                assert value == reader.sums.uncached(name), name
    assert compared > WRITES
