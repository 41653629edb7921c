"""`flask --app controles lembretes enviar`: for a timer, or for what a page had no time to send."""

from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from controles.command_line.command_errors import as_sentences
from controles.domain.clock import utc_now
from controles.domain.escopo import Escopo
from controles.lembretes.mail import mailer_of
from controles.lembretes.sending import send_waiting
from controles.organizacao.queries import get_organizacao
from controles.settings.config import Settings


@click.group("lembretes", short_help="Lembretes de contribuições em aberto.")
def group() -> None:
    """Lembretes de contribuições em aberto."""


@group.command("enviar", short_help="Envia os lembretes que esperam a vez.")
@with_appcontext
def send() -> None:
    """Envia por e-mail os lembretes já registrados, cada um uma vez só."""
    settings = cast(Settings, current_app.extensions["settings"])
    with as_sentences():
        done = send_waiting(Escopo(), mailer_of(settings), get_organizacao.uncached(), autor_id=None, clock=utc_now)
    click.echo(
        f"Enviados: {done.enviados}. Recusados: {done.falhas}. Já pagos: {done.cancelados}. "
        f"Ainda na fila: {done.restantes}."
    )
    if done.problema:
        raise click.ClickException(done.problema)
