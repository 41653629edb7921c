"""The store in a process's memory: for that process alone, and it says so."""

import logging
import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from frescor import MISS, Cache, PolicyError
from frescor.sqlalchemy import track


@pytest.mark.parametrize("namespace", ["", "my shop", "a:b", "x" * 65, "{a}", "a*", "é"])
def test_names_that_a_servers_store_refuses_are_refused(namespace: str) -> None:
    for url in ("memory://", "redis://localhost"):
        with pytest.raises(PolicyError, match="a namespace is"):
            Cache.from_url(url, namespace)


def test_the_child_of_a_fork_begins_anew_and_says_once_that_it_is_alone(caplog: pytest.LogCaptureFixture) -> None:
    with Cache.from_url("memory://", "test") as cache:
        cache.set("k", 1)
        store = cache.store
        with store._lock:  # type: ignore[attr-defined]  # as another thread of the parent may hold it
            child = os.fork()
            if child == 0:
                with caplog.at_level(logging.WARNING, "frescor"):
                    caplog.clear()
                    found = cache.get("k", MISS), cache.set("k", 2), cache.get("k")
                said = [record for record in caplog.records if "child of a fork" in record.getMessage()]
                os._exit(0 if found == (MISS, True, 2) and len(said) == 1 else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert cache.get("k") == 1


@pytest.mark.parametrize("given", ["a cache", "a function"])
@pytest.mark.parametrize(("where", "warns"), [("file", True), ("memory", False)])
def test_tracking_a_database_that_other_processes_reach_warns_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: str, where: str, warns: bool
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shared.db'}" if where == "file" else "sqlite://")
    with Cache.from_url("memory://", "test") as cache, caplog.at_level(logging.WARNING, "frescor"):
        tracking = track(engine, cache if given == "a cache" else lambda: cache, outbox=False)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x integer)")
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        tracking.close()
    said = [record for record in caplog.records if "in this process alone" in record.getMessage()]
    assert len(said) == warns
    engine.dispose()
