"""`flask --app controles backup create`, `check` and `restore`."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import click
from flask.cli import with_appcontext

from controles.auditoria import audit
from controles.command_line.command_errors import as_sentences
from controles.command_line.terminal import say
from controles.copias.sealing import check_passphrase
from controles.copias.services import MADE, Copia, check_copia, restore_copia, write_copia
from controles.domain.clock import LOCAL_ZONE, utc_now
from controles.services.transaction import transaction
from controles.settings.private_files import open_private_bytes

FILE = click.argument("arquivo", type=click.Path(dir_okay=False, path_type=Path))
PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Um arquivo só com a frase; sem ele, a frase é pedida.",
)


@click.group("backup", short_help="Cópia de segurança do banco: faz, confere e restaura.")
def group() -> None:
    """Cópia de segurança do banco, cifrada com uma frase. Sem a frase ninguém abre a cópia: guarde-a à parte."""


@group.command("create", short_help="Escreve uma cópia e a confere.")
@FILE
@PASSPHRASE
@with_appcontext
def create(arquivo: Path, passphrase_file: Path | None) -> None:
    """Escreve uma cópia do banco em ARQUIVO e a lê de volta inteira."""
    passphrase = _passphrase(passphrase_file, twice=True)
    partial = arquivo.with_name(f"{arquivo.name}.parcial")
    try:
        with as_sentences():
            check_passphrase(passphrase)
            with open_private_bytes(partial) as file:
                written = write_copia(file, passphrase, agora=utc_now())
            with partial.open("rb") as again:
                found = check_copia(again, passphrase)
        if found != written:
            raise click.ClickException("O arquivo lido de volta não é o que foi escrito; confira o disco. Nada ficou.")
        partial.replace(arquivo)
    except OSError as error:
        raise click.ClickException(f"Não foi possível escrever {arquivo}: {error.strerror}. Nada ficou.") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    with as_sentences(), transaction() as session:
        depois = {"linhas": written.total, "por": "comando"}
        audit.record(session, acao=MADE, depois=depois, usuario_id=None, agora=utc_now())
    say(f"Cópia de {written.total} linhas em {arquivo}, conferida. Guarde a frase e as chaves em outro lugar.")


@group.command("check", short_help="Lê uma cópia inteira sem restaurá-la.")
@FILE
@PASSPHRASE
@with_appcontext
def check(arquivo: Path, passphrase_file: Path | None) -> None:
    """Lê ARQUIVO inteiro e diz o que contém. Termina com 1 se falta ou mudou alguma coisa."""
    passphrase = _passphrase(passphrase_file)
    with as_sentences(), _opened(arquivo) as file:
        say(f"A cópia confere: {_said(check_copia(file, passphrase))}.")


@group.command("restore", short_help="Troca o banco pelo conteúdo de uma cópia.")
@FILE
@PASSPHRASE
@click.option("--replace", is_flag=True, help="Também se o banco já tem dados, que são apagados.")
@click.option("--yes", is_flag=True, help="Não pergunta antes de apagar.")
@with_appcontext
def restore(arquivo: Path, passphrase_file: Path | None, *, replace: bool, yes: bool) -> None:
    """Põe no banco o que há em ARQUIVO, ou não muda nada. Todos entram de novo, com os usuários da cópia."""
    if replace and not yes:
        click.confirm("Tudo o que há neste banco será apagado. Continuar?", abort=True)
    passphrase = _passphrase(passphrase_file)
    with as_sentences(), _opened(arquivo) as file:
        found = restore_copia(file, passphrase, replace=replace, agora=utc_now())
    say(f"Restaurado: {_said(found)}. A auditoria confere.")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise click.ClickException(f"Não foi possível ler {path}: {error.strerror}.") from None


def _said(copia: Copia) -> str:
    when = copia.criada_em.astimezone(LOCAL_ZONE)
    people = copia.linhas.get("militante", 0)
    return f"feita em {when:%d/%m/%Y às %H:%M}, {copia.total} linhas, {people} militantes"


def _passphrase(path: Path | None, *, twice: bool = False) -> str:
    if path is not None:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    typed: str = click.prompt("Frase", hide_input=True, confirmation_prompt="De novo" if twice else False)
    return typed
