"""Reads about the users, for who administrates them."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.contas.login import is_enrolled
from controles.contas.models import Sessao, Usuario
from controles.contas.records import LinhaUsuario
from controles.db import MAX_ID


def list_users(session: Session, *, length: dt.timedelta, agora: dt.datetime) -> tuple[LinhaUsuario, ...]:
    """Everybody who may log in or could once, by name; `length` is how long a login lasts."""
    return _lines(session, length, agora)


def get_user(session: Session, usuario_id: int, *, length: dt.timedelta, agora: dt.datetime) -> LinhaUsuario | None:
    """None if there is no such user."""
    if not 0 < usuario_id <= MAX_ID:
        return None
    return next(iter(_lines(session, length, agora, usuario_id)), None)


def _lines(
    session: Session, length: dt.timedelta, agora: dt.datetime, usuario_id: int | None = None
) -> tuple[LinhaUsuario, ...]:
    is_open = (Sessao.encerrada_em.is_(None)) & (Sessao.criada_em > agora - length)
    wanted = (
        select(Usuario, func.count(Sessao.id).filter(is_open), func.max(Sessao.criada_em))
        .outerjoin(Sessao, Sessao.usuario_id == Usuario.id)
        .group_by(Usuario.id)
        .order_by(func.lower(Usuario.nome), Usuario.id)
        .execution_options(populate_existing=True)
    )
    if usuario_id is not None:
        wanted = wanted.where(Usuario.id == usuario_id)
    return tuple(
        LinhaUsuario(
            id=usuario.id,
            nome=usuario.nome,
            email=usuario.email,
            papel=usuario.papel,
            nucleo_id=usuario.nucleo_id,
            nucleo=usuario.nucleo.nome if usuario.nucleo else None,
            ativo=usuario.active,
            celular=is_enrolled(usuario),
            sessoes=count,
            ultima_entrada=last,
        )
        for usuario, count, last in session.execute(wanted)
    )
