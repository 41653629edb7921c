"""The link of each figure on the panel: the list with the filter that the figure counted."""

import datetime as dt
from dataclasses import dataclass

from controles.cotas.records import FiltroCotas, FiltroEstado
from controles.domain.periods import last_30_days, last_day, last_months
from controles.militantes.models import Situacao
from controles.militantes.records import FiltroMilitantes, OrdemMilitantes
from controles.pagamentos.models import Metodo
from controles.pagamentos.records import FiltroPagamentos
from controles.painel.bands import FAIXAS
from controles.web.query_string import address, write_filter

_FAIXAS = {name: (low, high) for name, low, high in FAIXAS}


@dataclass(frozen=True, slots=True, kw_only=True)
class PainelLinks:
    """The addresses for one day; `militantes`, `cotas` and `pagamentos` are the addresses of the lists."""

    hoje: dt.date
    militantes: str
    cotas: str
    pagamentos: str

    def situacao(self, situacao: str) -> str:
        return self._militantes(FiltroMilitantes(situacao=Situacao(situacao)))

    def joined_30_days(self) -> str:
        first, last = last_30_days(self.hoje)
        return self._militantes(
            FiltroMilitantes(filiado_de=first, filiado_ate=last, ordem=OrdemMilitantes.FILIACAO_DESC)
        )

    def left_30_days(self) -> str:
        first, last = last_30_days(self.hoje)
        return self._militantes(FiltroMilitantes(desligado_de=first, desligado_ate=last))

    def joined(self, mes: dt.date) -> str:
        return self._militantes(FiltroMilitantes(filiado_de=mes, filiado_ate=last_day(mes)))

    def left(self, mes: dt.date) -> str:
        return self._militantes(FiltroMilitantes(desligado_de=mes, desligado_ate=last_day(mes)))

    def overdue(self, months: int) -> str:
        return self._militantes(FiltroMilitantes(meses_min=months))

    def faixa(self, name: str) -> str:
        low, high = _FAIXAS[name]
        return self._militantes(FiltroMilitantes(meses_min=low, meses_max=high))

    def competencia(self, competencia: dt.date, estado: str | None = None) -> str:
        wanted = FiltroEstado(estado) if estado else None
        return address(self.cotas, write_filter(FiltroCotas(competencia=competencia, estado=wanted)))

    def cash(self, mes: dt.date, metodo: Metodo | None = None) -> str:
        return self._pagamentos(FiltroPagamentos(de=mes, ate=last_day(mes), metodo=metodo))

    def cash_12_months(self) -> str:
        months = last_months(self.hoje)
        return self._pagamentos(FiltroPagamentos(de=months[0], ate=last_day(months[-1])))

    def _militantes(self, filtro: FiltroMilitantes) -> str:
        return address(self.militantes, write_filter(filtro))

    def _pagamentos(self, filtro: FiltroPagamentos) -> str:
        return address(self.pagamentos, write_filter(filtro))
