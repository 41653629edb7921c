"""What the tests of capture and invalidation share: a tracked database with a cache, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.embedded.binary import ServerBinary
from frescor.sqlalchemy import Tracking, track
from frescor.testing.private_postgres import PrivatePostgres
from private_mariadb import PrivateMariaDB, mariadb_is_there


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[PrivateMariaDB]:
    if not mariadb_is_there():
        pytest.skip("this machine has no MariaDB: apt-get install mariadb-server")
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own; a test that asks for this runs twice."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tracked.db'}"
    server: PrivatePostgres = request.getfixturevalue("postgres_server")
    return server.make_database()


@pytest.fixture
def tracked_cache(emptied: Callable[[ServerBinary | None], str]) -> Iterator[Cache]:
    with Cache.from_url(emptied(None), "test", timeout=5, key_secret=b"a secret") as cache:
        yield cache


Track = Callable[..., Tracking]


@pytest.fixture
def tracker(tracked_cache: Cache) -> Iterator[Track]:
    """Tracks engines for this test."""
    made: list[Tracking] = []

    def start(engine: sa.Engine, **options: object) -> Tracking:
        made.append(track(engine, tracked_cache, **{"outbox": False, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for tracking in made:
        tracking.close()


@pytest.fixture
def engine(database_url: str, tracker: Track) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    tracker(engine)
    yield engine
    engine.dispose()
