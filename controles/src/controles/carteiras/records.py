"""What is printed on a card, and what a stranger learns by its code."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DadosCarteira:
    """One card with what is printed on it."""

    id: int
    militante_id: int
    nome: str
    matricula: str
    nucleo: str | None
    membro_desde: dt.date
    codigo: str
    valida_ate: dt.date
    emitida_em: dt.datetime


@dataclass(frozen=True, slots=True)
class Prova:
    """What the code proves at this moment. `vale`: an active member, by a card that is neither revoked nor past."""

    vale: bool
    organizacao: str
    valida_ate: dt.date


@dataclass(frozen=True, slots=True)
class Emitidas:
    """The cards of those who were asked for, those of them that are new, and how many people can have none."""

    ids: tuple[int, ...]
    novas: tuple[int, ...]
    sem_direito: int
