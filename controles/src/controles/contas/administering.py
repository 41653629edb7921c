"""What an administrator can do to accounts: block, unblock, end sessions, change the role, reset the access.

Each takes effect at that user's next request, because the login is read from the database every time.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.api.tokens import revoke_tokens_of
from controles.auditoria import audit
from controles.contas import enrolment, lockout, sessions
from controles.contas.keys import account_keys
from controles.contas.models import Papel, Usuario
from controles.contas.passwords import hash_password
from controles.db import MAX_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line
from controles.militantes.models import Nucleo
from controles.services.transaction import transaction
from controles.settings.made_secrets import new_otp_secret, new_password

LONGEST_REASON = 200


def block_user(usuario_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> None:
    """Block this user and end all their logins. Conflict if no administrator could log in afterwards."""
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        reason = _reason(motivo)
        if not usuario.active:
            raise Conflict("Esta conta já está bloqueada.")
        with _an_admin_left(session, usuario):
            usuario.active = False
        sessions.end_all(session, usuario, agora=agora)
        _record(session, "usuario.bloquear", usuario, autor_id, agora, depois={"motivo": reason})


def unblock_user(usuario_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Let a blocked user log in again, with the former password and phone."""
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        if usuario.active:
            raise Conflict("Esta conta não está bloqueada.")
        usuario.active = True
        _record(session, "usuario.desbloquear", usuario, autor_id, agora)


def unlock_user(usuario_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Let this user try again, if attempts by strangers from many networks prevent a login on a new device."""
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        lockout.release(session, usuario.email, key=account_keys().lockout)
        _record(session, "usuario.liberar_tentativas", usuario, autor_id, agora)


def end_sessions(usuario_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """End all logins of this user, who may log in again."""
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        sessions.end_all(session, usuario, agora=agora)
        _record(session, "usuario.encerrar_sessoes", usuario, autor_id, agora)


def revoke_tokens(usuario_id: int, *, autor_id: int | None, agora: dt.datetime) -> int:
    """End all tokens of this user for the API; returns how many there were."""
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        return revoke_tokens_of(session, usuario.id, autor_id=autor_id, agora=agora)


def change_role(
    usuario_id: int, papel: Papel, nucleo_id: int | None, *, autor_id: int | None, agora: dt.datetime
) -> None:
    """Give this user another role or scope; `nucleo_id` None is the whole organisation. Their sessions continue with
    it."""
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        if papel is Papel.ADMIN and nucleo_id is not None:
            raise Invalid("nucleo_id", "A administração é da organização toda; deixe o alcance sem núcleo.")
        if nucleo_id is not None and (not 0 < nucleo_id <= MAX_ID or session.get(Nucleo, nucleo_id) is None):
            raise Invalid("nucleo_id", "Este núcleo não existe; escolha outro.")
        before = {"papel": usuario.papel, "nucleo_id": usuario.nucleo_id}
        after = {"papel": papel, "nucleo_id": nucleo_id}
        if before == after:
            return
        with _an_admin_left(session, usuario):
            usuario.papel, usuario.nucleo_id = papel, nucleo_id
        _record(session, "usuario.mudar_papel", usuario, autor_id, agora, antes=before, depois=after)


def reset_access(usuario_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> str:
    """Create a new password, to be handed over in person; the user enrols a new second factor at the next login. Their
    tokens for the API end.

    The former password ends, too: otherwise somebody who knew only that one could enrol a phone of their own.
    """
    with transaction() as session:
        usuario = _locked(session, usuario_id)
        reason = _reason(motivo)
        password = new_password()
        usuario.password = hash_password(password)
        enrolment.restart(session, usuario, secret=new_otp_secret(), author_id=autor_id, agora=agora)
        revoke_tokens_of(session, usuario_id, autor_id=autor_id, agora=agora)
        _record(session, "usuario.refazer_acesso", usuario, autor_id, agora, depois={"motivo": reason})
    return password


def _locked(session: Session, usuario_id: int) -> Usuario:
    """The user, locked. Changes that could remove the last administrator are serialised."""
    serialise(session.connection(), "contas.administering")
    found = None
    if 0 < usuario_id <= MAX_ID:
        wanted = select(Usuario).where(Usuario.id == usuario_id).with_for_update()
        found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("Usuário não encontrado.")
    return found


@contextmanager
def _an_admin_left(session: Session, usuario: Usuario) -> Iterator[None]:
    """Raise Conflict if what is done within it leaves no administrator who could log in."""
    was_one = usuario.papel is Papel.ADMIN and usuario.active
    yield
    session.flush()
    left = session.scalar(
        select(func.count())
        .select_from(Usuario)
        .where(Usuario.papel == Papel.ADMIN, Usuario.nucleo_id.is_(None), Usuario.active)
    )
    if was_one and not left:
        raise Conflict("É a última conta de administração que pode entrar; dê antes esse papel a outra pessoa.")


def _reason(motivo: str) -> str:
    reason = one_line("motivo", motivo, longest=LONGEST_REASON)
    if reason is None:
        raise Invalid("motivo", "Escreva o motivo; ele fica na auditoria.")
    return reason


def _record(
    session: Session,
    acao: str,
    usuario: Usuario,
    autor_id: int | None,
    agora: dt.datetime,
    *,
    antes: Mapping[str, object] | None = None,
    depois: Mapping[str, object] | None = None,
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="usuario",
        registro_id=usuario.id,
        antes=antes,
        depois=depois,
        usuario_id=autor_id,
        agora=agora,
    )
