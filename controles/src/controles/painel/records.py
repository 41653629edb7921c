"""The panel's figures; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.pagamentos.models import Metodo


@dataclass(frozen=True, slots=True)
class MilitanteStats:
    """Joins and leaves are those of the last 30 days, including today (`periods.last_30_days`)."""

    ativos: int
    licenciados: int
    adesoes_30d: int
    desligamentos_30d: int


@dataclass(frozen=True, slots=True)
class FinancialStats:
    """The current competência, the current month's cash, and all arrears.

    previsto = recebido + dispensado + aberto. `cotas` and the rate exclude waived cotas; the rate is rounded down, so
    1000 means all of them.
    """

    competencia: dt.date
    previsto: int
    recebido: int
    dispensado: int
    aberto: int
    quitadas: int
    cotas: int
    taxa_quitadas_milesimos: int
    # By payment date, net of estornos: another basis than that of `recebido`.
    recebido_caixa_mes: int
    inadimplentes_1m: int
    inadimplentes_3m: int
    valor_vencido: int


@dataclass(frozen=True, slots=True)
class MesPrevistoRecebido:
    """One competência: previsto = recebido + dispensado + aberto."""

    competencia: dt.date
    previsto: int
    recebido: int
    dispensado: int
    aberto: int


@dataclass(frozen=True, slots=True)
class MesMetodo:
    """Cash of one month (its day 1) by one method, by payment date, net of estornos."""

    mes: dt.date
    metodo: Metodo
    valor: int


@dataclass(frozen=True, slots=True)
class FaixaAtraso:
    """Militantes with this number of overdue cotas: "1", "2", "3-5", "6-11" or "12+" (`painel.bands.FAIXAS`)."""

    faixa: str
    militantes: int
    valor: int


@dataclass(frozen=True, slots=True)
class MesMembros:
    """`ativos` at the end of the month (for the current month: today); joins and leaves within it."""

    mes: dt.date
    ativos: int
    adesoes: int
    desligamentos: int


@dataclass(frozen=True, slots=True)
class Painel:
    militantes: MilitanteStats
    financeiro: FinancialStats
    previsto_recebido: tuple[MesPrevistoRecebido, ...]
    caixa_por_metodo: tuple[MesMetodo, ...]
    atraso: tuple[FaixaAtraso, ...]
    membros: tuple[MesMembros, ...]
    gerado_em: dt.datetime
