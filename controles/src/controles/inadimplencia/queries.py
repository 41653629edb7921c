"""Reads about arrears: the list, its totals by band, and the matrix of everybody's months."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import ColumnElement, case, false, func, select

from controles.cotas.conditions import is_overdue, owes_months
from controles.cotas.models import Cota
from controles.cotas.queries import empty_cell, state_of
from controles.cotas.records import CelulaMatriz
from controles.db import MAX_ID, db
from controles.domain.escopo import Escopo
from controles.inadimplencia.records import (
    FaixaGrupo,
    FiltroInadimplencia,
    FiltroMatriz,
    Grupo,
    LinhaInadimplencia,
    LinhaMatriz,
    PaginaInadimplencia,
    PaginaMatriz,
    TotalInadimplencia,
)
from controles.militantes.models import Militante, Nucleo, Situacao
from controles.militantes.scope import in_scope, narrowed
from controles.painel.bands import FAIXAS
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import MAX_LIMIT, Keyset, every_row, fetch_page

_BY_NAME = Keyset(order="nome", columns=(Militante.nome_busca, Militante.id), row_id=Militante.id, max_id=MAX_ID)


@cached(cache_policies.INADIMPLENCIA_LIST)
def list_arrears(
    escopo: Escopo, filtro: FiltroInadimplencia, *, hoje: dt.date, cursor: str | None = None, limit: int = 50
) -> PaginaInadimplencia:
    """One page by name. A cursor that makes no sense gives the first page."""
    page = fetch_page(
        db.session,
        select(
            Militante.id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Militante.telefone,
            Nucleo.nome,
            Militante.situacao,
        )
        .outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
        .where(*_conditions(escopo, filtro, hoje)),
        _BY_NAME,
        cursor=cursor,
        limit=limit,
        visible=in_scope(escopo),
    )
    owed = _owed([row[0] for row in page.rows], hoje)
    # Somebody who paid between the two statements no longer owes anything.
    linhas = tuple(LinhaInadimplencia(*row, *owed[row[0]]) for row in page.rows if row[0] in owed)
    return PaginaInadimplencia(linhas, page.following, page.preceding)


def all_arrears(escopo: Escopo, filtro: FiltroInadimplencia, *, hoje: dt.date) -> Iterator[LinhaInadimplencia]:
    """Every row that the list has on all its pages, in its order; read page by page while it is consumed."""
    return every_row(lambda cursor: list_arrears.uncached(escopo, filtro, hoje=hoje, cursor=cursor, limit=MAX_LIMIT))


@cached(cache_policies.INADIMPLENCIA_TOTALS)
def arrears_by_band(escopo: Escopo, nucleo_id: int | None, *, hoje: dt.date) -> tuple[FaixaGrupo, ...]:
    """The bands that contain anybody, separately for former members. Reads every overdue cota once."""
    within = narrowed(escopo, nucleo_id)
    if within is None:
        return ()
    owed = (
        select(Cota.militante_id, func.count().label("meses"), func.sum(Cota.valor - Cota.pago).label("centavos"))
        .where(is_overdue(hoje))
        .group_by(Cota.militante_id)
        .subquery()
    )
    band = case(*((owed.c.meses <= most, name) for name, _, most in FAIXAS if most is not None), else_=FAIXAS[-1][0])
    left = Militante.situacao == Situacao.DESLIGADO
    named = (
        select(band.label("faixa"), left.label("desligado"), owed.c.centavos)
        .join(Militante, Militante.id == owed.c.militante_id)
        .where(in_scope(within))
        .subquery()
    )
    rows = db.session.execute(
        select(named.c.faixa, named.c.desligado, func.count(), func.sum(named.c.centavos)).group_by(
            named.c.faixa, named.c.desligado
        )
    )
    return tuple(FaixaGrupo(faixa, bool(gone), count, int(centavos)) for faixa, gone, count, centavos in rows)


def total_of(faixas: tuple[FaixaGrupo, ...], grupo: Grupo, faixa: str | None = None) -> TotalInadimplencia:
    """The sum of those `faixas` that a list of this group shows; of one band only if `faixa` is given."""
    wanted = [
        part
        for part in faixas
        if faixa in {None, part.faixa} and (grupo is Grupo.TODOS or part.desligados is (grupo is Grupo.DESLIGADOS))
    ]
    return TotalInadimplencia(sum(part.militantes for part in wanted), sum(part.valor for part in wanted))


@cached(cache_policies.INADIMPLENCIA_MATRIZ)
def list_months(
    escopo: Escopo, filtro: FiltroMatriz, *, hoje: dt.date, cursor: str | None = None, limit: int = 50
) -> PaginaMatriz:
    """One page of militantes by name, with the twelve months of a year: two statements for a page of any length."""
    ano = year_of(filtro, hoje)
    within = narrowed(escopo, filtro.nucleo_id)
    wanted = [false() if within is None else in_scope(within)]
    if filtro.situacao is not None:
        wanted.append(Militante.situacao == filtro.situacao)
    page = fetch_page(
        db.session,
        select(
            Militante.id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Militante.situacao,
        ).where(*wanted),
        _BY_NAME,
        cursor=cursor,
        limit=limit,
        visible=in_scope(escopo),
    )
    months = [dt.date(ano, month, 1) for month in range(1, 13)]
    cells = {row[0]: {month: empty_cell(month) for month in months} for row in page.rows}
    if cells:
        cotas = db.session.execute(
            select(
                Cota.militante_id,
                Cota.id,
                Cota.competencia,
                Cota.valor,
                Cota.pago,
                Cota.vencimento,
                Cota.dispensada_em,
            ).where(Cota.militante_id.in_(list(cells)), Cota.competencia.between(months[0], months[-1]))
        )
        for militante_id, cota_id, competencia, valor, pago, vencimento, dispensada_em in cotas:
            estado = state_of(valor, pago, vencimento, waived=dispensada_em is not None, hoje=hoje)
            cells[militante_id][competencia] = CelulaMatriz(competencia, estado, cota_id, valor, pago, vencimento)
    linhas = tuple(LinhaMatriz(*row, tuple(cells[row[0]].values())) for row in page.rows)
    return PaginaMatriz(linhas, page.following, page.preceding)


def all_months(escopo: Escopo, filtro: FiltroMatriz, *, hoje: dt.date) -> Iterator[LinhaMatriz]:
    """Every row that the matrix has on all its pages, read page by page while it is consumed."""
    return every_row(lambda cursor: list_months.uncached(escopo, filtro, hoje=hoje, cursor=cursor, limit=MAX_LIMIT))


def year_of(filtro: FiltroMatriz, hoje: dt.date) -> int:
    """The filter's year; the current one if that is not a possible year."""
    return filtro.ano if dt.MINYEAR <= filtro.ano <= dt.MAXYEAR else hoje.year


