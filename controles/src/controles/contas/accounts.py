"""Creating users, and the administrator that the settings describe."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.models import Instalacao
from controles.contas import enrolment, sessions
from controles.contas.keys import account_keys, digest, remembers
from controles.contas.login import AUTHENTICATOR
from controles.contas.models import Papel, Usuario
from controles.contas.passwords import hash_password, password_fits
from controles.db import db, serialise
from controles.domain.clock import utc_now
from controles.services.transaction import transaction
from controles.settings.config import ConfigError, Settings
from controles.settings.config_values import parse_otp_secret, parse_password
from controles.settings.made_secrets import kept_secret, new_otp_secret, new_password

ADMIN_NAME = "Administração"


@dataclass(frozen=True, slots=True)
class AdminCredentials:
    """What the settings say about the administrator; None for what is missing in production."""

    email: str
    password: str | None
    otp_secret: str | None


def create_user(
    session: Session,
    *,
    email: str,
    nome: str,
    papel: Papel,
    nucleo_id: int | None,
    password: str,
    totp_secret: str | None,
    autor_id: int | None = None,
) -> Usuario:
    """Add a user; the caller commits.

    With a `totp_secret` the second factor counts as confirmed; without one the user enrols it at the first login.
    """
    agora = utc_now()
    usuario = Usuario(
        email=email.strip().lower(),
        nome=nome,
        papel=papel,
        nucleo_id=nucleo_id,
        password=hash_password(password),
        active=True,
        fs_uniquifier=sessions.new_uniquifier(),
        criado_em=agora,
    )
    session.add(usuario)
    session.flush()
    if totp_secret is not None:
        enrolment.set_secret(usuario, totp_secret, confirmed_by=AUTHENTICATOR)
    audit.record(
        session,
        acao="usuario.criar",
        tabela="usuario",
        registro_id=usuario.id,
        depois={"papel": papel, "nucleo_id": nucleo_id},
        usuario_id=autor_id,
        agora=agora,
    )
    return usuario


def admin_credentials(settings: Settings) -> AdminCredentials:
    """What the settings say about the administrator. A development machine generates and keeps what is missing."""
    password, otp_secret = settings.admin_password, settings.admin_otp_secret
    if not settings.production:
        password = password or _kept("ADMIN_PASSWORD", settings.data / "admin-password", new_password, parse_password)
        otp_secret = otp_secret or _kept(
            "ADMIN_OTP_SECRET", settings.data / "admin-otp-secret", new_otp_secret, parse_otp_secret
        )
    return AdminCredentials(settings.admin_email, password, otp_secret)


def ensure_admin(settings: Settings) -> None:
    """Make sure that the administrator described by the settings exists, and apply changed settings once.

    Raises ConfigError if there is no administrator and the settings are not sufficient to create one, if the database
    does not answer, and if it has no tables yet.
    """
    require_tables()
    credentials = admin_credentials(settings)
    if _is_current(db.session.scalar(select(Usuario).where(Usuario.email == credentials.email)), credentials):
        return
    with transaction() as session:
        # Several workers may start at once.
        serialise(session.connection(), "contas.ensure_admin")
        admin = session.scalar(select(Usuario).where(Usuario.email == credentials.email))
        if admin is None:
            _create_admin(session, credentials)
        elif admin.papel is not Papel.ADMIN:
            raise ConfigError(
                (f"ADMIN_EMAIL: {credentials.email} já é de uma conta com outro papel; escolha outro endereço.",)
            )
        else:
            _apply_changes(session, admin, credentials, agora=utc_now())


def _create_admin(session: Session, credentials: AdminCredentials) -> None:
    missing = [
        f"{name}: falta, e ainda não há administração em {credentials.email}; {advice}."
        for name, value, advice in (
            ("ADMIN_PASSWORD", credentials.password, "escolha uma senha longa"),
            ("ADMIN_OTP_SECRET", credentials.otp_secret, "crie um com: flask --app controles make-otp-secret"),
        )
        if value is None
    ]
    if credentials.password is None or credentials.otp_secret is None:
        raise ConfigError(tuple(missing))
    admin = create_user(
        session,
        email=credentials.email,
        nome=ADMIN_NAME,
        papel=Papel.ADMIN,
        nucleo_id=None,
        password=credentials.password,
        totp_secret=None,
    )
    # Not confirmed yet: the first login shows the QR code, once, and asks for a code.
    enrolment.set_secret(admin, credentials.otp_secret)
    _remember(admin, credentials)


def _apply_changes(session: Session, admin: Usuario, credentials: AdminCredentials, *, agora: dt.datetime) -> None:
    keys = account_keys().applied
    password, otp_secret = credentials.password, credentials.otp_secret
    changed = password is not None and not remembers(admin.senha_configurada, password, keys)
    if changed and password is not None and not password_fits(password, admin.password):
        admin.password = hash_password(password)
        sessions.end_all(session, admin, agora=agora)
        audit.record(
            session, acao="conta.mudar_senha", tabela="usuario", registro_id=admin.id, usuario_id=None, agora=agora
        )
    if otp_secret is not None and not remembers(admin.otp_configurado, otp_secret, keys):
        enrolment.restart(session, admin, secret=otp_secret, author_id=None, agora=agora)
    # Even if nothing changed: after a change of keys, the digests must be made with the present one.
    _remember(admin, credentials)


def _is_current(admin: Usuario | None, credentials: AdminCredentials) -> bool:
    """Whether there is nothing to write, as at nearly every start."""
    if admin is None or admin.papel is not Papel.ADMIN:
        return False
    key = account_keys().applied[:1]
    applied = ((admin.senha_configurada, credentials.password), (admin.otp_configurado, credentials.otp_secret))
    return all(value is None or remembers(stored, value, key) for stored, value in applied)


def _remember(admin: Usuario, credentials: AdminCredentials) -> None:
    key = account_keys().applied[0]
    if credentials.password is not None:
        admin.senha_configurada = digest(credentials.password, key)
    if credentials.otp_secret is not None:
        admin.otp_configurado = digest(credentials.otp_secret, key)


def require_tables() -> None:
    """Raise ConfigError if the database does not answer, or has no tables or those of an older version."""
    needed = {Usuario.__tablename__, Instalacao.__tablename__}
    try:
        missing = needed - set(inspect(db.engine).get_table_names())
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else "sem resposta"
        raise ConfigError((f"DATABASE_URL: o banco de dados não respondeu ({reason}).",)) from None
    if missing:
        raise ConfigError(
            ("DATABASE_URL: o banco ainda não tem as tabelas desta versão; rode: flask --app controles db-upgrade.",)
        )


def _kept(name: str, path: Path, make: Callable[[], str], parse: Callable[[str], str]) -> str:
    try:
        return parse(kept_secret(path, make))
    except OSError as error:
        problem = f"{name}: não é possível guardar em {path} ({error.strerror}); defina a variável {name}."
    except ValueError as error:
        problem = f"{name}: o que está em {path} {error}. Ou apague o arquivo."
    raise ConfigError((problem,))
