"""What the API answers with, and its tokens. Money is in centavos, dates are local days, a competência is its day 1."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from controles.contas.models import Papel
from controles.cotas.records import EstadoCota
from controles.domain.escopo import Escopo
from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo

T = TypeVar("T")

Centavos = Annotated[int, Meta(description="Em centavos de real.")]
Competencia = Annotated[dt.date, Meta(description="O dia 1 do mês.")]


class Acesso(StrEnum):
    """What a token may be used to read."""

    MILITANTES = "militantes"
    COTAS = "cotas"
    PAGAMENTOS = "pagamentos"
    RELATORIOS = "relatorios"


@dataclass(frozen=True, slots=True, kw_only=True)
class NovoToken:
    nome: str
    acessos: frozenset[Acesso]
    dias: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portador:
    """The user of a valid token. `ultimo_em`: when it last read this resource today, to within some minutes."""

    token_id: int
    usuario_id: int
    papel: Papel
    nucleo_id: int | None
    acessos: frozenset[Acesso]
    ultimo_em: dt.datetime | None

    @property
    def escopo(self) -> Escopo:
        return Escopo(self.nucleo_id)


class EstadoToken(StrEnum):
    VALIDO = "valido"
    EXPIRADO = "expirado"
    REVOGADO = "revogado"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinhaToken:
    """A token as a page shows it; `usado_em` to within some minutes, None if it was never used."""

    id: int
    nome: str
    acessos: tuple[Acesso, ...]
    estado: EstadoToken
    criado_em: dt.datetime
    expira_em: dt.datetime
    revogado_em: dt.datetime | None
    usado_em: dt.datetime | None


class Pagina(Struct, Generic[T], frozen=True):
    """`proximo` is the `cursor` of the next page, None on the last one."""

    itens: tuple[T, ...]
    proximo: Annotated[str | None, Meta(description="O cursor da próxima página; nulo na última.")]


class MilitanteDaLista(Struct, frozen=True):
    id: int
    matricula: str
    nome: str
    nucleo: str | None
    uf: str | None
    situacao: Situacao
    isento: bool
    data_filiacao: dt.date
    meses_em_aberto: Annotated[int, Meta(description="Só as cotas vencidas.")]
    em_aberto: Centavos


class MilitanteInteiro(Struct, frozen=True):
    id: int
    matricula: str
    nome: str
    nucleo_id: int | None
    nucleo: str | None
    uf: str | None
    situacao: Situacao
    isento: bool
    nascimento: dt.date | None
    email: str | None
    telefone: str | None
    data_filiacao: dt.date
    data_desligamento: dt.date | None
    dia_vencimento: int
    valor_cota: Centavos
    meses_em_aberto: int
    em_aberto: Centavos
    a_vencer: Centavos
    credito: Centavos


class CotaDaLista(Struct, frozen=True):
    id: int
    militante_id: int
    militante: str
    competencia: Competencia
    valor: Centavos
    pago: Centavos
    vencimento: dt.date
    estado: EstadoCota


class PagamentoDaLista(Struct, frozen=True):
    id: int
    data_credito: dt.date
    militante_id: int | None
    militante: str | None
    valor: Annotated[int, Meta(description="Em centavos de real; negativo num estorno.")]
    metodo: Metodo
    estorno_de: Annotated[int | None, Meta(description="O pagamento que esta linha estorna.")]
    estornado: bool
    competencias: Annotated[tuple[dt.date, ...], Meta(description="Os meses que este pagamento pagou.")]


class NucleoDaLista(Struct, frozen=True):
    id: int
    nome: str
    uf: str


class MesDoNucleo(Struct, frozen=True):
    competencia: Competencia
    nucleo: str
    cotas: int
    quitadas: int
    previsto: Centavos
    recebido: Centavos
    dispensado: Centavos
    aberto: Centavos


class ParametroErrado(Struct, frozen=True):
    parametro: str
    mensagem: str


class Problema(Struct, frozen=True, omit_defaults=True):
    """What went wrong, as RFC 9457 writes it."""

    title: str
    status: int
    detail: Annotated[str, Meta(description="O que aconteceu, e o que fazer.")]
    type: str = "about:blank"
    pedido: Annotated[str, Meta(description="O número deste pedido nos logs.")] = ""
    erros: tuple[ParametroErrado, ...] = ()
