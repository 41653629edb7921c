"""Arguments and results of the queries about accounts and statements; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.banco.models import Destino, Finalidade, Formato, TipoConta


@dataclass(frozen=True, slots=True, kw_only=True)
class DadosConta:
    """An account as its form shows it. `versao` 0 means a new one."""

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
    """One line as a file has it. `valor` is negative for a withdrawal."""

    data: dt.date
    valor: int
    descricao: str
    fitid: str = ""


@dataclass(frozen=True, slots=True)
class ExtratoLido:
    """What a file says about one account; the numbers are None for a CSV."""

    formato: Formato
    banco: str | None
    numero: str | None
    linhas: tuple[LinhaLida, ...]


@dataclass(frozen=True, slots=True)
class Importado:
    """The result of an import: how many lines were new, were known, and are from before the account begins."""

    conta_id: int
    conta: str
    novas: int
    repetidas: int
    anteriores: int


@dataclass(frozen=True, slots=True)
class LinhaConta:
    """One account in the list. `saldo`: the initial balance plus all movements. `abertas`: lines not matched yet."""

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
    """Whose money a line may be. With `pagamento_id` it is that payment; otherwise accepting it registers one.

    `confianca` is certa (same PIX), alta (same txid or CPF), média or baixa; `motivo` gives the reason.
    """

    confianca: str
    motivo: str
    pagamento_id: int | None
    militante_id: int | None
    nome: str
    # Several payments that were one movement of money, instead of one payment or a person.
    grupo: str | None = None