def _conditions(escopo: Escopo, filtro: FiltroInadimplencia, hoje: dt.date) -> tuple[ColumnElement[bool], ...]:
    within = narrowed(escopo, filtro.nucleo_id)
    if within is None:
        return (false(),)
    wanted = [in_scope(within), *owes_months(hoje, max(1, filtro.meses_min), filtro.meses_max, whole=False)]
    if filtro.grupo is Grupo.DESLIGADOS:
        wanted.append(Militante.situacao == Situacao.DESLIGADO)
    elif filtro.grupo is Grupo.MEMBROS:
        wanted.append(Militante.situacao != Situacao.DESLIGADO)
    return tuple(wanted)


def _owed(militante_ids: list[int], hoje: dt.date) -> dict[int, tuple[int, int, dt.date]]:
    """Number of overdue cotas, their centavos, and the oldest one's month: one statement for all."""
    if not militante_ids:
        return {}
    rows = db.session.execute(
        select(Cota.militante_id, func.count(), func.sum(Cota.valor - Cota.pago), func.min(Cota.competencia))
        .where(Cota.militante_id.in_(militante_ids), is_overdue(hoje))
        .group_by(Cota.militante_id)
    )
    return {militante_id: (months, int(centavos), oldest) for militante_id, months, centavos, oldest in rows}
