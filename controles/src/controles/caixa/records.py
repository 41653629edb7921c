"""Arguments and results of the queries about lançamentos; money in centavos."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.caixa.models import TipoLancamento


class Grupo(StrEnum):
    """The kind of a movement, in reports."""

    CONTRIBUICAO = "pagamento"
    RECEITA = "receita"
    REPASSE_RECEBIDO = "repasse_recebido"
    DESPESA = "despesa"
    REPASSE_ENVIADO = "repasse_enviado"
    TRANSFERENCIA = "transferencia"
    OUTRO = "outro"
    ABERTO = "aberto"


class Origem(StrEnum):
    """Where a movement is recorded."""

    LINHA = "linha"
    LANCAMENTO = "lancamento"
    PAGAMENTO = "pagamento"


@dataclass(frozen=True, slots=True, kw_only=True)
class NovoLancamento:
    """`valor` is the amount without a sign; `tipo` says in which direction. `outra_conta_id`: the account it went
    to."""

    tipo: TipoLancamento
    conta_id: int
    data: dt.date
    valor: int
    categoria: str
    outra_conta_id: int | None = None
    descricao: str | None = None
    nucleo_id: int | None = None
    chave_idempotencia: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NovaDevolucao:
    """What is given back: `militante_id`'s credit, or else the unidentified payment `pagamento_id`."""

    conta_id: int
    data: dt.date
    valor: int
    militante_id: int | None = None
    pagamento_id: int | None = None
    descricao: str | None = None
    chave_idempotencia: str | None = None


@dataclass(frozen=True, slots=True)
class Devolvido:
    """What a movement, or a line of a statement, gives back of one payment; `militante` None: it was unidentified."""

    pagamento_id: int
    militante_id: int | None
    militante: str | None
    centavos: int


@dataclass(frozen=True, slots=True)
class Arquivo:
    """A file as it was uploaded."""

    nome: str
    conteudo: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroLancamentos:
    """Which lançamentos a list shows. `de` and `ate` are inclusive."""

    conta_id: int | None = None
    tipo: TipoLancamento | None = None
    de: dt.date | None = None
    ate: dt.date | None = None


@dataclass(frozen=True, slots=True)
class LinhaLancamento:
    """One line of the list."""

    id: int
    tipo: TipoLancamento
    conta: str
    outra_conta: str | None
    data: dt.date
    valor: int
    categoria: str
    descricao: str | None
    estorno_de: int | None
    estornado: bool


@dataclass(frozen=True, slots=True)
class PaginaLancamentos:
    linhas: tuple[LinhaLancamento, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class DadosComprovante:
    """A file's data, without its content."""

    id: int
    nome: str
    tipo: str
    tamanho: int
    enviado_em: dt.datetime


@dataclass(frozen=True, slots=True)
class DetalheLancamento:
    """One lançamento in full."""

    linha: LinhaLancamento
    nucleo: str | None
    linha_id: int | None
    motivo: str | None
    estornado_por: int | None
    registrado_em: dt.datetime
    registrado_por: str | None
    comprovantes: tuple[DadosComprovante, ...]
    devolvidos: tuple[Devolvido, ...]


@dataclass(frozen=True, slots=True)
class ArquivoGuardado:
    """A file with its content."""

    nome: str
    tipo: str
    conteudo: bytes
