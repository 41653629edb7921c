"""Logins that are under way: a row for each, so that logging out ends it wherever the cookie was copied to."""

import datetime as dt
import hashlib
import secrets

from flask import session as cookie
from flask_security import login_user, logout_user
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controles.clock import utc_now
from controles.contas import devices
from controles.contas.models import Sessao, Usuario
from controles.contas.queries import get_leitor
from controles.contas.records import Leitor

SWEPT_AT_ONCE = 100
_TOKEN = "sid"  # noqa: S105 - the name of a field
# Whose it is: for the logs, which must not ask who this is, and for the cache.
_USER_ID = "usuario_id"


def open_session(session: Session, usuario: Usuario, *, length: dt.timedelta, agora: dt.datetime) -> str:
    """Add the row of a new login and return what the cookie must carry. The caller commits, then calls `enter`."""
    # A row that another login is sweeping at this moment is left to it.
    old = session.scalars(
        select(Sessao.id)
        .where(Sessao.criada_em < agora - length)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if old:
        session.execute(delete(Sessao).where(Sessao.id.in_(old)), execution_options={"synchronize_session": False})
    token = secrets.token_urlsafe(32)
    session.add(Sessao(id=_digest(token), usuario_id=usuario.id, criada_em=agora))
    return token


def enter(usuario: Usuario, token: str, *, via: str) -> None:
    """Make this browser the one that is logged in. Nothing of what the cookie held before stays."""
    cookie.clear()
    cookie.permanent = True
    login_user(usuario, remember=False, authn_via=["password", via])
    cookie[_TOKEN] = token
    cookie[_USER_ID] = usuario.id
    devices.remember(usuario)


def leave(session: Session, *, agora: dt.datetime) -> None:
    """End the login of this browser; the caller commits. The cookie is empty afterwards."""
    token = cookie.get(_TOKEN, "")
    session.execute(update(Sessao).where(Sessao.id == _digest(token)).values(encerrada_em=agora))
    logout_user()
    cookie.clear()


def end_all(usuario: Usuario) -> None:
    """End every login of this user; the caller commits."""
    usuario.fs_uniquifier = new_uniquifier()


def new_uniquifier() -> str:
    """A session version that no cookie has yet."""
    return secrets.token_hex(16)


def load_user(uniquifier: str, *, length: dt.timedelta) -> Leitor | None:
    """The user of this browser's login, unless it was ended, is too old, or the user may not come in any more."""
    token, usuario_id = cookie.get(_TOKEN), cookie.get(_USER_ID)
    if not token or not isinstance(usuario_id, int):
        return None
    leitor = get_leitor(usuario_id, _digest(token))
    if leitor is None or leitor.fs_uniquifier != uniquifier or leitor.desde <= utc_now() - length:
        return None
    return leitor


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
