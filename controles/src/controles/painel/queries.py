"""The panel's queries. Every figure equals the list that it links to, for the same escopo and date."""

import datetime as dt
from collections.abc import Mapping

from controles.domain.clock import utc_now
from controles.domain.escopo import Escopo
from controles.domain.periods import last_30_days, last_day, last_months, month_of
from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo
from controles.painel.bands import FAIXAS
from controles.painel.pieces import Membership, cash_by_month, cotas_and_arrears, membership
from controles.painel.reads import MonthOfCotas
from controles.painel.records import (
    FaixaAtraso,
    FinancialStats,
    MesMembros,
    MesMetodo,
    MesPrevistoRecebido,
    MilitanteStats,
    Painel,
)
from controles.services import cache_policies
from controles.services.cache_service import cached

__all__ = [
    "FaixaAtraso",
    "FinancialStats",
    "MesMembros",
    "MesMetodo",
    "MesPrevistoRecebido",
    "MilitanteStats",
    "Painel",
    "get_dashboard_stats",
]

DayCounts = Mapping[dt.date, int]


@cached(cache_policies.DASHBOARD_STATS)
def get_dashboard_stats(escopo: Escopo, *, hoje: dt.date) -> Painel:
    """The whole panel, added up from pieces. A write invalidates the pieces that it changes; the others are still read
    from the cache. `gerado_em` is when adding up began: no piece is older than that."""
    agora = utc_now()
    months = last_months(hoje)
    cotas, arrears = cotas_and_arrears(escopo, months[0], months[-1], hoje)
    cash = cash_by_month(escopo, months[0], last_day(months[-1]), hoje)
    members = membership(escopo, hoje)
    return Painel(
        militantes=_militante_stats(members, hoje),
        financeiro=_financial_stats(hoje, cotas, cash, arrears),
        previsto_recebido=_expected_received(months, cotas),
        caixa_por_metodo=_cash_by_method(months, cash),
        atraso=arrears,
        membros=_members_by_month(members, hoje),
        gerado_em=agora,
    )


def _militante_stats(members: Membership, hoje: dt.date) -> MilitanteStats:
    period = last_30_days(hoje)
    return MilitanteStats(
        ativos=members.standing.get(Situacao.ATIVO, 0),
        licenciados=members.standing.get(Situacao.LICENCIADO, 0),
        adesoes_30d=_within(members.joins, *period),
        desligamentos_30d=_within(members.leaves, *period),
    )


def _financial_stats(
    hoje: dt.date,
    cotas: Mapping[dt.date, MonthOfCotas],
    cash: Mapping[tuple[dt.date, Metodo], int],
    arrears: tuple[FaixaAtraso, ...],
) -> FinancialStats:
    month = month_of(hoje)
    current = cotas.get(month, MonthOfCotas.none(month))
    from_three = {name for name, fewest, _ in FAIXAS if fewest >= 3}
    return FinancialStats(
        competencia=month,
        previsto=current.previsto,
        recebido=current.recebido,
        dispensado=current.dispensado,
        aberto=current.aberto,
        quitadas=current.quitadas,
        cotas=current.cotas,
        taxa_quitadas_milesimos=current.quitadas * 1000 // current.cotas if current.cotas else 0,
        recebido_caixa_mes=sum(valor for (mes, _), valor in cash.items() if mes == month),
        inadimplentes_1m=sum(faixa.militantes for faixa in arrears),
        inadimplentes_3m=sum(faixa.militantes for faixa in arrears if faixa.faixa in from_three),
        valor_vencido=sum(faixa.valor for faixa in arrears),
    )


def _expected_received(
    months: tuple[dt.date, ...], cotas: Mapping[dt.date, MonthOfCotas]
) -> tuple[MesPrevistoRecebido, ...]:
    found = (cotas.get(month, MonthOfCotas.none(month)) for month in months)
    return tuple(
        MesPrevistoRecebido(
            competencia=month.competencia,
            previsto=month.previsto,
            recebido=month.recebido,
            dispensado=month.dispensado,
            aberto=month.aberto,
        )
        for month in found
    )


def _cash_by_method(months: tuple[dt.date, ...], cash: Mapping[tuple[dt.date, Metodo], int]) -> tuple[MesMetodo, ...]:
    used = {metodo for _, metodo in cash}
    return tuple(
        MesMetodo(mes=month, metodo=metodo, valor=cash.get((month, metodo), 0))
        for month in months
        for metodo in Metodo
        if metodo in used
    )


def _members_by_month(of: Membership, hoje: dt.date) -> tuple[MesMembros, ...]:
    """Computed backwards from today: the end of each month is the next one's, minus joins, plus leaves."""
    months = last_months(hoje)
    members = of.standing.get(Situacao.ATIVO, 0) + of.standing.get(Situacao.LICENCIADO, 0)
    shown: list[MesMembros] = []
    for month in reversed(months):
        away = of.standing.get(Situacao.LICENCIADO, 0) if month == months[-1] else of.on_leave[last_day(month)]
        came, went = (_within(moves, month, last_day(month)) for moves in (of.joins, of.leaves))
        shown.append(MesMembros(mes=month, ativos=members - away, adesoes=came, desligamentos=went))
        members += went - came
    return tuple(reversed(shown))


def _within(per_day: DayCounts, first: dt.date, last: dt.date) -> int:
    return sum(count for day, count in per_day.items() if first <= day <= last)
