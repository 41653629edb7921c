"""Arguments and results of the queries about militantes: plain frozen values that can be cached."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.militantes.models import Situacao


class OrdemMilitantes(StrEnum):
    NOME = "nome"
    NOME_DESC = "-nome"
    FILIACAO = "filiacao"
    FILIACAO_DESC = "-filiacao"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroMilitantes:
    """Which militantes a list shows, and in what order. Dates are inclusive at both ends."""

    # Part of a name, a matrícula, or a whole CPF.
    busca: str = ""
    situacao: Situacao | None = None
    nucleo_id: int | None = None
    # At least one overdue cota; same as meses_min=1.
    devendo: bool = False
    ordem: OrdemMilitantes = OrdemMilitantes.NOME
    # The number of overdue cotas: the panel's arrears and its bands link to the list with these.
    meses_min: int = 0
    meses_max: int | None = None
    filiado_de: dt.date | None = None
    filiado_ate: dt.date | None = None
    desligado_de: dt.date | None = None
    desligado_ate: dt.date | None = None
    # Whether they were anonymised; None: both.
    anonimizado: bool | None = None


@dataclass(frozen=True, slots=True)
class LinhaMilitante:
    """`meses_em_aberto` and `em_aberto` (centavos) count only overdue cotas: due before `hoje`."""

    id: int
    matricula: str
    nome: str
    nucleo: str | None
    uf: str | None
    situacao: Situacao
    isento: bool
    data_filiacao: dt.date
    meses_em_aberto: int
    em_aberto: int


@dataclass(frozen=True, slots=True)
class LinhaInteira:
    """A line with what a printed list and a file show in addition."""

    linha: LinhaMilitante
    nome: str
    nome_social: str | None
    nascimento: dt.date | None
    email: str | None
    telefone: str | None
    dia_vencimento: int
    valor_cota: int


@dataclass(frozen=True, slots=True)
class PaginaMilitantes:
    """One page; `proximo` and `anterior` are cursors for the next and previous page, None if there is none."""

    linhas: tuple[LinhaMilitante, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True)
class MudancaSituacao:
    situacao: Situacao
    desde: dt.date
    motivo: str | None
    # When a leave is expected to end.
    prevista_ate: dt.date | None = None


@dataclass(frozen=True, slots=True)
class FichaMilitante:
    """Everything on a militante's page. Centavos: `em_aberto` is overdue, `a_vencer` open but not yet due."""

    id: int
    matricula: str
    nome: str
    nome_social: str | None
    nome_exibido: str
    cpf_mascarado: str | None
    nascimento: dt.date | None
    email: str | None
    telefone: str | None
    nucleo_id: int | None
    nucleo: str | None
    uf: str | None
    situacao: Situacao
    data_filiacao: dt.date
    data_desligamento: dt.date | None
    dia_vencimento: int
    isento: bool
    valor_cota: int
    versao: int
    anonimizado: bool
    meses_em_aberto: int
    em_aberto: int
    a_vencer: int
    # Paid, but not allocated to any cota.
    credito: int
    historico: tuple[MudancaSituacao, ...]


@dataclass(frozen=True, slots=True)
class Conhecido:
    """The militante found by a CPF."""

    id: int
    nome: str
    matricula: str
    situacao: Situacao
    data_desligamento: dt.date | None


@dataclass(frozen=True, slots=True)
class NucleoItem:
    id: int
    nome: str
    uf: str
