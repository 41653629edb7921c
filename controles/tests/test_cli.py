"""The commands that belong to no subject."""

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from flask import Flask

from controles.cli import settings
from controles.settings.config import setting_infos

MakeApp = Callable[..., Flask]


def test_every_setting_is_listed_with_its_default() -> None:
    shown = CliRunner().invoke(settings).output
    for _, info in setting_infos():
        assert f"{info.name}\n    {info.doc}\n    Padrão: {info.shown or 'nenhum'}" in shown


def test_the_tables_are_made_by_a_command_as_often_as_it_is_called(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/novo.db")
    for _ in range(2):
        answer = app.test_cli_runner().invoke(args=["db-upgrade"])
        assert (answer.exit_code, answer.output) == (0, "O banco está atualizado.\n")
    assert app.test_cli_runner().invoke(args=["admin-code"]).exit_code == 0
