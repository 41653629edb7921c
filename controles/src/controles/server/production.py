"""`flask --app controles serve`: for installations, in a container or with a service supervisor."""

import signal
import socket
import sys
import time
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError

from controles.command_line.command_errors import as_sentences
from controles.contas.accounts import ensure_admin
from controles.contas.installation import check_installation
from controles.db import db
from controles.schema import migrating
from controles.server.serve import serve_by_workers
from controles.settings.config import Settings

# How long to wait for a database that is starting, and the pause between two attempts, in seconds.
DATABASE_PATIENCE, DATABASE_PAUSE = 60.0, 1.0


@click.command("serve", short_help="Atualiza o banco e atende em HOST e PORT (para produção).")
@with_appcontext
def serve() -> None:
    """Atualiza o banco, confere a administração e atende, com WEB_CONCURRENCY processos, até SIGTERM."""
    # As the first process of a container it would ignore SIGTERM until gunicorn has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way
    settings: Settings = app.extensions["settings"]
    await_database(patience=DATABASE_PATIENCE)
    with as_sentences():
        migrating.upgrade(app)
    # A separate context, so that no transaction stays open for as long as the server runs.
    with app.app_context():
        check_installation(settings)
        ensure_admin(settings)
    listener = listen(settings.host, settings.port)
    click.echo(
        f"Controles atende em http://{settings.host}:{settings.port}, "
        f"com {settings.workers} processos de {settings.threads} threads."
    )
    serve_by_workers(app, listener, workers=settings.workers, threads=settings.threads)


def await_database(*, patience: float) -> None:
    """Return once the database answers; ClickException with the reason if it does not within this many seconds."""
    end, told = time.monotonic() + patience, False
    while True:
        try:
            with db.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except (OperationalError, InterfaceError) as error:
            reason = str(error.orig).strip().splitlines()[0] if error.orig else "sem resposta"
            if time.monotonic() + DATABASE_PAUSE > end:
                raise click.ClickException(
                    f"DATABASE_URL: o banco de dados não respondeu em {patience:.0f} s ({reason}). "
                    "Confira se ele está no ar e se o endereço e a senha estão certos."
                ) from None
            if not told:
                click.echo(f"Esperando o banco de dados: {reason}", err=True)
                told = True
            time.sleep(DATABASE_PAUSE)
        else:
            return


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there and nowhere else; ClickException if that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise click.ClickException(
            f"HOST, PORT: não é possível escutar em {host}, porta {port} ({error.strerror}); escolha outros."
        ) from None
