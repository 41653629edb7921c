"""Arguments and results of the queries and services about people's own data."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controles.privacidade.models import TipoSolicitacao

# An instant is written with its time.
Celula = str | int | bool | dt.date | dt.datetime | None


class EstadoSolicitacao(StrEnum):
    ABERTA = "aberta"
    ATRASADA = "atrasada"
    CONCLUIDA = "concluida"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroSolicitacoes:
    """Which requests a list shows. `ABERTA` includes those that are late."""

    estado: EstadoSolicitacao | None = None
    tipo: TipoSolicitacao | None = None
    militante_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NovaSolicitacao:
    """`nome` is ignored if there is a militante, whose name is used."""

    tipo: TipoSolicitacao
    recebida_em: dt.date
    militante_id: int | None = None
    nome: str | None = None
    pedido: str | None = None


@dataclass(frozen=True, slots=True)
class LinhaSolicitacao:
    id: int
    tipo: TipoSolicitacao
    militante_id: int | None
    nome: str
    pedido: str | None
    recebida_em: dt.date
    prazo: dt.date
    concluida_em: dt.datetime | None
    atendida: bool | None
    resposta: str | None

    def estado(self, hoje: dt.date) -> EstadoSolicitacao:
        if self.concluida_em is not None:
            return EstadoSolicitacao.CONCLUIDA
        return EstadoSolicitacao.ATRASADA if self.prazo < hoje else EstadoSolicitacao.ABERTA


@dataclass(frozen=True, slots=True)
class PaginaSolicitacoes:
    linhas: tuple[LinhaSolicitacao, ...]
    proximo: str | None
    anterior: str | None


class Tipo(StrEnum):
    """How a column's values are written; money is in centavos."""

    TEXTO = "texto"
    DINHEIRO = "dinheiro"


@dataclass(frozen=True, slots=True)
class Campo:
    """A column: its key in the JSON file, and its title for people."""

    nome: str
    titulo: str
    tipo: Tipo = Tipo.TEXTO


@dataclass(frozen=True, slots=True)
class Secao:
    """One kind of data about a person, with its rows."""

    nome: str
    titulo: str
    campos: tuple[Campo, ...]
    linhas: tuple[tuple[Celula, ...], ...]


@dataclass(frozen=True, slots=True)
class DadosPessoais:
    """All that is stored about a person."""

    militante_id: int
    nome: str
    matricula: str
    secoes: tuple[Secao, ...]

    @property
    def linhas(self) -> Mapping[str, int]:
        return {secao.nome: len(secao.linhas) for secao in self.secoes}


@dataclass(frozen=True, slots=True)
class ItemRetencao:
    """A kind of data: how long it is kept and why, how much is stored, and how much of that is past its term.

    `vencidos` None: it has no term.
    """

    dado: str
    prazo: str
    motivo: str
    guardados: int
    vencidos: int | None = None
    # What can be done about those past their term: the name of an action of the page.
    acao: str | None = None
