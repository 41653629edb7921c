"""What a search is for, and what it finds."""

import datetime as dt
from dataclasses import dataclass

from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroBusca:
    busca: str = ""


@dataclass(frozen=True, slots=True)
class PessoaAchada:
    """`porque`: what of the person the term is, such as "telefone (11) 98765-4321"."""

    id: int
    nome: str
    matricula: str
    nucleo: str | None
    situacao: Situacao
    porque: str


@dataclass(frozen=True, slots=True)
class PagamentoAchado:
    """`valor` is negative for an estorno."""

    id: int
    data_credito: dt.date
    valor: int
    metodo: Metodo
    militante: str | None
    estornado: bool
    porque: str


@dataclass(frozen=True, slots=True)
class ReciboAchado:
    id: int
    nome: str
    militante: str
    valor: int
    porque: str


@dataclass(frozen=True, slots=True)
class Achados:
    """At most `MOST_FOUND` of each; whether there are more people, or more payments of this amount."""

    pessoas: tuple[PessoaAchada, ...] = ()
    pagamentos: tuple[PagamentoAchado, ...] = ()
    recibos: tuple[ReciboAchado, ...] = ()
    mais_pessoas: bool = False
    mais_pagamentos: bool = False
    # The amount in centavos that the term is, for a link to nothing else than this.
    valor: int | None = None

    @property
    def total(self) -> int:
        return len(self.pessoas) + len(self.pagamentos) + len(self.recibos)
