"""What is printed on a card, and what a stranger learns from its code."""

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
    """What the code proves now. `vale`: an active member, whose card is neither revoked nor expired."""

    vale: bool
    organizacao: str
    valida_ate: dt.date


@dataclass(frozen=True, slots=True)
class Emitidas:
    """The result of issuing: the cards, which of them are new, and how many people cannot have one."""

    ids: tuple[int, ...]
    novas: tuple[int, ...]
    sem_direito: int
