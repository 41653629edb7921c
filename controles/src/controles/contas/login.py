"""The steps of logging in: the password, then a code. Each attempt is counted, and each result audited."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.contas import lockout, recovery, sessions, totp
from controles.contas.keys import account_keys
from controles.contas.lockout import Counter, Origin
from controles.contas.models import Usuario
from controles.contas.passwords import hash_password, password_fits
from controles.db import db
from controles.services import running
from controles.services.transaction import transaction
from controles.settings.published import is_published_password

AUTHENTICATOR = "authenticator"


class Factor(StrEnum):
    """What somebody has shown, also as the audit names it."""

    PASSWORD = "senha"  # noqa: S105 - a name
    CODE = "codigo"
    RECOVERY_CODE = "codigo_recuperacao"


@dataclass(frozen=True, slots=True)
class Refused:
    """Wrong, or not checked because the next attempt is only allowed at `locked_until`."""

    locked_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Passed:
    """The password was right."""

    usuario: Usuario


@dataclass(frozen=True, slots=True)
class Complete:
    """Both factors were right; `token` is for the cookie."""

    usuario: Usuario
    token: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The second factor is confirmed and the login complete; the recovery codes are shown only now."""

    usuario: Usuario
    token: str
    codes: tuple[str, ...]


def is_enrolled(usuario: Usuario) -> bool:
    """Whether a code has confirmed this user's second factor."""
    return usuario.tf_primary_method == AUTHENTICATOR and usuario.tf_totp_secret is not None


def check_password(email: str, password: str, *, origin: Origin, agora: dt.datetime) -> Passed | Refused:
    """Check the first factor. The answer, the work and the counting do not depend on whether the address has a user."""
    attempt, counters = _count(email, origin, code=False, agora=agora)
    if not attempt.allowed:
        return Refused(attempt.locked_until)
    usuario = db.session.scalar(select(Usuario).where(Usuario.email == email.strip().lower()))
    fits = password_fits(password, usuario.password if usuario else None)
    # A start refuses the test users, but it cannot try their passwords on all others.
    if (
        usuario is None
        or not fits
        or not usuario.active
        or (running.settings().production and is_published_password(password))
    ):
        return _refuse(usuario, Factor.PASSWORD, attempt, agora=agora)
    with transaction() as session:
        lockout.give_back(session, counters)
    return Passed(usuario)


def check_code(
    usuario: Usuario, code: str, *, length: dt.timedelta, origin: Origin, agora: dt.datetime
) -> Complete | Refused:
    """Check an authenticator's code. Each code is accepted once, in whichever of several requests comes first."""
    attempt, counters = _count(usuario.email, origin, code=True, agora=agora)
    if not attempt.allowed:
        return Refused(attempt.locked_until)
    secret = _secret(usuario)
    step = totp.matching_step(secret, code, agora=agora)
    with transaction() as session:
        if step is not None and _use_step(session, usuario.id, step):
            # A secret sealed by a former key gets the seal of the present one.
            usuario.tf_totp_secret = account_keys().otp.seal(secret, usuario_id=usuario.id)
            return _complete(session, usuario, counters, Factor.CODE, length=length, agora=agora)
    return _refuse(usuario, Factor.CODE, attempt, agora=agora)


def check_recovery_code(
    usuario: Usuario, code: str, *, length: dt.timedelta, origin: Origin, agora: dt.datetime
) -> Complete | Refused:
    """Check a recovery code; a right one is used up."""
    attempt, counters = _count(usuario.email, origin, code=True, agora=agora)
    if not attempt.allowed:
        return Refused(attempt.locked_until)
    keys = account_keys().recovery
    with transaction() as session:
        if recovery.use_code(session, code, usuario_id=usuario.id, keys=keys, agora=agora):
            return _complete(session, usuario, counters, Factor.RECOVERY_CODE, length=length, agora=agora)
    return _refuse(usuario, Factor.RECOVERY_CODE, attempt, agora=agora)


def confirm_enrolment(
    usuario: Usuario, code: str, *, length: dt.timedelta, origin: Origin, agora: dt.datetime
) -> Enrolled | Refused:
    """Check the first code of a new second factor; a right one enrols the user and completes the login."""
    attempt, counters = _count(usuario.email, origin, code=True, agora=agora)
    if not attempt.allowed:
        return Refused(attempt.locked_until)
    step = totp.matching_step(_secret(usuario), code, agora=agora)
    with transaction() as session:
        if step is not None and _use_step(session, usuario.id, step):
            usuario.tf_primary_method = AUTHENTICATOR
            codes = recovery.renew_codes(session, usuario_id=usuario.id, key=account_keys().recovery[0])
            _audit(session, "conta.segundo_fator", usuario.id, {}, author_id=usuario.id, agora=agora)
            done = _complete(session, usuario, counters, Factor.CODE, length=length, agora=agora)
            return Enrolled(usuario, done.token, codes)
    return _refuse(usuario, Factor.CODE, attempt, agora=agora)


def check_both(usuario: Usuario, password: str, code: str, *, origin: Origin, agora: dt.datetime) -> Passed | Refused:
    """Check both factors of somebody who is logged in; `code` is the authenticator's or a recovery code.

    A session can be stolen, and a password can be known to somebody else: neither alone may change how the user logs
    in.
    """
    first = check_password(usuario.email, password, origin=origin, agora=agora)
    if isinstance(first, Refused):
        return first
    attempt, counters = _count(usuario.email, origin, code=True, agora=agora)
    if not attempt.allowed:
        return Refused(attempt.locked_until)
    factor = Factor.CODE if _looks_like_totp(code) else Factor.RECOVERY_CODE
    with transaction() as session:
        if _use_code(session, usuario, code, factor, agora=agora):
            lockout.give_back(session, counters)
            _audit(session, "conta.confirmar", usuario.id, {"com": factor.value}, author_id=usuario.id, agora=agora)
            return Passed(usuario)
    return _refuse(usuario, factor, attempt, agora=agora)


