"""The revisions make exactly the tables that the models describe, once, whoever starts first."""

import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria, AuditoriaPonta
from controles.db import db
from controles.domain.clock import utc_now
from controles.schema.migrating import REVISIONS, UnknownRevisionError, upgrade
from controles.schema.tables import metadata

MakeApp = Callable[..., Flask]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def described(engine: sa.Engine) -> dict[str, object]:
    """All that the database knows about its tables, in an order of its own."""
    inspector = sa.inspect(engine)
    tables: dict[str, object] = {}
    for name in inspector.get_table_names():
        if name == "alembic_version":
            continue
        tables[name] = {
            "columns": [{**column, "type": str(column["type"])} for column in inspector.get_columns(name)],
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": sorted(inspector.get_foreign_keys(name), key=str),
            "uniques": sorted(inspector.get_unique_constraints(name), key=str),
            "checks": sorted(inspector.get_check_constraints(name), key=str),
            "indexes": sorted(sql_text(index) for index in inspector.get_indexes(name)),
        }
    return tables


def sql_text(index: Mapping[str, Any]) -> str:
    options = {key: str(value) for key, value in index.get("dialect_options", {}).items()}
    return f"{index['name']} {index['unique']} {index['column_names']} {options}"


def test_alembic_finds_no_difference_between_the_migrated_tables_and_the_models(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrated_tables_equal_those_made_from_the_models_down_to_checks_and_partial_indexes(
    make_app: MakeApp, empty_url: str
) -> None:
    app = make_app(DATABASE_URL=empty_url)
    with app.app_context():
        metadata.create_all(db.engine)
        from_models = described(db.engine)
        metadata.drop_all(db.engine)
    upgrade(app)
    with app.app_context():
        assert described(db.engine) == from_models


def test_upgrading_twice_changes_nothing(make_app: MakeApp, empty_url: str) -> None:
    app = make_app(DATABASE_URL=empty_url)
    upgrade(app)
    with app.app_context():
        before = described(db.engine)
    upgrade(app)
    with app.app_context():
        assert described(db.engine) == before


def test_several_processes_that_start_at_once_all_find_the_tables_made(make_app: MakeApp, empty_url: str) -> None:
    # Each application has connections of its own, as each worker process has.
    apps = [make_app(DATABASE_URL=empty_url) for _ in range(4)]
    together = threading.Barrier(len(apps))

    def start(app: Flask) -> int:
        together.wait()
        upgrade(app)
        with app.app_context():
            return db.session.execute(sa.select(sa.func.count()).select_from(sa.table("alembic_version"))).scalar_one()

    with ThreadPoolExecutor(len(apps)) as pool:
        assert list(pool.map(start, apps)) == [1] * len(apps)


def test_a_failing_revision_leaves_the_database_as_it_was(
    make_app: MakeApp, empty_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "revisions").mkdir()
    (tmp_path / "revisions" / "0001_broken.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        "revision, down_revision, branch_labels, depends_on = '0001', None, None, None\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer))\n"
        "    op.execute('SELECT * FROM nowhere')\n"
    )
    monkeypatch.setattr("controles.schema.migrating.REVISIONS", tmp_path / "revisions")
    app = make_app(DATABASE_URL=empty_url)
    with pytest.raises(sa.exc.DBAPIError):
        upgrade(app)
    with app.app_context():
        assert sa.inspect(db.engine).get_table_names() == []


def test_a_database_of_a_newer_version_is_refused_in_a_sentence(make_app: MakeApp, empty_url: str) -> None:
    app = make_app(DATABASE_URL=empty_url)
    upgrade(app)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
    with pytest.raises(UnknownRevisionError, match="at revision later, which this version"):
        upgrade(app)


def test_foreign_keys_are_enforced_on_sqlite_after_an_upgrade(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'fresh.db'}")
    upgrade(app)
    with app.app_context(), pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.text("INSERT INTO sessao (id, usuario_id, criada_em) VALUES ('x', 7, '2026-01-01')"))


def test_an_audit_from_before_there_were_seals_is_vouched_for(
    make_app: MakeApp, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(DATABASE_URL=empty_url)
    former = tmp_path / "revisions"
    shutil.copytree(REVISIONS, former, ignore=shutil.ignore_patterns("000[5-9]*", "00[1-9]*", "__pycache__"))
    with monkeypatch.context() as patched:
        patched.setattr("controles.schema.migrating.REVISIONS", former)
        upgrade(app)
    with app.app_context(), db.engine.begin() as connection:
        previous = audit.GENESIS
        for number in range(1, 4):
            row = Auditoria(
                id=number, quando=utc_now(), acao="teste", tabela=None, registro_id=None, digest_anterior=previous
            )
            row.antes = row.depois = row.usuario_id = None
            previous = row.digest = audit._digest(row)
            names = ("id", "quando", "acao", "digest_anterior", "digest")
            connection.execute(sa.insert(Auditoria).values({name: getattr(row, name) for name in names}))
        connection.execute(sa.insert(AuditoriaPonta).values(id=1, ultimo_id=3, digest=previous))
    upgrade(app)
    with app.app_context():
        assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=4)
        vouching = db.session.get_one(Auditoria, 4)
        assert (vouching.acao, vouching.depois) == ("auditoria.selar", {"ate": 3})
