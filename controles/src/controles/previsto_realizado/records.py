"""What is asked of previsto × realizado and what comes back; money in centavos."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroPrevisto:
    """A year, a month of it (1 to 12), and a núcleo. None: the current year, all its months, all núcleos."""

    ano: int | None = None
    mes: int | None = None
    nucleo_id: int | None = None


@dataclass(frozen=True, slots=True)
class Somas:
    """The sums of some cotas: previsto = recebido + dispensado + aberto.

    `cotas` counts them all, waived ones included: it is the number of rows of their list.
    """

    cotas: int = 0
    quitadas: int = 0
    previsto: int = 0
    recebido: int = 0
    dispensado: int = 0

    def __add__(self, other: "Somas") -> "Somas":
        return Somas(
            self.cotas + other.cotas,
            self.quitadas + other.quitadas,
            self.previsto + other.previsto,
            self.recebido + other.recebido,
            self.dispensado + other.dispensado,
        )

    @property
    def aberto(self) -> int:
        return self.previsto - self.recebido - self.dispensado

    @property
    def recebido_milesimos(self) -> int | None:
        """What was received of what is not waived, rounded down; None if nothing was expected."""
        expected = self.previsto - self.dispensado
        return self.recebido * 1000 // expected if expected else None


@dataclass(frozen=True, slots=True)
class SomasDoNucleo:
    """The sums of one competência in one núcleo; `nucleo_id` None: of militantes without a núcleo."""

    competencia: dt.date
    nucleo_id: int | None
    somas: Somas


@dataclass(frozen=True, slots=True)
class LinhaMes:
    competencia: dt.date
    somas: Somas


@dataclass(frozen=True, slots=True)
class LinhaNucleo:
    nucleo_id: int | None
    nome: str
    somas: Somas


@dataclass(frozen=True, slots=True)
class PrevistoRealizado:
    """A year: each of its months, the núcleos by name in the chosen month or in the whole year, and both totals."""

    meses: tuple[LinhaMes, ...]
    nucleos: tuple[LinhaNucleo, ...]
    total: Somas
    total_dos_nucleos: Somas
    gerado_em: dt.datetime


@dataclass(frozen=True, slots=True)
class LinhaInteira:
    """One month of one núcleo, as a file shows it."""

    competencia: dt.date
    nucleo: str
    somas: Somas
