"""Reads about reminders: the preview, the state of a month, and the history."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from controles.contas.models import Usuario
from controles.db import MAX_BIG_ID, db
from controles.domain.escopo import Escopo
from controles.lembretes.eligible import eligible
from controles.lembretes.models import Estado, Lembrete, MesCompleto, SemLembrete
from controles.lembretes.overdue import overdue_of
from controles.lembretes.records import (
    FiltroHistorico,
    FiltroLembretes,
    LinhaLembrete,
    LinhaPrevia,
    PaginaLembretes,
    PaginaPrevia,
    SituacaoMes,
)
from controles.militantes.models import Militante, Situacao
from controles.militantes.scope import in_scope, owner_in_scope
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import MAX_LIMIT, Keyset, every_row, fetch_page

PREVIEWED_AT_ONCE = 50
_BY_NAME = Keyset(order="nome", columns=(Militante.nome_busca, Militante.id), row_id=Militante.id)
_NEWEST_FIRST = Keyset(order="data", columns=(Lembrete.id,), row_id=Lembrete.id, descending=True)


@cached(cache_policies.LEMBRETES_PREVIEW)
def preview(
    escopo: Escopo, filtro: FiltroLembretes, *, hoje: dt.date, cursor: str | None = None, limit: int = PREVIEWED_AT_ONCE
) -> PaginaPrevia:
    """One page, by name, of those who would be reminded, with what each owes: two statements for all."""
    page = fetch_page(
        db.session,
        select(
            Militante.id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Militante.email,
            Militante.telefone,
            Militante.situacao == Situacao.DESLIGADO,
            SemLembrete.motivo,
        )
        .outerjoin(SemLembrete, (SemLembrete.militante_id == Militante.id) & SemLembrete.ativo)
        .where(*eligible(escopo, filtro, hoje=hoje)),
        _BY_NAME,
        cursor=cursor,
        limit=limit,
        visible=in_scope(escopo),
    )
    owed = overdue_of(db.session, [row[0] for row in page.rows], hoje)
    linhas = tuple(LinhaPrevia(*row, *owed[row[0]]) for row in page.rows if row[0] in owed)
    return PaginaPrevia(linhas, page.following, page.preceding)


@cached(cache_policies.LEMBRETES_MES)
def get_month(competencia: dt.date) -> SituacaoMes:
    """Whether this competência was marked as complete; by default it is not."""
    row = db.session.execute(
        select(MesCompleto.completo, MesCompleto.quando, Usuario.nome)
        .outerjoin(Usuario, Usuario.id == MesCompleto.por_id)
        .where(MesCompleto.competencia == competencia)
    ).one_or_none()
    return SituacaoMes(False, None, None) if row is None else SituacaoMes(*row)


@cached(cache_policies.LEMBRETES_LIST)
def list_lembretes(
    escopo: Escopo, filtro: FiltroHistorico, *, cursor: str | None = None, limit: int = 50
) -> PaginaLembretes:
    """One page, newest first. A cursor that makes no sense gives the first page."""
    page = fetch_page(
        db.session,
        _lines().where(*_of_history(escopo, filtro)),
        _NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        visible=owner_in_scope(escopo, Lembrete.militante_id),
    )
    return PaginaLembretes(tuple(LinhaLembrete(*tuple(row)) for row in page.rows), page.following, page.preceding)


def all_lembretes(escopo: Escopo, filtro: FiltroHistorico) -> Iterator[LinhaLembrete]:
    """Every row that the list has on all its pages; read page by page while it is consumed."""
    return every_row(lambda cursor: list_lembretes.uncached(escopo, filtro, cursor=cursor, limit=MAX_LIMIT))


def count_lembretes(escopo: Escopo, filtro: FiltroHistorico) -> int:
    """How many rows the list has on all its pages."""
    return db.session.scalars(select(func.count()).select_from(Lembrete).where(*_of_history(escopo, filtro))).one()


def _of_history(escopo: Escopo, filtro: FiltroHistorico) -> list[ColumnElement[bool]]:
    wanted = [owner_in_scope(escopo, Lembrete.militante_id)]
    if filtro.militante_id is not None:
        wanted.append(Lembrete.militante_id == filtro.militante_id)
    if filtro.estado is not None:
        wanted.append(Lembrete.estado == filtro.estado)
    return wanted


@cached(cache_policies.LEMBRETES_LIST)
def get_lembrete(escopo: Escopo, lembrete_id: int) -> LinhaLembrete | None:
    """None if there is no such reminder, or not in this escopo."""
    if not 0 < lembrete_id <= MAX_BIG_ID:
        return None
    wanted = _lines().where(Lembrete.id == lembrete_id, owner_in_scope(escopo, Lembrete.militante_id))
    row = db.session.execute(wanted).one_or_none()
    return None if row is None else LinhaLembrete(*tuple(row))


def rest_of(escopo: Escopo, militante_id: int, *, hoje: dt.date) -> tuple[tuple[dt.date, ...], int] | None:
    """What this militante has overdue now, as in a message; None if nothing, or if not in this escopo."""
    seen = select(Militante.id).where(Militante.id == militante_id, in_scope(escopo))
    return overdue_of(db.session, list(db.session.scalars(seen)), hoje).get(militante_id)


def count_waiting(escopo: Escopo) -> int:
    """How many are recorded and not yet sent."""
    wanted = select(func.count()).select_from(Lembrete)
    waiting = wanted.where(Lembrete.estado == Estado.A_ENVIAR, owner_in_scope(escopo, Lembrete.militante_id))
    return db.session.scalars(waiting).one()


def _lines() -> Select[*tuple[Any, ...]]:
    """The columns of LinhaLembrete, in its order."""
    return (
        select(
            Lembrete.id,
            Lembrete.militante_id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Lembrete.regra,
            Lembrete.competencia,
            Lembrete.canal,
            Lembrete.estado,
            Lembrete.meses,
            Lembrete.valor,
            Lembrete.criado_em,
            Usuario.nome,
            Lembrete.enviado_em,
            Lembrete.erro,
        )
        .join(Militante, Militante.id == Lembrete.militante_id)
        .outerjoin(Usuario, Usuario.id == Lembrete.criado_por_id)
    )
