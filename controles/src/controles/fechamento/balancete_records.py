"""The content of a balancete, for each account and each núcleo, in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.caixa.records import Grupo, Origem


@dataclass(frozen=True, slots=True)
class LinhaBalancete:
    """Money in and out of an account for one category."""

    grupo: Grupo
    categoria: str
    entradas: int
    saidas: int


@dataclass(frozen=True, slots=True)
class ContaBalancete:
    """One account in a month: abertura + entradas − saidas = fechamento."""

    id: int
    nome: str
    abertura: int
    entradas: int
    saidas: int
    linhas: tuple[LinhaBalancete, ...]

    @property
    def fechamento(self) -> int:
        return self.abertura + self.entradas - self.saidas


@dataclass(frozen=True, slots=True)
class NucleoBalancete:
    """What a núcleo's members paid, and what was received and spent for it; `nucleo_id` None: for no núcleo."""

    nucleo_id: int | None
    nome: str
    contribuicoes: int
    receitas: int
    despesas: int
    repasses: int

    @property
    def resultado(self) -> int:
        return self.contribuicoes + self.receitas - self.despesas + self.repasses


@dataclass(frozen=True, slots=True)
class Balancete:
    """A month. `contribuicoes`: all payments by their date. `sem_conta`: those of them that are in no account yet."""

    contas: tuple[ContaBalancete, ...]
    nucleos: tuple[NucleoBalancete, ...]
    contribuicoes: int
    sem_conta: int

    @property
    def abertura(self) -> int:
        return sum(conta.abertura for conta in self.contas)

    @property
    def entradas(self) -> int:
        return sum(conta.entradas for conta in self.contas)

    @property
    def saidas(self) -> int:
        return sum(conta.saidas for conta in self.contas)

    @property
    def fechamento(self) -> int:
        return sum(conta.fechamento for conta in self.contas)


@dataclass(frozen=True, slots=True)
class Movimento:
    """One movement of an account."""

    data: dt.date
    grupo: Grupo
    categoria: str
    texto: str
    valor: int
    origem: Origem
    id: int
