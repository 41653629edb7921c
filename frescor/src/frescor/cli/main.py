"""The `frescor` program: the same commands for any cache whose address and namespace are known."""

import click

from frescor._store.permissions import Topology, acl_rules
from frescor._surface.cache import Cache
from frescor.cli.commands import cache_commands
from frescor.cli.databases import outbox_commands, trigger_commands
from frescor.cli.explaining import explain_command
from frescor.errors import PolicyError


def main() -> None:
    """The entry point."""
    program()


def _option_value(name: str) -> str | None:
    value: str | None = click.get_current_context().find_root().meta.get(f"{__name__}.{name}")
    return value


def _required(name: str) -> str:
    value = _option_value(name)
    if value is None:
        raise click.UsageError(f"Missing option '--{name}'. It has to come before the command.")
    return value


def _cache() -> Cache:
    url, namespace = _required("url"), _required("namespace")
    try:
        return Cache.from_url(url, namespace)
    except PolicyError as error:
        raise click.UsageError(str(error)) from error


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    context.meta[f"{__name__}.{option.name}"] = value


def _option(name: str, envvar: str | None, text: str) -> click.Option:
    return click.Option([name], envvar=envvar, help=text, expose_value=False, callback=_remember)


@click.command("acl")
@click.option("--namespace", "own", help="The namespace that the application gave its cache.")
@click.option("--user", help="Print the line of this user for an ACL file; without it, the rules alone.")
@click.option(
    "--topology",
    type=click.Choice(["server", "sentinel", "cluster"]),
    default="server",
    show_default=True,
    help="One server, one that sentinels name, or the nodes of a cluster: each needs some commands of its own.",
)
def acl(own: str | None, user: str | None, topology: Topology) -> None:
    """Print the ACL rules for the application's user: the keys of its namespace, and only the commands that it needs.

    Add a password to them: ACL SETUSER name on '>password' RULES.
    """
    try:
        rules = acl_rules(own or _required("namespace"), topology)
    except PolicyError as error:
        raise click.UsageError(str(error)) from error
    click.echo(rules if user is None else f"user {user} on {rules}")


program = cache_commands(_cache)
program.name = "frescor"
program.help = "Look at and look after a Frescor cache."
program.params = [
    _option(
        "--url",
        "REDIS_URL",
        "Address of the server, such as redis://localhost:6379/0 or unix:///path/to/socket?db=0; or REDIS_URL.",
    ),
    _option("--namespace", None, "The namespace that the application gave its cache."),
]
program.add_command(acl)
program.add_command(explain_command)
program.add_command(outbox_commands)
program.add_command(trigger_commands)
