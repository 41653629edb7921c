"""Keeps test users out of installations with people's data, and experiments out of their databases."""

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.models import Instalacao
from controles.contas import recovery, sessions
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.contas.totp import OtpSecretUnreadableError
from controles.db import db, serialise
from controles.domain.clock import utc_now
from controles.domain.domain_errors import Conflict
from controles.services.transaction import transaction
from controles.settings.config import ConfigError, Settings
from controles.settings.config_values import Environment
from controles.settings.published import is_published_email, is_published_otp_secret

BLOCK_COMMAND = "flask --app controles block-test-users"


def check_installation(settings: Settings) -> None:
    """Raise ConfigError if settings and database do not belong together.

    In production: if a published test user can log in, or if there are no tables. Elsewhere: if production has been
    started on this database.
    """
    if not settings.production:
        try:
            # This comes before the database is updated, and a production database may be older than this table.
            if inspect(db.engine).has_table(Instalacao.__tablename__):
                refuse_production_database(db.session, settings)
        except Conflict as error:
            raise ConfigError((error.message,)) from None
        return
    if published := [usuario.email for usuario in published_users(db.session)]:
        shown = ", ".join(published[:3]) + (f" e mais {len(published) - 3}" if len(published) > 3 else "")
        raise ConfigError(
            (
                f"DATABASE_URL: o banco tem usuários de teste, com senhas publicadas, que podem entrar ({shown}). "
                f"Bloqueie-os com: {BLOCK_COMMAND}. Se alguém trabalhava com um deles, crie antes outro usuário.",
            )
        )
    _mark(settings)


def refuse_production_database(session: Session, settings: Settings) -> None:
    """Raise Conflict if production has been started on this database, and the settings are for something else."""
    known = session.get(Instalacao, 1)
    if known is not None and known.ambiente == Environment.PRODUCTION and not settings.production:
        raise Conflict(
            f"DATABASE_URL: este banco é de uma instalação em production, e CONTROLES_ENV é {settings.environment}; "
            "nada foi alterado. Defina CONTROLES_ENV=production, ou use outro banco. Se é uma cópia para experimentar, "
            "apague nela a linha da tabela instalacao."
        )


def published_users(session: Session) -> tuple[Usuario, ...]:
    """Users who may log in and have a test user's address or second factor."""
    active = session.scalars(select(Usuario).where(Usuario.active).order_by(Usuario.id))
    return tuple(one for one in active if is_published_email(one.email) or _has_published_secret(one))


def block_published_users() -> tuple[str, ...]:
    """Block these users, remove their password and second factor, and end their logins; returns their addresses."""
    with transaction() as session:
        found = published_users(session)
        for usuario in found:
            usuario.active = False
            usuario.password = usuario.tf_totp_secret = usuario.tf_primary_method = None
            recovery.drop_codes(session, usuario_id=usuario.id)
            sessions.end_all(session, usuario, agora=utc_now())
        for usuario in found:
            audit.record(
                session,
                acao="usuario.bloquear",
                tabela="usuario",
                registro_id=usuario.id,
                depois={"motivo": "usuário de teste publicado"},
                usuario_id=None,
                agora=utc_now(),
            )
        return tuple(usuario.email for usuario in found)


def _has_published_secret(usuario: Usuario) -> bool:
    if usuario.tf_totp_secret is None:
        return False
    try:
        return is_published_otp_secret(account_keys().otp.open(usuario.tf_totp_secret, usuario_id=usuario.id))
    except OtpSecretUnreadableError:
        return False


def _mark(settings: Settings) -> None:
    if db.session.get(Instalacao, 1) is not None:
        return
    with transaction() as session:
        # Several workers may start at once.
        serialise(session.connection(), "contas.installation")
        if session.get(Instalacao, 1) is None:
            session.add(Instalacao(id=1, ambiente=settings.environment.value))
