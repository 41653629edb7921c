"""`flask --app controles demo`: from an empty folder to a running application with a login."""

import errno
import gc
import importlib.util
import os
import socket
import sys
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from controles.command_line.command_errors import as_sentences
from controles.contas import enrolment, totp
from controles.contas.accounts import AdminCredentials, admin_credentials, ensure_admin
from controles.contas.cli import terminal_qr
from controles.contas.installation import check_installation
from controles.db import db
from controles.domain.clock import today, utc_now
from controles.militantes.models import Militante
from controles.schema import migrating
from controles.seed.cli import seed_with_progress
from controles.seed.profiles import PROFILES
from controles.services.cache_service import service_of
from controles.settings.config import Settings

EXAMPLE = "demo"
WORKERS = 2
THREADS = 8
# How many ports after the requested one are tried.
PORTS_TRIED = 20
# Ports that browsers refuse.
BLOCKED_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@click.command("demo", short_help="Prepara tudo com dados de exemplo e abre o Controles nesta máquina.")
@click.option("--host", help="Endereço em que escutar; também HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Porta; também PORT.")
@click.option("--empty", is_flag=True, help="Sem dados de exemplo: uma organização no seu primeiro dia.")
@with_appcontext
def demo(host: str | None, port: int | None, empty: bool) -> None:
    """Prepara o banco, a administração e dados de exemplo, e abre o Controles nesta máquina."""
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way
    settings: Settings = app.extensions["settings"]
    if settings.production:
        raise click.ClickException(
            "demo é para desenvolvimento: mostra a senha. Em produção: flask --app controles serve"
        )
    prepare(app, empty=empty)
    listener = listen(host or settings.host, port or settings.port)
    click.echo(banner(admin_credentials(settings), listener))
    serve(app, listener)


def prepare(app: Flask, *, empty: bool = False) -> None:
    """Tables, the administrator, and example data if there are no members yet and `empty` does not ask for none."""
    settings: Settings = app.extensions["settings"]
    # Separate contexts, so that no transaction stays open for as long as the server runs.
    with app.app_context():
        check_installation(settings)
    with as_sentences():
        migrating.upgrade(app)
    with app.app_context():
        ensure_admin(settings)
    if not empty and db.session.scalar(select(Militante.id).limit(1)) is None:
        click.echo("Primeira vez nesta pasta: criando dados de exemplo…")
        with as_sentences():
            seed_with_progress(PROFILES[EXAMPLE], hoje=today())


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the first free port from `port` on; ClickException if none is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        if candidate in BLOCKED_PORTS:
            continue
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                continue
            raise click.ClickException(f"HOST: não é possível escutar em {host} ({error.strerror}).") from None
        if candidate != port:
            why = "é recusada pelos navegadores" if port in BLOCKED_PORTS else "está ocupada"
            click.echo(f"A porta {port} {why}; usando a {candidate}. Para escolher outra: PORT=8000 make run")
        return listener
    raise click.ClickException(
        f"As portas de {port} a {port + PORTS_TRIED - 1} estão ocupadas em {host}. Escolha outra: PORT=8000 make run"
    )


def banner(admin: AdminCredentials, listener: socket.socket) -> str:
    """What a new user needs to log in."""
    host, port = listener.getsockname()[:2]
    now = utc_now()
    secret = admin.otp_secret or ""
    lines = [
        "",
        terminal_qr(enrolment.qr_code(secret, account=admin.email)),
        "",
        f"  Controles está em   http://{f'[{host}]' if ':' in host else host}:{port}",
        f"  E-mail              {admin.email}",
        f"  Senha               {admin.password}",
        f"  Código agora        {totp.code_at(secret, now)} (vale por mais {totp.seconds_left(now)} s)",
        "",
        "  Leia o código QR com um aplicativo autenticador, ou peça outro código com:",
        "  CONTROLES_ENV=development .venv/bin/flask --app controles admin-code",
        "  Para parar: Ctrl+C",
    ]
    if host not in _LOOPBACK:
        lines.append("  Atenção: outras máquinas da rede alcançam este endereço.")
    return "\n".join([*lines, ""])


def serve(app: Flask, listener: socket.socket) -> None:
    """Answer requests until Ctrl+C."""
    if importlib.util.find_spec("gunicorn") is None or sys.platform == "win32":
        _serve_here(app, listener)
        return
    serve_by_workers(app, listener, workers=WORKERS, threads=THREADS)


def serve_by_workers(app: Flask, listener: socket.socket, *, workers: int, threads: int) -> None:
    """Answer requests until SIGTERM or Ctrl+C, with processes forked from this one. Ends the process."""
    # Each process would have its own memory cache, and they would show different numbers.
    if not _cache_is_shared(app):
        workers = 1
    # Everything is imported, for all workers. What they must not share is closed here.
    db.session.close()
    db.engine.dispose()
    service_of(app).close()
    # Objects that exist now stay: the workers share their memory, and the garbage collector need not search them.
    gc.freeze()
    sys.stdout.flush()
    # Already read by the settings; gunicorn's own parser fails for an empty value.
    os.environ.pop("WEB_CONCURRENCY", None)

    from controles.server.gunicorn_server import Server

    Server(listener, workers=workers, threads=threads).run()


def _cache_is_shared(app: Flask) -> bool:
    settings: Settings = app.extensions["settings"]
    if settings.redis_url is not None:
        return not settings.redis_url.startswith("memory:")
    # Opening it finds out whether a server can be embedded here.
    _ = service_of(app).cache
    return "embedded_server" in app.extensions


def _serve_here(app: Flask, listener: socket.socket) -> None:
    from werkzeug.serving import make_server

    click.echo("  (gunicorn não roda aqui; usando o servidor simples, que basta para experimentar)")
    host, port = listener.getsockname()[:2]
    server = make_server(host, port, app, threaded=True, fd=listener.fileno())
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.shutdown()
