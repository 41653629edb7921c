"""What is asked of cotas and what comes back."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.cotas.models import TipoDispensa


@dataclass(frozen=True, slots=True)
class CotaAberta:
    """A cota that is not fully paid; money in centavos."""

    id: int
    competencia: dt.date
    valor: int
    pago: int
    em_aberto: int
    vencimento: dt.date
    vencida: bool


class EstadoCota(StrEnum):
    """The state of a cota on a given day; derived, never stored."""

    SEM_COTA = "sem-cota"
    QUITADA = "quitada"
    PARCIAL = "parcial"  # something paid, not yet due
    A_VENCER = "a-vencer"
    VENCIDA = "vencida"  # due, with or without a part paid
    DISPENSADA = "dispensada"


@dataclass(frozen=True, slots=True)
class CelulaMatriz:
    """One month of a militante's year. Without a cota: `cota_id` None and zeros."""

    competencia: dt.date
    estado: EstadoCota
    cota_id: int | None
    valor: int
    pago: int
    vencimento: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroCotas:
    """Which cotas a list shows; the panel's figures by competência link to it with these filters."""

    competencia: dt.date | None = None
    estado: "FiltroEstado | None" = None
    nucleo_id: int | None = None
    militante_id: int | None = None


class FiltroEstado(StrEnum):
    """The states that a list can be filtered by; none depends on the date."""

    QUITADA = "quitada"
    ABERTA = "aberta"
    DISPENSADA = "dispensada"


@dataclass(frozen=True, slots=True)
class LinhaCota:
    id: int
    militante_id: int
    militante: str
    competencia: dt.date
    valor: int
    pago: int
    vencimento: dt.date
    estado: EstadoCota


@dataclass(frozen=True, slots=True)
class PaginaCotas:
    linhas: tuple[LinhaCota, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class TotaisCotas:
    """previsto = recebido + dispensado + aberto, always."""

    quantidade: int
    previsto: int
    recebido: int
    dispensado: int
    aberto: int


@dataclass(frozen=True, slots=True)
class LotePrevisto:
    """What generating a competência would do now: `novas` cotas of `total` centavos.

    `existentes` are the rows of its list, `canceladas` those of them that were cancelled; cancelled cotas that are owed
    are among the `novas`. `isentos` and `licenciados` are left out. `no_mes_da_filiacao`: whether people who join by
    the due day already owe that month.
    """

    novas: int
    existentes: int
    total: int
    isentos: int
    licenciados: int
    canceladas: int = 0
    no_mes_da_filiacao: bool = True


@dataclass(frozen=True, slots=True)
class DetalheCota:
    """One cota in full; money in centavos."""

    id: int
    militante_id: int
    militante: str
    competencia: dt.date
    valor: int
    pago: int
    vencimento: dt.date
    dispensada_em: dt.date | None
    dispensa_motivo: str | None
    estado: EstadoCota

    @property
    def em_aberto(self) -> int:
        return 0 if self.dispensada_em is not None else self.valor - self.pago


@dataclass(frozen=True, slots=True)
class LinhaDispensa:
    """A waiver of a whole month."""

    id: int
    tipo: TipoDispensa
    motivo: str
    quantidade: int
    total: int
    criada_em: dt.datetime
