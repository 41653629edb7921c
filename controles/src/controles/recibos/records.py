"""Contents of receipts, and parameters of queries about them; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.pagamentos.models import Metodo


@dataclass(frozen=True, slots=True, kw_only=True)
class ConteudoRecibo:
    """The contents of a receipt: the organisation, the payer and the purpose, as known when it was issued."""

    organizacao: str
    linhas: tuple[str, ...]
    municipio: str | None
    militante: str
    matricula: str
    pagamento_id: int
    valor: int
    data_credito: dt.date
    metodo: Metodo
    # What it paid: each competência with its centavos; the rest is credit.
    partes: tuple[tuple[dt.date, int], ...]


@dataclass(frozen=True, slots=True)
class LinhaRecibo:
    """One line of the list."""

    id: int
    ano: int
    numero: int
    militante: str
    valor: int
    pagamento_id: int
    emitido_em: dt.datetime
    cancelado_em: dt.datetime | None

    @property
    def nome(self) -> str:
        return name_of(self.ano, self.numero)


@dataclass(frozen=True, slots=True)
class PaginaRecibos:
    linhas: tuple[LinhaRecibo, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class DetalheRecibo:
    """One receipt, with all that is printed. `cpf` is None if it was not known."""

    id: int
    ano: int
    numero: int
    codigo: str
    conteudo: ConteudoRecibo
    cpf: str | None
    emitido_em: dt.datetime
    emitido_por: str | None
    cancelado_em: dt.datetime | None
    motivo: str | None

    @property
    def nome(self) -> str:
        return name_of(self.ano, self.numero)


@dataclass(frozen=True, slots=True)
class SituacaoRecibo:
    """What a stranger with the receipt's code may know: no name, and no person's number."""

    organizacao: str
    ano: int
    numero: int
    valor: int
    emitido_em: dt.datetime
    cancelado_em: dt.datetime | None

    @property
    def nome(self) -> str:
        return name_of(self.ano, self.numero)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroRecibos:
    """Which receipts the list shows."""

    ano: int | None = None
    de_numero: int | None = None
    ate_numero: int | None = None
    cancelados: bool | None = None
    militante_id: int | None = None


@dataclass(frozen=True, slots=True)
class Emitidos:
    """The result of issuing: the receipts of the payments, which of them are new, and how many payments cannot have
    one."""

    ids: tuple[int, ...]
    novos: tuple[int, ...]
    sem_militante: int


@dataclass(frozen=True, slots=True)
class Contribuicao:
    """One payment of an annual statement."""

    pagamento_id: int
    data: dt.date
    metodo: Metodo
    competencias: tuple[dt.date, ...]
    valor: int


@dataclass(frozen=True, slots=True)
class Demonstrativo:
    """What one person paid in a year; never empty."""

    ano: int
    militante_id: int
    militante: str
    matricula: str
    cpf: str | None
    linhas: tuple[Contribuicao, ...]

    @property
    def total(self) -> int:
        """The sum of the lines."""
        return sum(linha.valor for linha in self.linhas)


def name_of(ano: int, numero: int) -> str:
    """A receipt's name: "2026/000123"."""
    return f"{ano}/{numero:06d}"
