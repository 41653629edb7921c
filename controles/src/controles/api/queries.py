"""Reads about tokens; never cached, so that a revoked token is worth nothing from that moment on."""

import datetime as dt

from sqlalchemy import and_, func, select

from controles.api.models import TokenApi, UsoApi
from controles.api.records import Acesso, EstadoToken, LinhaToken, Portador
from controles.api.tokens import digest
from controles.contas.models import Usuario
from controles.db import db


def get_portador(token: str, recurso: str, *, hoje: dt.date, agora: dt.datetime) -> Portador | None:
    """The user of a token; None if it is unknown, expired or revoked, or if the user may not log in.

    One statement, on a separate connection: within the request's transaction everything that is read later would be
    as old as this read.
    """
    wanted = (
        select(
            TokenApi.id,
            TokenApi.usuario_id,
            Usuario.papel,
            Usuario.nucleo_id,
            TokenApi.acessos,
            UsoApi.ultimo_em,
        )
        .join(Usuario, Usuario.id == TokenApi.usuario_id)
        .outerjoin(UsoApi, and_(UsoApi.token_id == TokenApi.id, UsoApi.recurso == recurso, UsoApi.dia == hoje))
        .where(
            TokenApi.digest == digest(token),
            TokenApi.revogado_em.is_(None),
            TokenApi.expira_em > agora,
            Usuario.active,
        )
    )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    token_id, usuario_id, papel, nucleo_id, acessos, ultimo_em = row
    return Portador(
        token_id=token_id,
        usuario_id=usuario_id,
        papel=papel,
        nucleo_id=nucleo_id,
        acessos=_acessos(acessos),
        ultimo_em=ultimo_em,
    )


def list_tokens(usuario_id: int, *, agora: dt.datetime) -> tuple[LinhaToken, ...]:
    """All tokens of this user, those that are valid first, then the newest."""
    last = (
        select(func.max(UsoApi.ultimo_em)).where(UsoApi.token_id == TokenApi.id).correlate(TokenApi).scalar_subquery()
    )
    rows = db.session.execute(
        select(
            TokenApi.id,
            TokenApi.nome,
            TokenApi.acessos,
            TokenApi.criado_em,
            TokenApi.expira_em,
            TokenApi.revogado_em,
            last,
        )
        .where(TokenApi.usuario_id == usuario_id)
        .order_by(TokenApi.id.desc())
        .limit(200)
    )
    lines = [
        LinhaToken(
            id=number,
            nome=nome,
            acessos=tuple(one for one in Acesso if one in _acessos(acessos)),
            estado=_estado(expira_em, revogado_em, agora),
            criado_em=criado_em,
            expira_em=expira_em,
            revogado_em=revogado_em,
            usado_em=usado_em,
        )
        for number, nome, acessos, criado_em, expira_em, revogado_em, usado_em in rows
    ]
    return tuple(sorted(lines, key=lambda line: line.estado is not EstadoToken.VALIDO))


def _acessos(stored: str) -> frozenset[Acesso]:
    return frozenset(Acesso(one) for one in stored.split())


def _estado(expira_em: dt.datetime, revogado_em: dt.datetime | None, agora: dt.datetime) -> EstadoToken:
    if revogado_em is not None:
        return EstadoToken.REVOGADO
    return EstadoToken.EXPIRADO if expira_em <= agora else EstadoToken.VALIDO
