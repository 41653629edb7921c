"""Logins that are under way: a row for each, so that logging out ends it wherever the cookie was copied to."""

import datetime as dt
import hashlib
import secrets

from flask import session as cookie
from flask_security import login_user, logout_user
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controles.contas import devices
from controles.contas.models import Sessao, Usuario
from controles.contas.queries import get_leitor
from controles.contas.records import Leitor
from controles.domain.clock import utc_now

SWEPT_AT_ONCE = 100
_TOKEN = "sid"  # noqa: S105 - the name of a field
# Whose it is: for the logs, which must not ask who this is, and for the cache.
_USER_ID = "usuario_id"
# When it was last used. In the cookie, which is sealed: an old copy of it stays as idle as it was.
_SEEN = "visto"
# How much later than a page was asked for the cookie may say so, at most: a cookie with every answer would let two
# answers that cross each other undo what one of them set.
_COARSE = dt.timedelta(minutes=1)


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
    cookie[_SEEN] = utc_now().timestamp()
    devices.remember(usuario)


def leave(session: Session, *, agora: dt.datetime) -> None:
    """End the login of this browser; the caller commits. The cookie is empty afterwards."""
    token = cookie.get(_TOKEN, "")
    session.execute(update(Sessao).where(Sessao.id == _digest(token)).values(encerrada_em=agora))
    logout_user()
    cookie.clear()


def end_all(session: Session, usuario: Usuario, *, agora: dt.datetime) -> None:
    """End every login of this user; the caller commits."""
    usuario.fs_uniquifier = new_uniquifier()
    session.execute(
        update(Sessao).where(Sessao.usuario_id == usuario.id, Sessao.encerrada_em.is_(None)).values(encerrada_em=agora),
        execution_options={"synchronize_session": False},
    )


def open_sessions(
    session: Session, usuario_id: int, *, length: dt.timedelta, agora: dt.datetime
) -> tuple[dt.datetime, ...]:
    """When each login of this user began that nobody has ended, newest first; some may have been left idle since."""
    wanted = (
        select(Sessao.criada_em)
        .where(Sessao.usuario_id == usuario_id, Sessao.encerrada_em.is_(None), Sessao.criada_em > agora - length)
        .order_by(Sessao.criada_em.desc())
    )
    return tuple(session.scalars(wanted))


def new_uniquifier() -> str:
    """A session version that no cookie has yet."""
    return secrets.token_hex(16)


def load_user(uniquifier: str, *, length: dt.timedelta, idle: dt.timedelta) -> Leitor | None:
    """The user of this browser's login.

    None if it was ended, began longer than `length` ago, was last used longer than `idle` ago, or the user may not come
    in any more.
    """
    token, usuario_id = cookie.get(_TOKEN), cookie.get(_USER_ID)
    if not token or not isinstance(usuario_id, int):
        return None
    agora = utc_now()
    unused = agora - dt.datetime.fromtimestamp(cookie.get(_SEEN, 0.0), dt.UTC)
    if unused >= idle:
        return None
    leitor = get_leitor(usuario_id, _digest(token))
    if leitor is None or leitor.fs_uniquifier != uniquifier or leitor.desde <= agora - length:
        return None
    if unused >= min(_COARSE, idle / 10):
        cookie[_SEEN] = agora.timestamp()
    return leitor


def has_ended() -> bool:
    """Whether this browser's cookie is that of a login; asked where nobody is logged in, so of one that ended."""
    return _TOKEN in cookie


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
