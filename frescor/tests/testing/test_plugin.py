"""The fixtures, in a test run of a user's own."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

TESTS = """
from frescor import Cache

application = Cache.from_url("memory://", "shop")
runs = []

@application.cached(expire=60, key_prefix="dashboard")
def stats():
    runs.append(1)
    return len(runs)

def test_a_cache_of_its_own_is_empty(frescor_cache):
    with application.replaced_by(frescor_cache), frescor_cache.recording() as calls:
        before = len(runs)
        stats(), stats()
        assert len(runs) == before + 1
        assert (calls.hits("dashboard"), calls.misses("dashboard")) == (1, 1)

test_and_so_is_the_next = test_a_cache_of_its_own_is_empty

def test_a_server_of_its_own_is_empty(frescor_server):
    with Cache.from_url(frescor_server.url, "shop", disabled=False) as cache:
        assert cache.get("k") is None
        assert cache.set("k", 1)

test_and_so_is_the_next_server = test_a_server_of_its_own_is_empty
"""


def run(folder: Path, *options: str, **environment: str) -> str:
    (folder / "test_shop.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_shop.py"]
    done = subprocess.run(
        command, cwd=folder, env=dict(os.environ) | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pytest_finds_the_fixtures_where_frescor_is_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"frescor": "frescor.testing.plugin"}


def test_each_test_has_a_cache_and_a_server_of_its_own_in_parallel_and_where_caches_are_off(tmp_path: Path) -> None:
    plugin = () if "pytest11" in _entry_points() else ("-p", "frescor.testing.plugin")
    assert "4 passed" in run(tmp_path, *plugin, "-n", "2", FRESCOR_DISABLED="1")


def _entry_points() -> set[str]:
    from importlib.metadata import distribution

    return {point.group for point in distribution("frescor").entry_points}
