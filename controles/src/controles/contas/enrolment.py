"""Giving a user a second factor: a secret that waits for its first code, and its QR code."""

import datetime as dt
import io

import segno
from markupsafe import Markup
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.contas import recovery, sessions, totp
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.contas.totp import OtpSecretUnreadableError
from controles.settings.made_secrets import new_otp_secret


def set_secret(usuario: Usuario, secret: str, *, confirmed_by: str | None = None) -> None:
    """Store a secret for a user who has an id. Unless it is already confirmed, it waits for its first code."""
    usuario.tf_totp_secret = account_keys().otp.seal(secret, usuario_id=usuario.id)
    usuario.tf_primary_method = confirmed_by
    usuario.totp_last_counter = None


def pending_secret(usuario: Usuario) -> str:
    """The secret that waits for its first code; a new one if there is none that can be read. The caller commits."""
    if usuario.tf_totp_secret is not None:
        try:
            return account_keys().otp.open(usuario.tf_totp_secret, usuario_id=usuario.id)
        except OtpSecretUnreadableError:
            # It was never confirmed, so nobody depends on it.
            usuario.tf_totp_secret = None
    secret = new_otp_secret()
    set_secret(usuario, secret)
    return secret


def restart(session: Session, usuario: Usuario, *, secret: str, author_id: int | None, agora: dt.datetime) -> None:
    """Remove the second factor and its recovery codes, and end all logins; `secret` waits for its first code."""
    set_secret(usuario, secret)
    recovery.drop_codes(session, usuario_id=usuario.id)
    sessions.end_all(session, usuario, agora=agora)
    audit.record(
        session,
        acao="conta.refazer_segundo_fator",
        tabela="usuario",
        registro_id=usuario.id,
        usuario_id=author_id,
        agora=agora,
    )


def qr_code(secret: str, *, account: str) -> segno.QRCode:
    """The QR code that an authenticator reads."""
    return segno.make(totp.otpauth_uri(secret, account=account), error="m", micro=False)


def qr_svg(code: segno.QRCode, *, label: str) -> Markup:
    """The code as a drawing within a page, dark on light whatever the page's colours are."""
    buffer = io.BytesIO()
    code.save(
        buffer, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=4, dark="#000", light="#fff", title=label
    )
    return Markup(buffer.getvalue().decode("utf-8"))  # noqa: S704 - segno escapes the title, the rest is its own
