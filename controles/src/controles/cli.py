"""The commands of `flask --app controles …`."""

from typing import cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from controles.auditoria import cli as admin_cli
from controles.command_line.command_errors import as_sentences
from controles.commands import cache_commands, rotating
from controles.contas import cli as contas_cli
from controles.contas import users_cli
from controles.copias import cli as copias_cli
from controles.importing import cli as importing_cli
from controles.lembretes import cli as lembretes_cli
from controles.schema import migrating
from controles.seed import cli as seed_cli
from controles.server import production, serve
from controles.settings import settings_page
from controles.settings.config import setting_infos


@click.command("db-upgrade", short_help="Cria ou atualiza as tabelas do banco.")
@with_appcontext
def db_upgrade() -> None:
    """Cria ou atualiza as tabelas do banco."""
    with as_sentences():
        migrating.upgrade(cast(Flask, current_app._get_current_object()))  # type: ignore[attr-defined]
    click.echo("O banco está atualizado.")


@click.command("settings", short_help="Lista as configurações, seus padrões e para que servem.")
@click.option("--markdown", "as_page", is_flag=True, help="Escreve a página docs/configuration.md.")
def settings(as_page: bool) -> None:
    """Lista as configurações, seus padrões e para que servem."""
    if as_page:
        click.echo(settings_page.markdown(), nl=False)
        return
    for _, info in setting_infos():
        click.echo(f"{info.name}\n    {info.doc}\n    Padrão: {info.shown or 'nenhum'}")


def init_app(app: Flask) -> None:
    """Add the commands to `app`."""
    app.cli.add_command(db_upgrade)
    app.cli.add_command(serve.demo)
    app.cli.add_command(production.serve)
    app.cli.add_command(cache_commands.group)
    app.cli.add_command(admin_cli.group)
    app.cli.add_command(rotating.rotate_keys_command)
    app.cli.add_command(users_cli.group)
    app.cli.add_command(lembretes_cli.group)
    app.cli.add_command(copias_cli.group)
    for command in (*contas_cli.COMMANDS, *seed_cli.COMMANDS, *importing_cli.COMMANDS):
        app.cli.add_command(command)
