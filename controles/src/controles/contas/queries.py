"""Reads about logins."""

import datetime as dt

from sqlalchemy import select

from controles.contas import recovery, sessions
from controles.contas.models import Sessao, Usuario
from controles.contas.records import Leitor
from controles.db import db


def get_leitor(usuario_id: int, sessao_id: bytes) -> Leitor | None:
    """The user of this login; None if it was ended or is another user's, or if the user may no longer log in.

    Read from the database at every request: somebody with the cache's password could restore an older answer, and with
    it a login that was ended. One statement, by two keys, on a separate connection: within the request's transaction
    everything that the page reads later would be as old as this read.
    """
    login = (
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
        .where(Sessao.id == sessao_id, Sessao.encerrada_em.is_(None), Usuario.id == usuario_id, Usuario.active)
    )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(login).one_or_none()
    return None if row is None else Leitor(**row._mapping)


def get_codes_left(usuario_id: int) -> int:
    """How many recovery codes are unused."""
    return recovery.codes_left(db.session, usuario_id=usuario_id)


def list_sessions(usuario_id: int, *, length: dt.timedelta, agora: dt.datetime) -> tuple[dt.datetime, ...]:
    """The start of each login of this user that was not ended, newest first."""
    return sessions.open_sessions(db.session, usuario_id, length=length, agora=agora)
