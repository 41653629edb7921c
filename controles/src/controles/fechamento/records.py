"""Results of the queries about closed months."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pendencias:
    """What is still to be done up to a month that is to be closed: how many of each."""

    linhas_abertas: int
    sem_identificacao: int

    def __bool__(self) -> bool:
        return bool(self.linhas_abertas or self.sem_identificacao)


@dataclass(frozen=True, slots=True)
class MesFechamento:
    """One month in the list. `por` and `em`: who closed it and when; None if it is open, or closed by a later month."""

    competencia: dt.date
    fechado: bool
    em: dt.datetime | None
    por: str | None


@dataclass(frozen=True, slots=True)
class Registro:
    """One closing, and its reopening, in a month's history."""

    fechado_em: dt.datetime
    fechado_por: str | None
    reaberto_em: dt.datetime | None
    reaberto_por: str | None
    motivo: str | None
