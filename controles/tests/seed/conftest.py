"""An application on a database that lives as long as a module, for tests that only read."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from controles import create_app
from controles.db import db
from controles.schema.migrating import upgrade

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def build_app(request: pytest.FixtureRequest) -> Iterator[Callable[[str, Path], Flask]]:
    """Builds an application in a folder on a new, migrated database: "sqlite" or "postgresql"."""
    made: list[Flask] = []

    def build(database: str, folder: Path) -> Flask:
        url = _new_postgres(request) if database == "postgresql" else f"sqlite:///{folder / 'controles.db'}"
        app = create_app(
            {
                "CONTROLES_ENV": "test",
                "DATABASE_URL": url,
                "CONTROLES_DATA": str(folder),
                "LOG_DIR": str(folder / "logs"),
                "REDIS_URL": "memory://",
                "SECRET_KEY": "a-key-that-only-these-tests-use-0123456789",
            }
        )
        upgrade(app)
        made.append(app)
        return app

    yield build
    for app in made:
        with app.app_context():
            db.engine.dispose()


def _new_postgres(request: pytest.FixtureRequest) -> str:
    server: sa.URL = request.getfixturevalue("postgres_server")
    name = f"seeded_{next(_NUMBERS)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)
