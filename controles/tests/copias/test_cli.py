"""`backup create`, `check` and `restore`."""

import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.db import db
from controles.militantes.models import Militante


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Where the copy goes, and the file with the passphrase."""
    phrase = tmp_path / "frase"
    phrase.write_text("cavalo correto bateria grampo\n")
    return str(tmp_path / "copia.controles"), str(phrase)


def test_a_copy_is_made_checked_and_restored(sqlite_app: Flask, org: Any, files: tuple[str, str]) -> None:
    copy, phrase = files
    run = sqlite_app.test_cli_runner().invoke
    org.militante("Maria da Silva")
    made = run(args=["backup", "create", copy, "--passphrase-file", phrase])
    assert made.exit_code == 0, made.output
    assert "conferida" in made.output
    assert stat.S_IMODE(Path(copy).stat().st_mode) == 0o600
    assert "1 militantes" in run(args=["backup", "check", copy, "--passphrase-file", phrase]).output
    org.militante("Depois da Cópia")
    refused = run(args=["backup", "restore", copy, "--passphrase-file", phrase])
    assert refused.exit_code == 1
    assert "já tem militantes" in refused.output
    done = run(args=["backup", "restore", copy, "--replace", "--passphrase-file", phrase], input="y\n")
    assert done.exit_code == 0, done.output
    assert "A auditoria confere" in done.output
    db.session.rollback()
    assert db.session.scalars(sa.select(Militante.nome)).all() == ["Maria da Silva"]


def test_what_went_wrong_is_one_sentence_and_leaves_no_file(
    sqlite_app: Flask, files: tuple[str, str], tmp_path: Path
) -> None:
    copy, phrase = files
    run = sqlite_app.test_cli_runner().invoke
    Path(phrase).write_text("curta")
    short = run(args=["backup", "create", copy, "--passphrase-file", phrase])
    assert short.exit_code == 1
    assert "12 caracteres" in short.output
    Path(phrase).write_text("cavalo correto bateria grampo")
    nowhere = run(args=["backup", "create", str(tmp_path / "x" / "y"), "--passphrase-file", phrase])
    assert "Não foi possível escrever" in nowhere.output
    missing = run(args=["backup", "check", str(tmp_path / "nada"), "--passphrase-file", phrase])
    assert "Não foi possível ler" in missing.output
    Path(copy).write_text("qualquer coisa")
    assert "não é uma cópia" in run(args=["backup", "check", copy, "--passphrase-file", phrase]).output
    assert not list(tmp_path.glob("*.parcial"))
