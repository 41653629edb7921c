"""The operations of the API, from which its routes and its description are made."""

from dataclasses import dataclass
from typing import Any

from controles.api.parameters import PAGES, Parametro, day, identifier, integer, one_of, yes_no
from controles.api.records import (
    Acesso,
    CotaDaLista,
    MesDoNucleo,
    MilitanteDaLista,
    MilitanteInteiro,
    NucleoDaLista,
    PagamentoDaLista,
    Pagina,
)
from controles.cotas.records import FiltroEstado
from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Operacao:
    """`recurso` names it in the audit; `resposta` is the type of its answer; `id_no_caminho` ends the path in an id."""

    recurso: str
    acesso: Acesso
    resumo: str
    resposta: Any
    parametros: tuple[Parametro, ...] = ()
    id_no_caminho: bool = False

    @property
    def caminho(self) -> str:
        return f"/{self.recurso}/{{id}}" if self.id_no_caminho else f"/{self.recurso}"


_NUCLEO = identifier("nucleo_id", "Só deste núcleo.")
_MILITANTE = identifier("militante_id", "Só deste militante.")

MILITANTES = Operacao(
    "militantes",
    Acesso.MILITANTES,
    "Os militantes, por nome",
    Pagina[MilitanteDaLista],
    (
        one_of("situacao", "Só os que estão nesta situação.", Situacao),
        yes_no("devendo", "true: só quem tem ao menos uma cota vencida."),
        _NUCLEO,
        *PAGES,
    ),
)
MILITANTE = Operacao("militantes", Acesso.MILITANTES, "Um militante", MilitanteInteiro, id_no_caminho=True)
NUCLEOS = Operacao("nucleos", Acesso.MILITANTES, "Os núcleos ativos", Pagina[NucleoDaLista])
COTAS = Operacao(
    "cotas",
    Acesso.COTAS,
    "As cotas, da competência mais nova para a mais antiga",
    Pagina[CotaDaLista],
    (
        day("competencia", "Só as do mês deste dia."),
        one_of("estado", "Só as que estão neste estado.", FiltroEstado),
        _NUCLEO,
        _MILITANTE,
        *PAGES,
    ),
)
PAGAMENTOS = Operacao(
    "pagamentos",
    Acesso.PAGAMENTOS,
    "Os pagamentos e os estornos, do mais novo para o mais antigo",
    Pagina[PagamentoDaLista],
    (
        day("de", "Com a data deste dia ou depois."),
        day("ate", "Com a data deste dia ou antes."),
        one_of("metodo", "Só os feitos deste modo.", Metodo),
        _NUCLEO,
        _MILITANTE,
        *PAGES,
    ),
)
PREVISTO_REALIZADO = Operacao(
    "previsto-realizado",
    Acesso.RELATORIOS,
    "O previsto e o recebido de um ano, por competência e por núcleo",
    Pagina[MesDoNucleo],
    (
        integer("ano", "O ano; o atual, se não for dado.", least=2000, most=2100),
        integer("mes", "Só este mês do ano.", least=1, most=12),
        _NUCLEO,
    ),
)
OPERACOES = (MILITANTES, MILITANTE, NUCLEOS, COTAS, PAGAMENTOS, PREVISTO_REALIZADO)
