"""Parameters and results of queries about assemblies."""

import datetime as dt
from dataclasses import dataclass

from controles.assembleias.models import Impedimento, Regra


@dataclass(frozen=True, slots=True, kw_only=True)
class NovaAssembleia:
    """An assembly whose roll is to be issued."""

    nome: str
    data: dt.date
    nucleo_id: int | None = None
    regra: Regra = Regra.TODOS
    meses_tolerados: int = 0
    carencia_dias: int = 0


@dataclass(frozen=True, slots=True)
class LinhaAssembleia:
    """One line of the list; `com_direito` of `membros` may vote."""

    id: int
    nome: str
    data: dt.date
    nucleo: str | None
    membros: int
    com_direito: int
    cancelada: bool


@dataclass(frozen=True, slots=True)
class ContagemNucleo:
    """How many of a núcleo's members may vote."""

    nucleo: str
    com_direito: int
    sem_direito: int


@dataclass(frozen=True, slots=True)
class DetalheAssembleia:
    """An assembly with its counts, by núcleo and by reason."""

    id: int
    nome: str
    data: dt.date
    nucleo: str | None
    regra: Regra
    meses_tolerados: int
    carencia_dias: int
    emitida_em: dt.datetime
    emitida_por: str | None
    cancelada_em: dt.datetime | None
    motivo: str | None
    por_nucleo: tuple[ContagemNucleo, ...]
    impedidos: tuple[tuple[Impedimento, int], ...]

    @property
    def com_direito(self) -> int:
        """How many may vote."""
        return sum(one.com_direito for one in self.por_nucleo)

    @property
    def sem_direito(self) -> int:
        """How many members may not."""
        return sum(one.sem_direito for one in self.por_nucleo)


@dataclass(frozen=True, slots=True)
class LinhaConvocado:
    """One member on the roll."""

    nome: str
    matricula: str
    nucleo: str
    impedimento: Impedimento | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaAssembleia:
    """The assembly of an exported roll, for the audit."""

    assembleia_id: int | None = None
