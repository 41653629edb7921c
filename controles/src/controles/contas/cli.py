"""Commands for the administrator's second factor, and for generating secrets."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import click
import segno
from flask.cli import with_appcontext
from sqlalchemy import select

from controles.command_line.command_errors import as_sentences
from controles.command_line.terminal import say
from controles.contas import enrolment, installation, totp
from controles.contas.accounts import ensure_admin
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.db import db
from controles.domain.clock import utc_now
from controles.services import running
from controles.settings.made_secrets import MODE, new_otp_secret, new_secret_key

PNG_SCALE = 8


@click.command("make-otp-secret", short_help="Cria um valor para ADMIN_OTP_SECRET.")
def make_otp_secret() -> None:
    """Cria um segredo base32 para ADMIN_OTP_SECRET."""
    click.echo(new_otp_secret())


@click.command("make-secret-key", short_help="Cria um valor para SECRET_KEY ou CPF_KEY.")
def make_secret_key() -> None:
    """Cria uma chave para SECRET_KEY ou CPF_KEY."""
    click.echo(new_secret_key())


@click.command("admin-code", short_help="Mostra o código atual da administração (só em desenvolvimento).")
@with_appcontext
def admin_code() -> None:
    """Mostra o código que o autenticador da administração mostraria agora."""
    if running.settings().production:
        raise click.ClickException(
            "Em produção o código só existe no celular. Para cadastrá-lo: flask --app controles admin-qr."
        )
    _, secret = _admin()
    now = utc_now()
    click.echo(f"{totp.code_at(secret, now)}  (vale por mais {totp.seconds_left(now)} s)")


@click.command("admin-qr", short_help="Mostra e salva o código QR do segundo fator da administração.")
@with_appcontext
def admin_qr() -> None:
    """Mostra o código QR da administração no terminal, a chave para digitar, e o salva como imagem."""
    email, secret = _admin()
    code = enrolment.qr_code(secret, account=email)
    click.echo(terminal_qr(code))
    say(f"Conta: {email}\nChave: {totp.spaced(secret)}")
    folders = (running.settings().data, Path.cwd(), Path(tempfile.gettempdir()))
    saved = save_qr(code, folders)
    if saved:
        click.echo("Salvo em: " + ", ".join(str(path) for path in saved))
        click.echo("Quem tem essas imagens pode gerar os códigos: apague-as depois de ler.")
    else:
        click.echo("Nenhuma pasta aceitou as imagens: " + ", ".join(str(folder) for folder in folders), err=True)


@click.command("block-test-users", short_help="Bloqueia os usuários de teste, cujas senhas são publicadas.")
@with_appcontext
def block_test_users() -> None:
    """Bloqueia os usuários de teste publicados; o que registraram fica. A produção só começa sem eles."""
    with as_sentences():
        blocked = installation.block_published_users()
    say(f"Bloqueados: {', '.join(blocked)}." if blocked else "Não há usuários de teste que possam entrar.")


def terminal_qr(code: segno.QRCode) -> str:
    """The QR code in half blocks, with the light border that a camera needs, for dark and light terminals."""
    rows = [list(row) for row in code.matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        # Colours are set explicitly: a camera needs black on white, whatever the terminal's theme.
        cells = "".join(" ▄▀█"[2 * bool(above) + bool(below)] for above, below in zip(upper, lower, strict=True))
        lines.append(f"\x1b[30;107m{cells}\x1b[0m")
    return "\n".join(lines)


def save_qr(code: segno.QRCode, folders: Iterable[Path]) -> tuple[Path, ...]:
    """Save PNG and SVG, readable by their owner only, in the first folder that accepts both; nothing if none does."""
    for folder in folders:
        png, svg = folder / "admin-qr.png", folder / "admin-qr.svg"
        try:
            for path in (png, svg):
                path.unlink(missing_ok=True)
                path.touch(mode=MODE, exist_ok=False)
                code.save(str(path), scale=PNG_SCALE, border=4)
        except OSError:
            continue
        return png, svg
    return ()


def _admin() -> tuple[str, str]:
    """The administrator's address and present secret."""
    ensure_admin(running.settings())
    admin = db.session.scalars(select(Usuario).where(Usuario.email == running.settings().admin_email)).one()
    if admin.tf_totp_secret is None:
        raise click.ClickException("A administração ainda não tem segundo fator; entre uma vez para cadastrá-lo.")
    return admin.email, account_keys().otp.open(admin.tf_totp_secret, usuario_id=admin.id)


COMMANDS = (admin_code, admin_qr, block_test_users)
