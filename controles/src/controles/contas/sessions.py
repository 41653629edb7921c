"""Current logins: a row for each, so that logging out ends it wherever the cookie was copied to."""

import datetime as dt
import hashlib
import secrets

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controles.contas.models import Sessao, Usuario

SWEPT_AT_ONCE = 100


def open_session(session: Session, usuario: Usuario, *, length: dt.timedelta, agora: dt.datetime) -> str:
    """Add the row of a new login and return the token for the cookie. The caller commits, and calls `browser.enter`."""
    # Rows that another login is removing at this moment are left to it.
    old = session.scalars(
        select(Sessao.id)
        .where(Sessao.criada_em < agora - length)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if old:
        session.execute(delete(Sessao).where(Sessao.id.in_(old)), execution_options={"synchronize_session": False})
    token = secrets.token_urlsafe(32)
    session.add(Sessao(id=digest(token), usuario_id=usuario.id, criada_em=agora))
    return token


def end_session(session: Session, token: str, *, agora: dt.datetime) -> None:
    """End the login whose cookie contains `token`; the caller commits."""
    session.execute(update(Sessao).where(Sessao.id == digest(token)).values(encerrada_em=agora))


def end_all(session: Session, usuario: Usuario, *, agora: dt.datetime) -> None:
    """End all logins of this user; the caller commits."""
    usuario.fs_uniquifier = new_uniquifier()
    session.execute(
        update(Sessao).where(Sessao.usuario_id == usuario.id, Sessao.encerrada_em.is_(None)).values(encerrada_em=agora),
        execution_options={"synchronize_session": False},
    )


def open_sessions(
    session: Session, usuario_id: int, *, length: dt.timedelta, agora: dt.datetime
) -> tuple[dt.datetime, ...]:
    """The start of each login of this user that was not ended, newest first; some may have been idle since."""
    wanted = (
        select(Sessao.criada_em)
        .where(Sessao.usuario_id == usuario_id, Sessao.encerrada_em.is_(None), Sessao.criada_em > agora - length)
        .order_by(Sessao.criada_em.desc())
    )
    return tuple(session.scalars(wanted))


def new_uniquifier() -> str:
    """A session version that no cookie has yet."""
    return secrets.token_hex(16)


def digest(token: str) -> bytes:
    """The id of the row for the login whose cookie contains `token`."""
    return hashlib.sha256(token.encode()).digest()
