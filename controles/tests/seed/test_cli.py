from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Select, func, select

from controles.contas.models import Usuario
from controles.cotas.models import Cota
from controles.db import db
from controles.militantes.models import Militante
from controles.settings.published import known_users

Run = Callable[..., Result]
Read = Callable[[Select[Any]], object]


@pytest.fixture
def run(make_app: Callable[..., Flask], sqlite_url: str) -> Run:
    """Runs a command of an application on one migrated, empty database."""

    def run(*arguments: str, **overrides: str) -> Result:
        app = make_app(**{"DATABASE_URL": sqlite_url, **overrides})
        return app.test_cli_runner().invoke(args=list(arguments))

    return run


@pytest.fixture
def read(make_app: Callable[..., Flask], sqlite_url: str) -> Read:
    """Asks that database for one value, outside of any context: a command keeps to the application it is called in."""

    def read(statement: Select[Any]) -> object:
        with make_app(DATABASE_URL=sqlite_url).app_context():
            return db.session.scalar(statement)

    return read


def test_seeds_as_of_the_day_that_is_asked_for(run: Run, read: Read) -> None:
    result = run("seed", "--profile", "demo", "--today", "2025-06-15")
    assert result.exit_code == 0, result.output
    assert "300 militantes em 12 núcleos" in result.output
    assert str(read(select(func.max(Cota.competencia)))) == "2025-06-01"


def test_seeds_as_of_today_without_being_asked(run: Run, read: Read) -> None:
    assert run("seed").exit_code == 0
    assert str(read(select(func.max(Cota.competencia)))) == "2026-03-01"


def test_shows_how_far_it_is_on_stderr(run: Run) -> None:
    assert "300/300" in run("seed").stderr


def test_refuses_a_database_with_militantes_unless_told_to_replace(run: Run) -> None:
    assert run("seed").exit_code == 0
    refused = run("seed")
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    assert "0/300" not in refused.output
    assert run("seed", "--replace").exit_code == 0


def test_refuses_a_day_that_is_still_to_come(run: Run) -> None:
    result = run("seed", "--today", "2026-03-18")
    assert result.exit_code == 1
    assert "ainda não chegou" in result.output


@pytest.mark.parametrize("arguments", [("seed",), ("seed", "--replace"), ("seed-users",)])
def test_is_never_done_in_production(run: Run, read: Read, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, CONTROLES_ENV="production")
    assert result.exit_code == 1
    assert "production" in result.output
    assert "nada foi alterado" in result.output
    assert read(select(func.count(Militante.id))) == 0
    assert read(select(func.count(Usuario.id))) == 0


@pytest.mark.parametrize("command", ["seed", "seed-users"])
def test_a_database_without_tables_gets_a_sentence(run: Run, tmp_path: Path, command: str) -> None:
    result = run(command, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert result.exit_code == 1
    assert "db-upgrade" in result.output
    assert "Traceback" not in result.output


def test_prints_every_test_user_whole(run: Run) -> None:
    assert run("seed").exit_code == 0
    result = run("seed-users")
    assert result.exit_code == 0, result.output
    for user in known_users():
        assert user.email in result.output
        assert user.password in result.output
        assert user.totp_secret in result.output
    assert "30 criados" in result.output
    assert "0 criados, 30 já existiam" in run("seed-users").output