def _looks_like_totp(code: str) -> bool:
    return len(code) == totp.DIGITS and code.isascii() and code.isdigit()


def _use_code(session: Session, usuario: Usuario, code: str, factor: Factor, *, agora: dt.datetime) -> bool:
    if factor is Factor.RECOVERY_CODE:
        return recovery.use_code(session, code, usuario_id=usuario.id, keys=account_keys().recovery, agora=agora)
    step = totp.matching_step(_secret(usuario), code, agora=agora)
    return step is not None and _use_step(session, usuario.id, step)


def replace_factor(
    usuario: Usuario,
    new_secret: str,
    code: str,
    *,
    version: str,
    length: dt.timedelta,
    origin: Origin,
    agora: dt.datetime,
) -> Enrolled | Refused:
    """Replace the present secret by `new_secret` once `code`, the first code of the new one, is right.

    This ends all other logins; this one continues. Refused if the logins of `version` were ended meanwhile.
    """
    attempt, counters = _count(usuario.email, origin, code=True, agora=agora)
    if not attempt.allowed:
        return Refused(attempt.locked_until)
    step = totp.matching_step(new_secret, code, agora=agora)
    with transaction() as session:
        session.refresh(usuario, with_for_update=True)
        if step is not None and usuario.active and usuario.fs_uniquifier == version:
            usuario.tf_totp_secret = account_keys().otp.seal(new_secret, usuario_id=usuario.id)
            usuario.tf_primary_method = AUTHENTICATOR
            usuario.totp_last_counter = step
            codes = recovery.renew_codes(session, usuario_id=usuario.id, key=account_keys().recovery[0])
            sessions.end_all(session, usuario, agora=agora)
            _audit(session, "conta.trocar_segundo_fator", usuario.id, {}, author_id=usuario.id, agora=agora)
            done = _complete(session, usuario, counters, Factor.CODE, length=length, agora=agora)
            return Enrolled(usuario, done.token, codes)
    return _refuse(usuario, Factor.CODE, attempt, agora=agora)


def replace_password(usuario: Usuario, password: str, *, length: dt.timedelta, agora: dt.datetime) -> Complete:
    """Replace the password of somebody who has shown both factors. Ends all other logins; this one continues."""
    with transaction() as session:
        session.refresh(usuario, with_for_update=True)
        usuario.password = hash_password(password)
        sessions.end_all(session, usuario, agora=agora)
        token = sessions.open_session(session, usuario, length=length, agora=agora)
        _audit(session, "conta.mudar_senha", usuario.id, {}, author_id=usuario.id, agora=agora)
    return Complete(usuario, token)


def _secret(usuario: Usuario) -> str:
    if usuario.tf_totp_secret is None:
        raise ValueError(f"User {usuario.id} has no second factor yet; ask is_enrolled first.")
    return account_keys().otp.open(usuario.tf_totp_secret, usuario_id=usuario.id)


def _count(
    email: str, origin: Origin, *, code: bool, agora: dt.datetime
) -> tuple[lockout.Attempt, tuple[Counter, ...]]:
    counters = lockout.counters_of(email, origin, code=code, key=account_keys().lockout)
    # Committed before anything is checked: if the process dies, the attempt still counts.
    with transaction() as session:
        return lockout.count_attempt(session, counters, agora=agora), counters


def _use_step(session: Session, usuario_id: int, step: int) -> bool:
    # Compared and set in one statement: of two requests with the same code, the second finds the step used.
    used = session.execute(
        update(Usuario)
        .where(
            Usuario.id == usuario_id,
            or_(Usuario.totp_last_counter.is_(None), Usuario.totp_last_counter < step),
        )
        .values(totp_last_counter=step)
        .returning(Usuario.id),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    return used is not None


def _complete(
    session: Session,
    usuario: Usuario,
    counters: Sequence[Counter],
    factor: Factor,
    *,
    length: dt.timedelta,
    agora: dt.datetime,
) -> Complete:
    lockout.forget(session, counters, agora=agora)
    token = sessions.open_session(session, usuario, length=length, agora=agora)
    _audit(session, "conta.entrar", usuario.id, {"com": factor.value}, author_id=usuario.id, agora=agora)
    return Complete(usuario, token)


def _refuse(usuario: Usuario | None, factor: Factor, attempt: lockout.Attempt, *, agora: dt.datetime) -> Refused:
    # It is unknown who typed it, so there is no author; the record is the account that was tried.
    registro_id = usuario.id if usuario else None
    with transaction() as session:
        _audit(session, "conta.falha", registro_id, {"com": factor.value}, author_id=None, agora=agora)
        if attempt.locked_until is not None:
            depois = {"ate": attempt.locked_until}
            _audit(session, "conta.bloqueio", registro_id, depois, author_id=None, agora=agora)
    return Refused(attempt.locked_until)


def _audit(
    session: Session,
    acao: str,
    registro_id: int | None,
    depois: Mapping[str, object],
    *,
    author_id: int | None,
    agora: dt.datetime,
) -> None:
    audit.record(
        session, acao=acao, tabela="usuario", registro_id=registro_id, depois=depois, usuario_id=author_id, agora=agora
    )
