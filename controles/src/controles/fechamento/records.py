"""What is asked of closed months and what comes back."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pendencias:
    """What is left to do in the months up to one that is to be closed: how many of each."""

    linhas_abertas: int
    sem_identificacao: int

    def __bool__(self) -> bool:
        return bool(self.linhas_abertas or self.sem_identificacao)


@dataclass(frozen=True, slots=True)
class MesFechamento:
    """One month in the list; `por` and `em` say who closed it, and are None if a later month closed it, or none did."""

    competencia: dt.date
    fechado: bool
    em: dt.datetime | None
    por: str | None


@dataclass(frozen=True, slots=True)
class Registro:
    """One closing, and its reopening, in the history of a month."""

    fechado_em: dt.datetime
    fechado_por: str | None
    reaberto_em: dt.datetime | None
    reaberto_por: str | None
    motivo: str | None
