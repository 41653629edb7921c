"""Previsto × realizado, added up from one piece for each month, or read at once for one núcleo.

Both are sums by the militantes' present núcleos, as the list of cotas filters them, so each figure equals that list.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import func, select

from controles.cotas.models import Cota
from controles.db import db
from controles.domain.clock import utc_now
from controles.domain.escopo import Escopo
from controles.domain.periods import add_months
from controles.militantes.models import Militante, Nucleo
from controles.militantes.scope import in_scope, narrowed
from controles.previsto_realizado.records import (
    FiltroPrevisto,
    LinhaInteira,
    LinhaMes,
    LinhaNucleo,
    PrevistoRealizado,
    Somas,
    SomasDoNucleo,
)
from controles.services import cache_policies
from controles.services.cache_service import cached

FIRST_YEAR = 2000
WITHOUT_NUCLEO = "Sem núcleo"


def year_of(filtro: FiltroPrevisto, hoje: dt.date) -> int:
    """The year that is shown; the current one if the filter has none, or one without any cotas."""
    ano = filtro.ano
    return ano if ano is not None and FIRST_YEAR <= ano <= hoje.year + 1 else hoje.year


def month_of_filter(filtro: FiltroPrevisto, hoje: dt.date) -> dt.date | None:
    """The month whose núcleos are shown; None for the whole year."""
    mes = filtro.mes
    return dt.date(year_of(filtro, hoje), mes, 1) if mes is not None and 1 <= mes <= 12 else None


@cached(cache_policies.PREVISTO_REALIZADO)
def get_previsto_realizado(escopo: Escopo, filtro: FiltroPrevisto, *, hoje: dt.date) -> PrevistoRealizado:
    """The twelve months of the year, those without any cotas with zeros; only núcleos that have cotas.

    A write invalidates the month that it changes; the others are still read from the cache.
    """
    agora = utc_now()
    chosen = month_of_filter(filtro, hoje)
    by_month: dict[dt.date, Somas] = defaultdict(Somas)
    by_nucleo: dict[int | None, Somas] = defaultdict(Somas)
    for part in _sums(escopo, filtro, hoje):
        by_month[part.competencia] += part.somas
        if chosen in {None, part.competencia}:
            by_nucleo[part.nucleo_id] += part.somas
    months = tuple(LinhaMes(month, by_month[month]) for month in _months(year_of(filtro, hoje)))
    names = _names(by_nucleo)
    nucleos = [LinhaNucleo(number, names[number], somas) for number, somas in by_nucleo.items()]
    return PrevistoRealizado(
        meses=months,
        nucleos=tuple(sorted(nucleos, key=lambda line: (line.nucleo_id is None, line.nome))),
        total=sum((line.somas for line in months), Somas()),
        total_dos_nucleos=sum((line.somas for line in nucleos), Somas()),
        gerado_em=agora,
    )


def whole_previsto_realizado(escopo: Escopo, filtro: FiltroPrevisto, *, hoje: dt.date) -> tuple[LinhaInteira, ...]:
    """Each month of each núcleo, oldest month first; of the chosen month alone if the filter has one."""
    chosen = month_of_filter(filtro, hoje)
    parts = [part for part in _sums(escopo, filtro, hoje) if chosen in {None, part.competencia}]
    names = _names(part.nucleo_id for part in parts)
    lines = [LinhaInteira(part.competencia, names[part.nucleo_id], part.somas) for part in parts]
    return tuple(sorted(lines, key=lambda line: (line.competencia, line.nucleo == WITHOUT_NUCLEO, line.nucleo)))


def _sums(escopo: Escopo, filtro: FiltroPrevisto, hoje: dt.date) -> Iterable[SomasDoNucleo]:
    within = narrowed(escopo, filtro.nucleo_id)
    months = _months(year_of(filtro, hoje))
    if within is None:
        return ()
    if within.nucleo_id is not None:
        return _read(within, months)
    return (part for piece in _sums_of_month.many((month,) for month in months) for part in piece)


@cached(cache_policies.FIGURES)
def _sums_of_month(competencia: dt.date) -> tuple[SomasDoNucleo, ...]:
    return _read(Escopo(), (competencia,))


def _read(escopo: Escopo, months: tuple[dt.date, ...]) -> tuple[SomasDoNucleo, ...]:
    rows = db.session.execute(
        select(
            Cota.competencia,
            Militante.nucleo_id,
            func.count(),
            # A waived cota is never fully paid (a CHECK ensures that), so no second condition is needed.
            func.count().filter(Cota.pago == Cota.valor),
            func.sum(Cota.valor),
            func.sum(Cota.pago),
            func.coalesce(func.sum(Cota.valor - Cota.pago).filter(Cota.dispensada_em.is_not(None)), 0),
        )
        .join(Militante, Militante.id == Cota.militante_id)
        .where(Cota.competencia.in_(months), in_scope(escopo))
        .group_by(Cota.competencia, Militante.nucleo_id)
    )
    return tuple(SomasDoNucleo(month, number, Somas(*map(int, sums))) for month, number, *sums in rows)


def _months(ano: int) -> tuple[dt.date, ...]:
    return tuple(add_months(dt.date(ano, 1, 1), number) for number in range(12))


def _names(numbers: Iterable[int | None]) -> dict[int | None, str]:
    # All names instead of those of some numbers: a statement takes a limited number of values.
    wanted = set(numbers)
    if wanted <= {None}:
        return {None: WITHOUT_NUCLEO}
    return {None: WITHOUT_NUCLEO, **dict(db.session.execute(select(Nucleo.id, Nucleo.nome)).all())}
