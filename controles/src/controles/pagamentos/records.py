"""Arguments and results of the queries about pagamentos; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroPagamentos:
    """Which pagamentos a list shows. `de` and `ate` limit data_credito and are inclusive."""

    de: dt.date | None = None
    ate: dt.date | None = None
    metodo: Metodo | None = None
    nucleo_id: int | None = None
    militante_id: int | None = None
    # Part of a militante's name, a matrícula, a whole CPF, or an e2eid.
    busca: str = ""


@dataclass(frozen=True, slots=True)
class LinhaPagamento:
    """One line of the list. `valor` is negative for an estorno, so the lines add up to the totals."""

    id: int
    data_credito: dt.date
    militante_id: int | None
    militante: str | None
    valor: int
    metodo: Metodo
    # The payment that this line reverses; None for an ordinary payment.
    estorno_de: int | None
    estornado: bool
    competencias: tuple[dt.date, ...]
    motivo: str | None
    # Who paid, if it was not the militante.
    pagador: str | None


@dataclass(frozen=True, slots=True)
class PaginaPagamentos:
    linhas: tuple[LinhaPagamento, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class TotalMetodo:
    """`quantidade` counts the list's lines, including estornos; `valor` is net of these."""

    metodo: Metodo
    quantidade: int
    valor: int


@dataclass(frozen=True, slots=True)
class TotaisPagamentos:
    por_metodo: tuple[TotalMetodo, ...]
    valor: int
    quantidade: int


@dataclass(frozen=True, slots=True)
class IgualPagamento:
    """A payment of the same militante, day and amount as one that is about to be registered."""

    id: int
    registrado_em: dt.datetime
    registrado_por: str | None


@dataclass(frozen=True, slots=True)
class Pagador:
    """Who pays, as the form for a payment shows them; `credito` is what they paid and no cota took."""

    id: int
    nome_exibido: str
    matricula: str
    nucleo: str | None
    situacao: Situacao
    credito: int


@dataclass(frozen=True, slots=True)
class ParteAlocada:
    """The part of a payment that pays one cota; negative in an estorno."""

    cota_id: int
    competencia: dt.date
    centavos: int


@dataclass(frozen=True, slots=True)
class DetalhePagamento:
    """One payment or estorno in full. `valor` is positive in both; `estorno_de` distinguishes them."""

    id: int
    militante_id: int | None
    militante: str | None
    matricula: str | None
    data_credito: dt.date
    valor: int
    metodo: Metodo
    e2eid: str | None
    observacao: str | None
    registrado_em: dt.datetime
    registrado_por: str | None
    partes: tuple[ParteAlocada, ...]
    # The payment's credit: what was neither allocated nor given back.
    credito: int
    devolvido: int
    estorno_de: int | None
    estornado_por: int | None
    estornado_em: dt.date | None
    motivo: str | None
    # Who paid, if it was not the militante; the CPF is masked.
    pagador_nome: str | None
    pagador_cpf: str | None
    # The other payments that were one movement of money with this one, as far as the reader may see them.
    juntos: tuple[int, ...]
