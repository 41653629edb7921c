"""Arguments and results of the queries about arrears; money in centavos."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.cotas.records import CelulaMatriz
from controles.militantes.models import Situacao


class Grupo(StrEnum):
    """Whose arrears: present members, including those on leave; former members; or everybody."""

    MEMBROS = "membros"
    DESLIGADOS = "desligados"
    TODOS = "todos"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroInadimplencia:
    """Which arrears the list shows: at least `meses_min` overdue cotas (never fewer than 1), and at most
    `meses_max`."""

    grupo: Grupo = Grupo.MEMBROS
    meses_min: int = 1
    meses_max: int | None = None
    nucleo_id: int | None = None


@dataclass(frozen=True, slots=True)
class LinhaInadimplencia:
    """`meses` and `valor` count only overdue cotas, that is, those due before today."""

    id: int
    nome: str
    matricula: str
    telefone: str | None
    nucleo: str | None
    situacao: Situacao
    meses: int
    valor: int
    mais_antiga: dt.date


@dataclass(frozen=True, slots=True)
class PaginaInadimplencia:
    linhas: tuple[LinhaInadimplencia, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class TotalInadimplencia:
    """The sum of a list's lines, on all its pages."""

    militantes: int
    valor: int


@dataclass(frozen=True, slots=True)
class FaixaGrupo:
    """The arrears of one band of overdue months, of former members or of all others."""

    faixa: str
    desligados: bool
    militantes: int
    valor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroMatriz:
    """Which year's months are shown, and of whom. `ano` 0: the current one."""

    ano: int = 0
    nucleo_id: int | None = None
    situacao: Situacao | None = None


@dataclass(frozen=True, slots=True)
class LinhaMatriz:
    """One militante's twelve months, January first."""

    id: int
    nome: str
    matricula: str
    situacao: Situacao
    celulas: tuple[CelulaMatriz, ...]


@dataclass(frozen=True, slots=True)
class PaginaMatriz:
    linhas: tuple[LinhaMatriz, ...]
    proximo: str | None
    anterior: str | None
