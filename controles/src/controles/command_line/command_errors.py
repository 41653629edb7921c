"""How a command fails: with one sentence and exit code 1, never a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from controles.command_line.terminal import visible
from controles.domain.domain_errors import DomainError


@contextmanager
def as_sentences() -> Iterator[None]:
    """Turn errors of the domain and the database into a ClickException."""
    try:
        yield
    except DomainError as error:
        raise click.ClickException(visible(error.message)) from None
    except (OperationalError, ProgrammingError) as error:
        raise click.ClickException(visible(_sentence(error))) from None


def _sentence(error: OperationalError | ProgrammingError) -> str:
    lines = str(error.orig).strip().splitlines() or [""]
    reason = lines[0]
    if "no such table" in reason or "does not exist" in reason:
        return (
            "O banco ainda não tem as tabelas desta versão; rode: flask --app controles db-upgrade. Nada foi alterado."
        )
    if "locked" in reason:
        return "Outro processo está escrevendo neste banco e não terminou a tempo. Nada foi alterado; tente de novo."
    return f"O banco de dados não completou a operação ({reason}). Nada foi alterado; confira DATABASE_URL e o disco."
