"""Arguments and results about lists of receipts; money in centavos."""

import datetime as dt
from dataclasses import dataclass

from controles.recebimentos.models import Estado, Fonte


@dataclass(frozen=True, slots=True, kw_only=True)
class NovaFolha:
    """What is said about a payroll list when it is uploaded. `data` is the day on which the money arrived."""

    empregador: str
    competencia: dt.date
    data: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Lida:
    """One line as a file has it. `chave` is what distinguishes it from all other receipts."""

    numero: int
    valor: int
    data: dt.date
    chave: str
    matricula: str | None = None
    cpf: str | None = None
    nome: str | None = None
    # What our own BR Code or boleto said.
    militante_id: int | None = None
    competencia: dt.date | None = None


@dataclass(frozen=True, slots=True)
class LinhaRecebimentos:
    """One list in the list of lists."""

    id: int
    fonte: Fonte
    estado: Estado
    arquivo: str
    empregador: str | None
    competencia: dt.date | None
    criado_em: dt.datetime
    linhas: int
    total: int


@dataclass(frozen=True, slots=True)
class Linha:
    """One line as the page shows it. `esperado`: what was expected of this person; None if that is not known."""

    id: int
    numero: int
    texto: str
    militante_id: int | None
    militante: str | None
    data: dt.date
    valor: int
    competencia: dt.date | None
    duvida: str | None
    repetida: bool
    pagamento_id: int | None
    esperado: int | None

    @property
    def difere(self) -> bool:
        return self.esperado is not None and self.esperado != self.valor


@dataclass(frozen=True, slots=True)
class Faltante:
    """Somebody who was in the employer's last list and is not in this one."""

    militante_id: int
    militante: str
    valor: int


@dataclass(frozen=True, slots=True)
class DetalheRecebimento:
    lista: LinhaRecebimentos
    linhas: tuple[Linha, ...]
    faltam: tuple[Faltante, ...]
