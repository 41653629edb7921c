"""Reads about users: for administrators, and for one's own account. Not cached."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from controles.contas.login import is_enrolled
from controles.contas.models import Sessao, Usuario
from controles.contas.records import LinhaUsuario
from controles.db import MAX_ID, db


def list_users(*, length: dt.timedelta, agora: dt.datetime) -> tuple[LinhaUsuario, ...]:
    """All users, including former ones, by name; `length` is how long a login lasts."""
    return _lines(length, agora)


def get_user(usuario_id: int, *, length: dt.timedelta, agora: dt.datetime) -> LinhaUsuario | None:
    """None if there is no such user."""
    if not 0 < usuario_id <= MAX_ID:
        return None
    return next(iter(_lines(length, agora, usuario_id)), None)


def get_account(usuario_id: int) -> Usuario:
    """The user as it is in the database now, for the steps of `login`; NoResultFound if there is none."""
    return db.session.get_one(Usuario, usuario_id)


def account_of_version(uniquifier: str) -> Usuario | None:
    """The user with this session version, if they may log in."""
    return db.session.scalar(select(Usuario).where(Usuario.fs_uniquifier == uniquifier, Usuario.active.is_(True)))


def _lines(length: dt.timedelta, agora: dt.datetime, usuario_id: int | None = None) -> tuple[LinhaUsuario, ...]:
    is_open = (Sessao.encerrada_em.is_(None)) & (Sessao.criada_em > agora - length)
    wanted = (
        select(Usuario, func.count(Sessao.id).filter(is_open), func.max(Sessao.criada_em))
        .outerjoin(Sessao, Sessao.usuario_id == Usuario.id)
        .options(selectinload(Usuario.nucleo))
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
        for usuario, count, last in db.session.execute(wanted)
    )
