"""Reads of the register of requests. Not cached: it is short, and read seldom."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import ColumnElement, func, select

from controles.db import MAX_BIG_ID, MAX_ID, db
from controles.domain.escopo import Escopo
from controles.militantes.scope import owner_in_scope
from controles.privacidade.models import SolicitacaoTitular
from controles.privacidade.records import (
    EstadoSolicitacao,
    FiltroSolicitacoes,
    LinhaSolicitacao,
    PaginaSolicitacoes,
)
from controles.web.pagination import MAX_LIMIT, Keyset, every_row, fetch_page

_NEWEST_FIRST = Keyset(
    order="solicitacao",
    columns=(SolicitacaoTitular.id,),
    row_id=SolicitacaoTitular.id,
    descending=True,
    max_id=MAX_BIG_ID,
)
_COLUMNS = (
    SolicitacaoTitular.id,
    SolicitacaoTitular.tipo,
    SolicitacaoTitular.militante_id,
    SolicitacaoTitular.nome,
    SolicitacaoTitular.pedido,
    SolicitacaoTitular.recebida_em,
    SolicitacaoTitular.prazo,
    SolicitacaoTitular.concluida_em,
    SolicitacaoTitular.atendida,
    SolicitacaoTitular.resposta,
)


def list_solicitacoes(
    escopo: Escopo, filtro: FiltroSolicitacoes, *, hoje: dt.date, cursor: str | None = None, limit: int = 50
) -> PaginaSolicitacoes:
    """One page, the newest first. An invalid cursor gives the first page."""
    page = fetch_page(
        db.session,
        select(*_COLUMNS).where(*_conditions(escopo, filtro, hoje)),
        _NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        visible=owner_in_scope(escopo, SolicitacaoTitular.militante_id),
    )
    return PaginaSolicitacoes(tuple(LinhaSolicitacao(*tuple(row)) for row in page.rows), page.following, page.preceding)


def all_solicitacoes(escopo: Escopo, filtro: FiltroSolicitacoes, *, hoje: dt.date) -> Iterator[LinhaSolicitacao]:
    """Every row that the list has on all its pages; read page by page while it is consumed."""
    return every_row(lambda cursor: list_solicitacoes(escopo, filtro, hoje=hoje, cursor=cursor, limit=MAX_LIMIT))


def count_solicitacoes(escopo: Escopo, filtro: FiltroSolicitacoes, *, hoje: dt.date) -> int:
    """How many rows the list has on all its pages."""
    counted = select(func.count()).select_from(SolicitacaoTitular).where(*_conditions(escopo, filtro, hoje))
    return db.session.scalars(counted).one()


def get_solicitacao(escopo: Escopo, solicitacao_id: int) -> LinhaSolicitacao | None:
    """None if there is no such request, or not in this escopo."""
    if not 0 < solicitacao_id <= MAX_BIG_ID:
        return None
    wanted = select(*_COLUMNS).where(
        SolicitacaoTitular.id == solicitacao_id, owner_in_scope(escopo, SolicitacaoTitular.militante_id)
    )
    row = db.session.execute(wanted).one_or_none()
    return None if row is None else LinhaSolicitacao(*tuple(row))


def _conditions(escopo: Escopo, filtro: FiltroSolicitacoes, hoje: dt.date) -> list[ColumnElement[bool]]:
    wanted = [owner_in_scope(escopo, SolicitacaoTitular.militante_id)]
    match filtro.estado:
        case EstadoSolicitacao.ABERTA:
            wanted.append(SolicitacaoTitular.concluida_em.is_(None))
        case EstadoSolicitacao.ATRASADA:
            wanted += [SolicitacaoTitular.concluida_em.is_(None), SolicitacaoTitular.prazo < hoje]
        case EstadoSolicitacao.CONCLUIDA:
            wanted.append(SolicitacaoTitular.concluida_em.is_not(None))
        case None:
            pass
    if filtro.tipo is not None:
        wanted.append(SolicitacaoTitular.tipo == filtro.tipo)
    if filtro.militante_id is not None:
        wanted.append(
            SolicitacaoTitular.militante_id == (filtro.militante_id if 0 < filtro.militante_id <= MAX_ID else 0)
        )
    return wanted
