"""Which database an engine leads to."""

from pathlib import Path

import sqlalchemy as sa

from frescor.sqlalchemy._engine.database_id import database_id


def test_databases_are_told_from_each_other_by_name_and_place(tmp_path: Path) -> None:
    def of(url: str, name: str = "") -> str:
        return database_id(sa.create_engine(url), name)

    one = f"sqlite:///{tmp_path}/one.db"
    assert of(one) == of(f"{one}?timeout=1")
    assert len({of(one), of(one, "reports"), of(f"sqlite:///{tmp_path}/two.db")}) == 3
    server = "postgresql+psycopg://ana:secret@host/name"
    assert of(server) == of("postgresql+psycopg://host/name")
    assert len({of(server), of(f"{server}2"), of("postgresql+psycopg://host:1/name")}) == 3
    assert "secret" not in of(server)
