"""What is asked of accounts and statements and what comes back; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.banco.models import Destino, Finalidade, Formato, TipoConta


@dataclass(frozen=True, slots=True, kw_only=True)
class DadosConta:
    """An account as its form shows it. `versao` 0: a new one."""

    nome: str
    tipo: TipoConta
    finalidade: Finalidade
    banco: str | None
    agencia: str | None
    numero: str | None
    saldo_inicial: int
    inicio: dt.date
    ativa: bool = True
    versao: int = 0


@dataclass(frozen=True, slots=True)
class LinhaLida:
    """One line as a file has it. `valor` is negative for money that went out."""

    data: dt.date
    valor: int
    descricao: str
    fitid: str = ""


@dataclass(frozen=True, slots=True)
class ExtratoLido:
    """What a file says of one account; the numbers are None in a CSV."""

    formato: Formato
    banco: str | None
    numero: str | None
    linhas: tuple[LinhaLida, ...]


@dataclass(frozen=True, slots=True)
class Importado:
    """What an import wrote: lines that are new, were there, and are of days before the account begins."""

    conta_id: int
    conta: str
    novas: int
    repetidas: int
    anteriores: int


@dataclass(frozen=True, slots=True)
class LinhaConta:
    """One account in the list: `saldo` is what it began with and all that moved; `abertas` those not matched yet."""

    id: int
    nome: str
    tipo: TipoConta
    finalidade: Finalidade
    ativa: bool
    saldo: int
    abertas: int


@dataclass(frozen=True, slots=True)
class Linha:
    """One line of a statement."""

    id: int
    conta_id: int
    data: dt.date
    valor: int
    descricao: str
    e2eid: str | None
    militante_id: int | None
    destino: Destino | None


@dataclass(frozen=True, slots=True)
class PaginaLinhas:
    linhas: tuple[Linha, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class Parte:
    """What a line, or a part of it, was matched to."""

    destino: Destino
    centavos: int
    pagamento_id: int | None
    militante: str | None
    estornado: bool
    categoria: str | None


@dataclass(frozen=True, slots=True)
class Sugestao:
    """Whose money a line may be. With a `pagamento_id` that payment is it; else accepting registers one.

    `confianca` is certa (same PIX), alta (same txid or CPF), média or baixa; `motivo` says why.
    """

    confianca: str
    motivo: str
    pagamento_id: int | None
    militante_id: int | None
    nome: str
