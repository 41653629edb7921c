"""What a page shows of a batch."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.importing.models import AT_WORK, Estado, Tipo


class Ver(StrEnum):
    """Which rows of a batch a page lists."""

    ERROS = "erros"
    CONFLITOS = "conflitos"
    ALTERACOES = "alteracoes"
    NOVOS = "novos"
    TOTAIS = "totais"
    PULADAS = "puladas"
    MANTIDOS = "mantidos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lote:
    """A batch. `alteracoes`: rows that change a record; `totais`: lines with totals."""

    id: int
    tipo: Tipo
    estado: Estado
    arquivo: str
    criada_em: dt.datetime
    criada_por: str | None
    cabecalho: tuple[str, ...]
    avisos: tuple[str, ...]
    novos: int
    atualizados: int
    iguais: int
    erros: int
    conflitos: int
    mantidos: int
    mensagem: str | None
    gravada_em: dt.datetime | None
    desfeita_em: dt.datetime | None
    motivo: str | None

    @property
    def trabalhando(self) -> bool:
        """Whether work on it is running or waiting."""
        return self.estado in AT_WORK

    @property
    def recusadas(self) -> int:
        return self.erros + self.conflitos

    @property
    def a_gravar(self) -> int:
        return self.novos + self.atualizados


@dataclass(frozen=True, slots=True)
class PaginaLotes:
    linhas: tuple[Lote, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class LinhaLote:
    """A row. `falhas`: column and sentence; `alteracoes`: column, before, after; `decisao`: the decision, if any.

    `opcoes`: the possible answers.
    """

    id: int
    numero: int
    acao: str
    de: str | None
    falhas: tuple[tuple[str | None, str], ...]
    alteracoes: tuple[tuple[str, str, str], ...]
    decisao: str | None
    opcoes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PaginaLinhas:
    linhas: tuple[LinhaLote, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class ColunaLida:
    """A title of the file: its position, how it is read, and the meaning that a user defined, if any."""

    lugar: int
    titulo: str
    campos: tuple[str, ...]
    dito: str | None
