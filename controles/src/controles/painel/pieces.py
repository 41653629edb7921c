"""The panel's figures for the whole organisation, each the sum of pieces that are invalidated separately.

The figures of one núcleo are computed by one statement (see `reads`), because they have few rows.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from controles.cotas.pieces import people_pieces
from controles.domain.escopo import Escopo
from controles.domain.periods import last_30_days, last_day, last_months
from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo
from controles.pagamentos.pieces import cash_between
from controles.painel import reads
from controles.painel.bands import FAIXAS
from controles.painel.reads import MonthOfCotas
from controles.painel.records import FaixaAtraso
from controles.services import cache_policies
from controles.services.cache_service import cached

# If False, one statement reads all rows, which is cheaper without a cache.
IN_PIECES = True


@dataclass(frozen=True, slots=True)
class CotasOfRange:
    """The cotas of a range of militantes: by competência, and what is overdue, by band."""

    months: tuple[MonthOfCotas, ...]
    bands: tuple[FaixaAtraso, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """Militantes by present situação, joins and leaves by day, and how many were on leave at each month's end."""

    standing: dict[Situacao, int]
    joins: dict[dt.date, int]
    leaves: dict[dt.date, int]
    on_leave: dict[dt.date, int]


@cached(cache_policies.FIGURES)
def membership(escopo: Escopo, hoje: dt.date) -> Membership:
    """The twelve months that end with the current one, and the last 30 days."""
    months = last_months(hoje)
    first = min(months[0], last_30_days(hoje)[0])
    return Membership(
        standing=reads.militantes_by_situacao(escopo),
        joins=reads.joins_by_day(escopo, first, last_day(months[-1])),
        leaves=reads.leaves_by_day(escopo, first, last_day(months[-1])),
        on_leave=reads.on_leave_at(escopo, [last_day(month) for month in months[:-1]]),
    )


def cotas_and_arrears(
    escopo: Escopo, first: dt.date, last: dt.date, hoje: dt.date
) -> tuple[dict[dt.date, MonthOfCotas], tuple[FaixaAtraso, ...]]:
    """By competência from `first` to `last`, without those that have no cotas; and every band, including empty ones."""
    if escopo.nucleo_id is not None or not IN_PIECES:
        return reads.cotas_and_arrears(escopo, first, last, hoje)
    pieces = _cotas_of_range.many((number, first, last, hoje) for number in people_pieces())
    months: dict[dt.date, MonthOfCotas] = {}
    for piece in pieces:
        for month in piece.months:
            before = months.get(month.competencia)
            months[month.competencia] = month if before is None else before + month
    return months, _summed(band for piece in pieces for band in piece.bands)


def cash_by_month(escopo: Escopo, first: dt.date, last: dt.date, hoje: dt.date) -> dict[tuple[dt.date, Metodo], int]:
    """Net cash by month and method."""
    if escopo.nucleo_id is not None or not IN_PIECES:
        return reads.cash_by_month(escopo, first, last)
    sums: dict[tuple[dt.date, Metodo], int] = defaultdict(int)
    for month, metodo, _, valor in cash_between(first, last, newest=hoje):
        sums[month, metodo] += valor
    return dict(sums)


@cached(cache_policies.FIGURES)
def _cotas_of_range(number: int, first: dt.date, last: dt.date, hoje: dt.date) -> CotasOfRange:
    months, bands = reads.cotas_and_arrears(Escopo(), first, last, hoje, people=number)
    return CotasOfRange(months=tuple(months.values()), bands=tuple(band for band in bands if band.militantes))


def _summed(bands: Iterable[FaixaAtraso]) -> tuple[FaixaAtraso, ...]:
    sums = {name: (0, 0) for name, _, _ in FAIXAS}
    for band in bands:
        militantes, valor = sums[band.faixa]
        sums[band.faixa] = (militantes + band.militantes, valor + band.valor)
    return tuple(FaixaAtraso(name, *both) for name, both in sums.items())
