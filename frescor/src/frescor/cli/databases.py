"""The commands on a database: `outbox create|status`, `triggers install|remove|status`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from frescor.errors import CacheError, PolicyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

F = TypeVar("F", bound=Callable[..., Any])

_OUTBOX = "frescor_outbox"


@contextmanager
def _administering(url: str) -> "Iterator[Connection]":
    """A connection; errors are shown as the command line shows them."""
    try:
        from frescor.sqlalchemy._tracking.administration import administering
    except ImportError as error:
        raise click.ClickException("This needs SQLAlchemy: pip install 'frescor[sqlalchemy]'.") from error
    try:
        with administering(url) as connection:
            yield connection
    except PolicyError as error:
        raise click.UsageError(str(error)) from error
    except CacheError as error:
        raise click.ClickException(str(error)) from error


def _database(command: F) -> F:
    return click.option(
        "--database",
        "url",
        envvar="DATABASE_URL",
        required=True,
        help="Address of the database, such as postgresql+psycopg://user@host/name; or DATABASE_URL.",
    )(command)


def _outbox(command: F) -> F:
    for option in (
        click.option("--outbox-schema", "schema", help="The outbox's schema, if it is not the default one."),
        click.option("--outbox", "outbox", default=_OUTBOX, show_default=True, help="The outbox's table."),
    ):
        command = option(command)
    return command


@click.group("outbox", help="Create or inspect the table in which transactions record what they invalidate.")
def outbox_commands() -> None:
    pass


@outbox_commands.command("create", help="Make the table, if the application's migrations do not.")
@_database
@_outbox
def create(url: str, outbox: str, schema: str | None) -> None:
    with _administering(url) as connection:
        from frescor.sqlalchemy._tracking.administration import create_outbox

        made = create_outbox(connection, outbox, schema)
    click.echo(f"Made {outbox}." if made else f"{outbox} is there already.")


@outbox_commands.command("status", help="Show how many recorded invalidations there are, and how many are pending.")
@_database
@_outbox
def outbox_status(url: str, outbox: str, schema: str | None) -> None:
    with _administering(url) as connection:
        from frescor.sqlalchemy._tracking.administration import outbox_state

        state = outbox_state(connection, outbox, schema)
    waits = f", the oldest for {state.oldest:.1f} s" if state.oldest is not None else ""
    click.echo(f"{state.rows:,} rows are kept; {state.unmarked:,} wait to be applied{waits}.")


@click.group("triggers", help="Let the database report writes that bypass the application.")
def trigger_commands() -> None:
    pass


@trigger_commands.command(
    "install", help="Install triggers on tables, replacing existing ones; without --table, on those that have some."
)
@_database
@click.option("--table", "tables", multiple=True, help="A table, as name or schema.name. Repeatable.")
@click.option(
    "--slice",
    "slices",
    multiple=True,
    metavar="TABLE.COLUMN=KIND",
    help="A column with slices beside the foreign keys, and value, month, day or range(1000). Repeatable.",
)
@click.option("--name", default="", help="The name that the application's `track` gives this database, if any.")
@_outbox
def install(
    url: str, tables: tuple[str, ...], slices: tuple[str, ...], name: str, outbox: str, schema: str | None
) -> None:
    with _administering(url) as connection:
        from frescor.sqlalchemy._tracking.triggers import install_triggers, installed_triggers

        on = tables or installed_triggers(connection)
        declared = _declared(slices)
        done = install_triggers(connection, on, database=name, outbox=outbox, schema=schema, slices=declared)
    click.echo(f"Triggers are on: {', '.join(done)}.")


def _declared(slices: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """The slices that options declare, as `track` takes them."""
    found: dict[str, dict[str, list[str]]] = {}
    for given in slices:
        where, _, kind = given.partition("=")
        table, _, column = where.rpartition(".")
        if not (table and column and kind):
            raise click.BadParameter(f"{given!r} is not TABLE.COLUMN=KIND, such as payment.paid_on=month.")
        found.setdefault(table, {}).setdefault(column, []).append(kind)
    return found


@trigger_commands.command("remove", help="Remove the triggers of these tables; without --table, of all.")
@_database
@click.option("--table", "tables", multiple=True, help="A table, as name or schema.name. Repeatable.")
def remove(url: str, tables: tuple[str, ...]) -> None:
    with _administering(url) as connection:
        from frescor.sqlalchemy._tracking.triggers import remove_triggers

        done = remove_triggers(connection, tables or None)
    click.echo(f"Removed from: {', '.join(done)}." if done else "There were none.")


@trigger_commands.command("status", help="List the tables that have triggers.")
@_database
def trigger_status(url: str) -> None:
    with _administering(url) as connection:
        from frescor.sqlalchemy._tracking.triggers import installed_triggers

        done = installed_triggers(connection)
    click.echo(f"Triggers are on: {', '.join(done)}." if done else "No table has triggers.")
