"""What users do to their own account and login, each in one transaction. Logging in is in `login.py`."""

import datetime as dt

from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.contas import enrolment, recovery, sessions
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.services.transaction import transaction


def log_out(usuario_id: int, token: str, *, agora: dt.datetime) -> None:
    """End the login whose cookie contains `token`."""
    with transaction() as session:
        sessions.end_session(session, token, agora=agora)
        _record(session, "conta.sair", usuario_id, agora)


def end_other_sessions(usuario: Usuario, *, length: dt.timedelta, agora: dt.datetime) -> str:
    """End all logins of this user and begin a new one; returns the token for its cookie."""
    with transaction() as session:
        sessions.end_all(session, usuario, agora=agora)
        token = sessions.open_session(session, usuario, length=length, agora=agora)
        _record(session, "conta.encerrar_sessoes", usuario.id, agora)
    return token


def renew_codes(usuario_id: int, *, agora: dt.datetime) -> tuple[str, ...]:
    """Ten new recovery codes, which can only be shown now; the former ones are removed."""
    with transaction() as session:
        codes = recovery.renew_codes(session, usuario_id=usuario_id, key=account_keys().recovery[0])
        _record(session, "conta.novos_codigos", usuario_id, agora)
    return codes


def secret_to_enrol(usuario: Usuario) -> str:
    """The secret that waits for its first code; a new one if there is none that can be read."""
    with transaction():
        return enrolment.pending_secret(usuario)


def _record(session: Session, acao: str, usuario_id: int, agora: dt.datetime) -> None:
    audit.record(session, acao=acao, tabela="usuario", registro_id=usuario_id, usuario_id=usuario_id, agora=agora)
