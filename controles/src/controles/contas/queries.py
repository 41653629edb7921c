"""Reads about logins, and about invitations to one."""

import datetime as dt

from sqlalchemy import ColumnElement, bindparam, select

from controles.contas import recovery, sessions
from controles.contas.inviting import digest, is_waiting, may_invite
from controles.contas.models import Convite, Sessao, Usuario
from controles.contas.records import EstadoConvite, Leitor, LinhaConvite
from controles.db import MAX_ID, db
from controles.militantes.models import Nucleo

# Built once: every request asks it.
_LOGIN = (
    select(
        Usuario.id,
        Usuario.email,
        Usuario.nome,
        Usuario.papel,
        Usuario.nucleo_id,
        Usuario.fs_uniquifier,
        Sessao.criada_em.label("desde"),
    )
    .join(Sessao, Sessao.usuario_id == Usuario.id)
    .where(
        Sessao.id == bindparam("sessao"),
        Sessao.encerrada_em.is_(None),
        Usuario.id == bindparam("usuario"),
        Usuario.active,
    )
)


def get_leitor(usuario_id: int, sessao_id: bytes) -> Leitor | None:
    """The user of this login; None if it was ended or is another user's, or if the user may no longer log in.

    Read from the database at every request: somebody with the cache's password could restore an older answer, and with
    it a login that was ended. One statement, by two keys, on a separate connection: within the request's transaction
    everything that the page reads later would be as old as this read.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(_LOGIN, {"sessao": sessao_id, "usuario": usuario_id}).one_or_none()
    return None if row is None else Leitor(**row._mapping)


def get_codes_left(usuario_id: int) -> int:
    """How many recovery codes are unused."""
    return recovery.codes_left(db.session, usuario_id=usuario_id)


def list_sessions(usuario_id: int, *, length: dt.timedelta, agora: dt.datetime) -> tuple[dt.datetime, ...]:
    """The start of each login of this user that was not ended, newest first."""
    return sessions.open_sessions(db.session, usuario_id, length=length, agora=agora)


def list_convites(*, agora: dt.datetime, limit: int = 200) -> tuple[LinhaConvite, ...]:
    """The newest invitations, those that wait first."""
    return tuple(sorted(_convites(agora, limit=limit), key=lambda one: one.estado is not EstadoConvite.A_ESPERA))


def get_convite(convite_id: int, *, agora: dt.datetime) -> LinhaConvite | None:
    """None if there is none."""
    return next(iter(_convites(agora, Convite.id == convite_id)), None) if 0 < convite_id <= MAX_ID else None


def waiting_convite(token: str, *, agora: dt.datetime) -> LinhaConvite | None:
    """The invitation of a link; None if the link is worth nothing."""
    return next(iter(_convites(agora, Convite.digest == digest(token), is_waiting(agora))), None)


def _convites(agora: dt.datetime, *conditions: ColumnElement[bool], limit: int = 1) -> tuple[LinhaConvite, ...]:
    rows = db.session.execute(
        select(Convite, Nucleo.nome, Usuario.nome, may_invite())
        .outerjoin(Nucleo, Nucleo.id == Convite.nucleo_id)
        .outerjoin(Usuario, Usuario.id == Convite.criado_por_id)
        .where(*conditions)
        .order_by(Convite.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return tuple(
        LinhaConvite(
            id=convite.id,
            nome=convite.nome,
            email=convite.email,
            papel=convite.papel,
            nucleo=nucleo,
            estado=_estado(convite, agora, valid=valid),
            criado_em=convite.criado_em,
            criado_por=autor,
            expira_em=convite.expira_em,
            usuario_id=convite.usuario_id,
        )
        for convite, nucleo, autor, valid in rows
    )


def _estado(convite: Convite, agora: dt.datetime, *, valid: bool) -> EstadoConvite:
    if convite.aceito_em is not None:
        return EstadoConvite.ACEITO
    if convite.cancelado_em is not None:
        return EstadoConvite.CANCELADO
    if convite.expira_em <= agora:
        return EstadoConvite.EXPIRADO
    return EstadoConvite.A_ESPERA if valid else EstadoConvite.SEM_EFEITO
