"""What the organisation is known by."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.organizacao.models import TipoEntidade


@dataclass(frozen=True, slots=True)
class DadosOrganizacao:
    """The organisation as its form shows it. `versao` 0 means that nobody has filled it in yet."""

    nome: str = ""
    tipo: TipoEntidade = TipoEntidade.ASSOCIACAO
    cnpj: str | None = None
    endereco: str | None = None
    municipio: str | None = None
    uf: str | None = None
    email: str | None = None
    telefone: str | None = None
    pix_chave: str | None = None
    cota_no_mes_da_filiacao: bool = True
    # Day 1 of the month with which the accounts begin; None: nobody said so.
    inicio: dt.date | None = None
    # For who is new; centavos.
    valor_cota: int = 2000
    dia_vencimento: int = 10
    versao: int = 0


@dataclass(frozen=True, slots=True)
class LinhaNucleo:
    """One núcleo, with its number of present members."""

    id: int
    nome: str
    uf: str
    municipio: str
    ativo: bool
    membros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DadosNucleo:
    nome: str
    uf: str
    municipio: str
    ativo: bool = True


class Passo(StrEnum):
    """One of the first steps of an organisation here, in their order."""

    DADOS = "dados"
    PIX = "pix"
    LOGO = "logo"
    NUCLEOS = "nucleos"
    VALORES = "valores"
    MILITANTES = "militantes"
    COTAS = "cotas"
    SALDOS = "saldos"
    CONTA = "conta"
    PESSOA = "pessoa"


# What an organisation may do without.
OPTIONAL_STEPS = frozenset({Passo.PIX, Passo.LOGO, Passo.NUCLEOS, Passo.SALDOS, Passo.CONTA, Passo.PESSOA})


@dataclass(frozen=True, slots=True)
class PrimeirosPassos:
    """What of them is done, and what somebody said is not needed."""

    feitos: tuple[Passo, ...]
    pulados: tuple[Passo, ...]

    @property
    def falta(self) -> tuple[Passo, ...]:
        return tuple(passo for passo in Passo if passo not in (*self.feitos, *self.pulados))
