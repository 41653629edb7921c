"""Arguments and results of the queries about reminders; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.lembretes.models import Canal, Estado, Regra


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroLembretes:
    """Who is in a preview. Former members, and those who are not to be reminded, only if requested."""

    competencia: dt.date | None = None
    regra: Regra = Regra.AVISO
    desligados: bool = False
    avisaram: bool = False


@dataclass(frozen=True, slots=True)
class LinhaPrevia:
    """One person in the preview; `meses` are their overdue competências, oldest first."""

    id: int
    nome: str
    matricula: str
    email: str | None
    telefone: str | None
    desligado: bool
    sem_lembrete: str | None
    meses: tuple[dt.date, ...]
    valor: int


@dataclass(frozen=True, slots=True)
class PaginaPrevia:
    linhas: tuple[LinhaPrevia, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class SituacaoMes:
    """Whether all payments of a competência were entered, according to `por`."""

    completo: bool
    quando: dt.datetime | None
    por: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroHistorico:
    militante_id: int | None = None
    estado: Estado | None = None


@dataclass(frozen=True, slots=True)
class LinhaLembrete:
    id: int
    militante_id: int
    militante: str
    regra: Regra
    competencia: dt.date
    canal: Canal
    estado: Estado
    meses: int
    valor: int
    criado_em: dt.datetime
    criado_por: str | None
    enviado_em: dt.datetime | None
    erro: str | None


@dataclass(frozen=True, slots=True)
class PaginaLembretes:
    linhas: tuple[LinhaLembrete, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pedido:
    """Whom to remind of what; people to whom the filter no longer applies are left out."""

    filtro: FiltroLembretes
    militante_ids: tuple[int, ...]
    canal: Canal


@dataclass(frozen=True, slots=True)
class Envio:
    """The result of sending; `problema` says why it ended early."""

    enviados: int = 0
    falhas: int = 0
    cancelados: int = 0
    restantes: int = 0
    problema: str | None = None
