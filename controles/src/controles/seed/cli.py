"""`flask --app controles seed` and `seed-users`."""

import datetime as dt

import click
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from controles.command_line.command_errors import as_sentences
from controles.contas.installation import refuse_production_database
from controles.db import db
from controles.domain import cpf
from controles.domain.clock import today, utc_now
from controles.seed.profiles import PROFILES, Profile
from controles.seed.services import Seeded, seed_database
from controles.seed.users import SeededUser, seed_users
from controles.settings.config import Settings


@click.command("seed", short_help="Enche o banco com dados inventados (só em desenvolvimento).")
@click.option(
    "--profile",
    "name",
    type=click.Choice(tuple(PROFILES)),
    default="demo",
    show_default=True,
    help="Tamanho: demo (300 militantes), small (5 mil), medium (20 mil) ou large (200 mil).",
)
@click.option("--replace", is_flag=True, help="Apaga antes militantes, cotas e pagamentos que já existam.")
@click.option(
    "--today",
    "until",
    type=click.DateTime(("%Y-%m-%d",)),
    metavar="AAAA-MM-DD",
    help="Dia até o qual os dados vão; o padrão é hoje. O mesmo dia dá sempre os mesmos dados.",
)
@with_appcontext
def seed_command(name: str, replace: bool, until: dt.datetime | None) -> None:
    """Enche o banco com uma organização inventada: militantes, cotas e pagamentos. Os nomes e CPFs são fictícios."""
    refuse_in_production("seed inventa militantes")
    hoje = today()
    if until is not None and until.date() > hoje:
        raise click.ClickException(f"--today: {until:%Y-%m-%d} ainda não chegou; use {hoje} ou uma data anterior.")
    with as_sentences():
        seeded = seed_with_progress(PROFILES[name], hoje=until.date() if until else hoje, replace=replace)
    click.echo(
        f"Pronto: {_count(seeded.militantes)} militantes em {_count(seeded.nucleos)} núcleos, "
        f"{_count(seeded.cotas)} cotas e {_count(seeded.pagamentos)} pagamentos."
    )


@click.command("seed-users", short_help="Cria 30 usuários de teste, com senhas conhecidas (só em desenvolvimento).")
@with_appcontext
def seed_users_command() -> None:
    """Cria 30 usuários de teste, de todos os papéis, e mostra suas senhas e segredos. De novo, não muda nada."""
    refuse_in_production("seed-users cria usuários cujas senhas todos conhecem")
    with as_sentences():
        users = seed_users()
    # Wide enough that no secret is divided into two lines when the output goes to a file.
    console = Console() if Console().is_terminal else Console(width=200)
    console.print(_as_table(users))
    created = sum(user.created for user in users)
    click.echo(f"{created} criados, {len(users) - created} já existiam. Só para testes: nunca em produção.")


def refuse_in_production(what: str) -> None:
    """Raise ClickException where there may be real people's data."""
    settings: Settings = current_app.extensions["settings"]
    if settings.production:
        raise click.ClickException(
            f"CONTROLES_ENV é production, e {what}: aqui isso nunca é feito, e nada foi alterado. "
            "Use outra instalação, com CONTROLES_ENV=development e outro DATABASE_URL."
        )
    with as_sentences():
        refuse_production_database(db.session, settings)


def seed_with_progress(profile: Profile, *, hoje: dt.date, replace: bool = False) -> Seeded:
    """Seed, showing the progress on stderr; raises the errors of `seed_database`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        # Shown with the first rows, so that no bar comes before an error.
        task = shown.add_task("Militantes", total=profile.militantes, visible=False)

        def advance(militantes: int) -> None:
            shown.update(task, advance=militantes, visible=True)
            if shown.tasks[task].finished:
                shown.update(task, description="Índices")

        return seed_database(profile, hoje=hoje, agora=utc_now(), vault=cpf.vault(), replace=replace, progress=advance)


def _as_table(users: tuple[SeededUser, ...]) -> Table:
    table = Table(title="Usuários de teste")
    for heading in ("E-mail", "Papel", "Núcleo", "Senha", "Segredo TOTP", ""):
        table.add_column(heading, overflow="fold")
    for user in users:
        scope = user.nucleo or "todos"
        known = "novo" if user.created else "já existia"
        table.add_row(user.email, user.papel.value, scope, user.password, user.totp_secret, known)
    return table


def _count(number: int) -> str:
    return f"{number:,}".replace(",", ".")


COMMANDS = (seed_command, seed_users_command)
