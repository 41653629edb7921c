"""`flask --app controles audit verify` and `audit tip`."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from controles.auditoria import audit
from controles.auditoria.tips import Tip, parse_tip, tips_in_logs
from controles.command_line.command_errors import as_sentences
from controles.command_line.terminal import say
from controles.db import db
from controles.web.logs import application_logs


@click.group("audit", short_help="Confere a auditoria e mostra a sua ponta.")
def group() -> None:
    """Confere a cadeia da auditoria. A ponta, guardada fora do banco, mostra se linhas foram retiradas do fim."""


@group.command("verify", short_help="Confere linha por linha, e contra pontas guardadas fora do banco.")
@click.option("--tip", "tips", multiple=True, metavar="PONTA", help="Uma ponta guardada, como 1234-0123456789abcdef.")
@click.option(
    "--log",
    "logs",
    multiple=True,
    metavar="ARQUIVO",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Um controles.log guardado em outro lugar; os de LOG_DIR são sempre lidos.",
)
@with_appcontext
def verify(tips: tuple[str, ...], logs: tuple[Path, ...]) -> None:
    """Confere se cada linha da auditoria está lá, selada e como foi escrita. Termina com 1 se não está."""
    try:
        kept = [parse_tip(text) for text in tips]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--tip") from None
    kept += tips_in_logs([*application_logs(current_app.extensions["settings"].log_dir), *logs])
    with as_sentences():
        result = audit.verify_chain(db.session, kept)
    if not result.ok:
        raise click.ClickException(
            f"A auditoria não confere: {result.reason}. As {result.checked} linhas antes disso conferem. "
            "Guarde uma cópia do banco como está e compare com as cópias de segurança."
        )
    say(f"A auditoria confere: {result.checked} linhas{_against(kept)}.")
    if result.tip is not None:
        say(f"Ponta: {result.tip}")


@group.command("tip", short_help="Mostra a ponta, para guardar fora do banco.")
@with_appcontext
def tip() -> None:
    """Mostra a ponta da auditoria sem conferi-la: anote-a onde quem escreve no banco não escreve."""
    with as_sentences():
        present = audit.present_tip(db.session)
    say(str(present) if present else "A auditoria ainda está vazia.")


def _against(kept: list[Tip]) -> str:
    if not kept:
        return ", e não há pontas guardadas com que comparar o fim"
    return f", comparadas com {len(kept)} pontas guardadas fora do banco (a última: {max(one.row_id for one in kept)})"
