"""`flask --app controles import-militantes FILE.csv`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from controles.command_line.command_errors import as_sentences
from controles.command_line.terminal import say, visible
from controles.domain.clock import today, utc_now
from controles.importing.faults_report import faults_report
from controles.importing.services import Listener, Resumo, import_militantes, review_militantes


@click.command(
    "import-militantes", short_help="Importa militantes de uma planilha, CSV ou XLSX; sem --commit, só confere."
)
@click.argument("file", metavar="ARQUIVO", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--commit", is_flag=True, help="Grava. Sem esta opção, nada muda: só se mostra o que mudaria.")
@click.option("--valid-only", is_flag=True, help="Com --commit: grava as linhas certas mesmo que haja erradas.")
@click.option(
    "--errors-only",
    "errors_path",
    metavar="ERROS.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Escreve neste arquivo as linhas com erro e os motivos, para corrigir e importar depois.",
)
@with_appcontext
def import_militantes_command(file: Path, commit: bool, valid_only: bool, errors_path: Path | None) -> None:
    """Importa militantes de um CSV ou XLSX: primeiro confere tudo; depois, com --commit, grava.

    Uma das primeiras linhas tem os nomes das colunas; nome e data de filiação são obrigatórias. Uma linha atualiza o
    militante com o mesmo CPF, ou com a mesma matrícula se o nome e o nascimento não discordam; se discordam, é um
    conflito e nada muda até que alguém decida, numa coluna “decisão”. A conferência mostra o antes e o depois de cada
    alteração. Uma célula vazia não apaga o que já está cadastrado.
    """
    if valid_only and not commit:
        raise click.UsageError("--valid-only só faz sentido com --commit.")
    with as_sentences(), _files_as_sentences(), faults_report(errors_path, file) as report:
        with _progress(file, passes=2 if commit else 1) as progress:
            listener = Listener(report.begin, report.add, report.change, report.passed, progress)
            if commit:
                resumo = import_militantes(
                    file, valid_only=valid_only, autor_id=None, agora=utc_now(), hoje=today(), listener=listener
                )
            else:
                resumo = review_militantes(file, hoje=today(), listener=listener)
        # Printed at the end, because a progress bar and lines of text would overwrite each other.
        for sentence in report.sentences():
            say(sentence)
    _conclude(resumo, commit=commit, errors_path=errors_path)


def _conclude(resumo: Resumo, *, commit: bool, errors_path: Path | None) -> None:
    conflitos = f", {resumo.conflitos} conflitos a decidir" if resumo.conflitos else ""
    counts = f"{resumo.novos} novos, {resumo.atualizados} atualizados, {resumo.iguais} iguais, {resumo.erros} erros"
    say(f"{counts}{conflitos}.")
    say(_outcome(resumo, commit=commit))
    if resumo.recusadas and errors_path is not None:
        say(f"As linhas com erro, e os motivos, estão em {errors_path}.")
    elif errors_path is not None:
        say(f"Não há linhas com erro; {errors_path} não foi escrito.")
    if resumo.recusadas:
        click.get_current_context().exit(1)


def _outcome(resumo: Resumo, *, commit: bool) -> str:
    if resumo.gravado:
        return "As linhas certas foram gravadas; as outras, não." if resumo.recusadas else "Tudo foi gravado."
    if not resumo.novos and not resumo.atualizados:
        return "Não há nada a gravar."
    choice = "corrija as linhas com erro, ou repita com --commit --valid-only para gravar só as outras."
    if commit:
        return f"Nada foi gravado, porque há erros: {choice}"
    if resumo.recusadas:
        return f"Nada foi gravado: foi só uma conferência. Para gravar, {choice}"
    return "Nada foi gravado: foi só uma conferência. Para gravar, repita com --commit."


@contextmanager
def _files_as_sentences() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = error.filename or "o arquivo"
        raise click.ClickException(visible(f"Não foi possível ler ou escrever {name} ({error.strerror}).")) from None


@contextmanager
def _progress(file: Path, *, passes: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr; the file is read once to check it, and once more to write it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    size = file.stat().st_size
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("Conferindo", total=size * passes)
        before = done = 0

        def advance(position: int) -> None:
            nonlocal before, done
            if position < before:
                done += size
                shown.update(task, description="Gravando")
            before = position
            shown.update(task, completed=done + position)

        yield advance


COMMANDS = (import_militantes_command,)
