"""Reads about cotas."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import func, not_, select, true

from controles.cotas.conditions import is_open, shown_by
from controles.cotas.list_queries import page_of_cotas
from controles.cotas.models import Cota, Dispensa
from controles.cotas.owing import Month, has_cota, is_cancelled
from controles.cotas.pieces import months_of_cotas, sums_of_month
from controles.cotas.records import (
    CelulaMatriz,
    CotaAberta,
    DetalheCota,
    EstadoCota,
    FiltroCotas,
    FiltroEstado,
    LinhaCota,
    LinhaDispensa,
    LotePrevisto,
    PaginaCotas,
    TotaisCotas,
)
from controles.db import MAX_BIG_ID, MAX_ID, db
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.militantes.scope import narrowed, owner_in_scope
from controles.organizacao.models import Organizacao
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import MAX_LIMIT, every_row

__all__ = [
    "CelulaMatriz",
    "CotaAberta",
    "EstadoCota",
    "FiltroCotas",
    "FiltroEstado",
    "LinhaCota",
    "LotePrevisto",
    "PaginaCotas",
    "TotaisCotas",
    "list_cotas",
    "matrix",
    "open_cotas",
    "preview_cotas",
    "totals_cotas",
    "years_of_cotas",
]

# If False, one statement reads all rows, which is cheaper without a cache.
IN_PIECES = True


@cached(cache_policies.COTAS_MILITANTE)
def open_cotas(escopo: Escopo, militante_id: int, *, hoje: dt.date) -> tuple[CotaAberta, ...]:
    """The cotas of this militante that are not fully paid, due or not, oldest first."""
    if not 0 < militante_id <= MAX_ID:
        return ()
    rows = db.session.execute(
        select(Cota.id, Cota.competencia, Cota.valor, Cota.pago, Cota.vencimento)
        .where(Cota.militante_id == militante_id, is_open(), owner_in_scope(escopo, Cota.militante_id))
        .order_by(Cota.competencia)
    )
    return tuple(
        CotaAberta(
            id=cota_id,
            competencia=competencia,
            valor=valor,
            pago=pago,
            em_aberto=valor - pago,
            vencimento=vencimento,
            vencida=vencimento < hoje,
        )
        for cota_id, competencia, valor, pago, vencimento in rows
    )


@cached(cache_policies.COTAS_MILITANTE)
def matrix(escopo: Escopo, militante_id: int, ano: int, *, hoje: dt.date) -> tuple[CelulaMatriz, ...]:
    """The twelve months of `ano`, January first."""
    if not 1 <= ano <= dt.MAXYEAR:
        raise ValueError(f"ano is {ano}; a matrix shows a year from 1 to {dt.MAXYEAR}")
    cells = {month: empty_cell(dt.date(ano, month, 1)) for month in range(1, 13)}
    if not 0 < militante_id <= MAX_ID:
        return tuple(cells.values())
    rows = db.session.execute(
        select(Cota.id, Cota.competencia, Cota.valor, Cota.pago, Cota.vencimento, Cota.dispensada_em).where(
            Cota.militante_id == militante_id,
            Cota.competencia.between(dt.date(ano, 1, 1), dt.date(ano, 12, 31)),
            owner_in_scope(escopo, Cota.militante_id),
        )
    )
    for cota_id, competencia, valor, pago, vencimento, dispensada_em in rows:
        estado = state_of(valor, pago, vencimento, waived=dispensada_em is not None, hoje=hoje)
        cells[competencia.month] = CelulaMatriz(competencia, estado, cota_id, valor, pago, vencimento)
    return tuple(cells.values())


@cached(cache_policies.COTAS_MILITANTE)
def years_of_cotas(escopo: Escopo, militante_id: int) -> tuple[int | None, int | None]:
    """The first and the last year in which this militante has cotas; None for both if there are none."""
    if not 0 < militante_id <= MAX_ID:
        return None, None
    ends = [
        db.session.scalars(
            select(Cota.competencia)
            .where(Cota.militante_id == militante_id, owner_in_scope(escopo, Cota.militante_id))
            .order_by(order)
            .limit(1)
        ).one_or_none()
        for order in (Cota.competencia, Cota.competencia.desc())
    ]
    first, last = ends
    return (None, None) if first is None or last is None else (first.year, last.year)


@cached(cache_policies.COTAS_LIST)
def list_cotas(
    escopo: Escopo, filtro: FiltroCotas, *, hoje: dt.date, cursor: str | None = None, limit: int = 50
) -> PaginaCotas:
    """One page, newest competência first. A cursor that makes no sense gives the first page."""
    page = page_of_cotas(escopo, filtro, cursor=cursor, limit=limit)
    linhas = tuple(
        LinhaCota(
            id=cota_id,
            militante_id=militante_id,
            militante=nome,
            competencia=competencia,
            valor=valor,
            pago=pago,
            vencimento=vencimento,
            estado=state_of(valor, pago, vencimento, waived=dispensada_em is not None, hoje=hoje),
        )
        for cota_id, militante_id, nome, competencia, valor, pago, vencimento, dispensada_em in page.rows
    )
    return PaginaCotas(linhas, page.following, page.preceding)


def all_cotas(escopo: Escopo, filtro: FiltroCotas, *, hoje: dt.date) -> Iterator[LinhaCota]:
    """Every row that the list has on all its pages, in its order; read page by page while it is consumed."""
    return every_row(lambda cursor: list_cotas.uncached(escopo, filtro, hoje=hoje, cursor=cursor, limit=MAX_LIMIT))


@cached(cache_policies.COTAS_TOTALS)
def totals_cotas(escopo: Escopo, filtro: FiltroCotas) -> TotaisCotas:
    """The sums over all pages of the list."""
    of_everybody = IN_PIECES and narrowed(escopo, filtro.nucleo_id) == Escopo() and filtro.militante_id is None
    sums = _sums_in_pieces(filtro) if of_everybody else _sums(escopo, filtro)
    quantidade, previsto, recebido, dispensado = sums
    return TotaisCotas(
        quantidade=quantidade,
        previsto=int(previsto),
        recebido=int(recebido),
        dispensado=int(dispensado),
        aberto=int(previsto) - int(recebido) - int(dispensado),
    )


def _sums(escopo: Escopo, filtro: FiltroCotas) -> tuple[int, int, int, int]:
    """The number of cotas, and centavos: expected, received, waived."""
    rest = func.sum(Cota.valor - Cota.pago).filter(Cota.dispensada_em.is_not(None))
    row = db.session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(Cota.valor), 0),
            func.coalesce(func.sum(Cota.pago), 0),
            func.coalesce(rest, 0),
        )
        .join(Militante, Militante.id == Cota.militante_id)
        .where(*shown_by(escopo, filtro))
    ).one()
    return row[0], int(row[1]), int(row[2]), int(row[3])


def _sums_in_pieces(filtro: FiltroCotas) -> tuple[int, int, int, int]:
    """`_sums` of the whole organisation, from the pieces of each month."""
    months = months_of_cotas() if filtro.competencia is None else (filtro.competencia,)
    quantidade = previsto = recebido = dispensado = 0
    for month in sums_of_month.many((month,) for month in months):
        parts = {
            FiltroEstado.ABERTA: month.aberta,
            FiltroEstado.QUITADA: month.quitada,
            FiltroEstado.DISPENSADA: month.dispensada,
        }
        for estado, part in parts.items():
            if filtro.estado in {None, estado}:
                quantidade += part.quantidade
                previsto += part.valor
                recebido += part.pago
                dispensado += part.valor - part.pago if estado is FiltroEstado.DISPENSADA else 0
    return quantidade, previsto, recebido, dispensado


def preview_cotas(escopo: Escopo, competencia: dt.date) -> LotePrevisto:
    """What `generate_cotas` would write for this competência, and whom it would leave out."""
    chosen = db.session.scalars(select(Organizacao.cota_no_mes_da_filiacao)).one_or_none()
    month = Month(competencia, joiners_owe=chosen is not False)
    novas, total = db.session.execute(
        select(func.count(), func.coalesce(func.sum(month.valor), 0))
        .select_from(Militante)
        .where(*month.owing(escopo), ~has_cota(competencia))
    ).one()
    existentes = db.session.scalars(
        select(func.count())
        .select_from(Cota)
        .where(Cota.competencia == competencia, owner_in_scope(escopo, Cota.militante_id))
    ).one()
    canceladas = db.session.scalars(
        select(func.count())
        .select_from(Cota)
        .where(Cota.competencia == competencia, is_cancelled(), owner_in_scope(escopo, Cota.militante_id))
    ).one()
    isentos, licenciados = (
        db.session.scalars(select(func.count()).select_from(Militante).where(*who)).one()
        for who in (month.exempt(escopo), month.on_leave(escopo))
    )
    return LotePrevisto(
        novas=novas,
        existentes=existentes,
        total=int(total),
        isentos=isentos,
        licenciados=licenciados,
        canceladas=canceladas,
        no_mes_da_filiacao=month.joiners_owe,
    )


@cached(cache_policies.COTAS_LIST)
def get_cota(escopo: Escopo, cota_id: int, *, hoje: dt.date) -> DetalheCota | None:
    """One cota with its waiver; None if there is none in this escopo."""
    if not 0 < cota_id <= MAX_BIG_ID:
        return None
    row = db.session.execute(
        select(
            Cota.id,
            Cota.militante_id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Cota.competencia,
            Cota.valor,
            Cota.pago,
            Cota.vencimento,
            Cota.dispensada_em,
            Cota.dispensa_motivo,
        )
        .join(Militante, Militante.id == Cota.militante_id)
        .where(Cota.id == cota_id, owner_in_scope(escopo, Cota.militante_id))
    ).one_or_none()
    if row is None:
        return None
    _, _, _, _, valor, pago, vencimento, dispensada_em, _ = row
    return DetalheCota(*row, state_of(valor, pago, vencimento, waived=dispensada_em is not None, hoje=hoje))


@cached(cache_policies.COTAS_TOTALS)
def list_waivers(escopo: Escopo, competencia: dt.date) -> tuple[LinhaDispensa, ...]:
    """The waivers of a whole month that can be undone, newest first; without those of other núcleos."""
    rows = db.session.execute(
        select(Dispensa.id, Dispensa.tipo, Dispensa.motivo, Dispensa.quantidade, Dispensa.total, Dispensa.criada_em)
        .where(
            Dispensa.competencia == competencia,
            Dispensa.militante_id.is_(None),
            Dispensa.desfeita_em.is_(None),
            select(Cota.id).where(Cota.dispensa_id == Dispensa.id).exists(),
            true()
            if escopo.nucleo_id is None
            else ~select(Cota.id)
            .where(Cota.dispensa_id == Dispensa.id, not_(owner_in_scope(escopo, Cota.militante_id)))
            .exists(),
        )
        .order_by(Dispensa.id.desc())
    )
    return tuple(LinhaDispensa(*row) for row in rows)


def count_open(escopo: Escopo, competencia: dt.date) -> tuple[int, int, int]:
    """What waiving a month would waive: the number of cotas, their centavos, and how many have no payment at all."""
    cotas, total, unpaid = db.session.execute(
        select(
            func.count(), func.coalesce(func.sum(Cota.valor - Cota.pago), 0), func.count().filter(Cota.pago == 0)
        ).where(Cota.competencia == competencia, is_open(), owner_in_scope(escopo, Cota.militante_id))
    ).one()
    return cotas, int(total), unpaid


def empty_cell(competencia: dt.date) -> CelulaMatriz:
    """A month without a cota."""
    return CelulaMatriz(competencia, EstadoCota.SEM_COTA, cota_id=None, valor=0, pago=0, vencimento=None)


def state_of(valor: int, pago: int, vencimento: dt.date, *, waived: bool, hoje: dt.date) -> EstadoCota:
    """The state of a cota on `hoje`."""
    if waived:
        return EstadoCota.DISPENSADA
    if pago == valor:
        return EstadoCota.QUITADA
    if vencimento < hoje:
        return EstadoCota.VENCIDA
    return EstadoCota.PARCIAL if pago else EstadoCota.A_VENCER
