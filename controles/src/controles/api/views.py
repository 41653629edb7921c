"""The API's addresses. Each reads what the corresponding page reads, by the same queries."""

from typing import Any

from flask import Blueprint, Response

from controles.api import operations
from controles.api.answers import Refused, page, serves
from controles.api.description import openapi
from controles.api.parameters import DEFAULT_LIMIT
from controles.api.records import (
    CotaDaLista,
    MesDoNucleo,
    MilitanteDaLista,
    MilitanteInteiro,
    NucleoDaLista,
    PagamentoDaLista,
    Pagina,
)
from controles.cotas.queries import list_cotas
from controles.cotas.records import FiltroCotas, LinhaCota
from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.domain.periods import month_of
from controles.militantes.queries import get_militante, list_militantes, list_nucleos
from controles.militantes.records import FichaMilitante, FiltroMilitantes, LinhaMilitante
from controles.pagamentos.queries import list_pagamentos
from controles.pagamentos.records import FiltroPagamentos, LinhaPagamento
from controles.previsto_realizado.queries import whole_previsto_realizado, year_of
from controles.previsto_realizado.records import FiltroPrevisto, LinhaInteira

blueprint = Blueprint("api", __name__, url_prefix=operations.PREFIX)

Values = dict[str, Any]


@blueprint.errorhandler(Refused)
def _refused(error: Refused) -> Response:
    return error.answer()


@blueprint.get("/openapi.json")
def description() -> Response:
    """What the API offers; it contains no data, so it needs no token."""
    return Response(openapi(), content_type="application/json")


@blueprint.get("/militantes")
@serves(operations.MILITANTES)
def militantes(escopo: Escopo, values: Values) -> Pagina[Any]:
    cursor, limit = _place(values)
    found = list_militantes(escopo, FiltroMilitantes(**values), hoje=today(), cursor=cursor, limit=limit)
    return page(tuple(map(_militante, found.linhas)), found.proximo, found.anterior, cursor)


@blueprint.get("/militantes/<int:militante_id>")
@serves(operations.MILITANTE)
def militante(escopo: Escopo, _values: Values, militante_id: int) -> MilitanteInteiro:
    found = get_militante(escopo, militante_id, hoje=today())
    if found is None:
        raise Refused(404, "Este militante não existe, ou não está ao seu alcance.")
    return _whole(found)


@blueprint.get("/nucleos")
@serves(operations.NUCLEOS)
def nucleos(escopo: Escopo, _values: Values) -> Pagina[Any]:
    return Pagina(tuple(NucleoDaLista(one.id, one.nome, one.uf) for one in list_nucleos(escopo)), None)


@blueprint.get("/cotas")
@serves(operations.COTAS)
def cotas(escopo: Escopo, values: Values) -> Pagina[Any]:
    cursor, limit = _place(values)
    if "competencia" in values:
        values["competencia"] = month_of(values["competencia"])
    found = list_cotas(escopo, FiltroCotas(**values), hoje=today(), cursor=cursor, limit=limit)
    return page(tuple(map(_cota, found.linhas)), found.proximo, found.anterior, cursor)


@blueprint.get("/pagamentos")
@serves(operations.PAGAMENTOS)
def pagamentos(escopo: Escopo, values: Values) -> Pagina[Any]:
    cursor, limit = _place(values)
    found = list_pagamentos(escopo, FiltroPagamentos(**values), cursor=cursor, limit=limit)
    return page(tuple(map(_pagamento, found.linhas)), found.proximo, found.anterior, cursor)


@blueprint.get("/previsto-realizado")
@serves(operations.PREVISTO_REALIZADO)
def previsto_realizado(escopo: Escopo, values: Values) -> Pagina[Any]:
    filtro, hoje = FiltroPrevisto(**values), today()
    # For a year that can have no cotas the page shows the current one; a program is told that there are none.
    known = filtro.ano in {None, year_of(filtro, hoje)}
    found = whole_previsto_realizado(escopo, filtro, hoje=hoje) if known else ()
    return Pagina(tuple(map(_month, found)), None)


def _place(values: Values) -> tuple[str | None, int]:
    """The cursor and the number of items, which are no part of the filter."""
    return values.pop("cursor", None), values.pop("limite", DEFAULT_LIMIT)


def _militante(line: LinhaMilitante) -> MilitanteDaLista:
    return MilitanteDaLista(
        id=line.id,
        matricula=line.matricula,
        nome=line.nome,
        nucleo=line.nucleo,
        uf=line.uf,
        situacao=line.situacao,
        isento=line.isento,
        data_filiacao=line.data_filiacao,
        meses_em_aberto=line.meses_em_aberto,
        em_aberto=line.em_aberto,
    )


def _whole(ficha: FichaMilitante) -> MilitanteInteiro:
    return MilitanteInteiro(
        id=ficha.id,
        matricula=ficha.matricula,
        nome=ficha.nome_exibido,
        nucleo_id=ficha.nucleo_id,
        nucleo=ficha.nucleo,
        uf=ficha.uf,
        situacao=ficha.situacao,
        isento=ficha.isento,
        nascimento=ficha.nascimento,
        email=ficha.email,
        telefone=ficha.telefone,
        data_filiacao=ficha.data_filiacao,
        data_desligamento=ficha.data_desligamento,
        dia_vencimento=ficha.dia_vencimento,
        valor_cota=ficha.valor_cota,
        meses_em_aberto=ficha.meses_em_aberto,
        em_aberto=ficha.em_aberto,
        a_vencer=ficha.a_vencer,
        credito=ficha.credito,
    )


def _cota(line: LinhaCota) -> CotaDaLista:
    return CotaDaLista(
        id=line.id,
        militante_id=line.militante_id,
        militante=line.militante,
        competencia=line.competencia,
        valor=line.valor,
        pago=line.pago,
        vencimento=line.vencimento,
        estado=line.estado,
    )


def _pagamento(line: LinhaPagamento) -> PagamentoDaLista:
    return PagamentoDaLista(
        id=line.id,
        data_credito=line.data_credito,
        militante_id=line.militante_id,
        militante=line.militante,
        valor=line.valor,
        metodo=line.metodo,
        estorno_de=line.estorno_de,
        estornado=line.estornado,
        competencias=line.competencias,
    )


def _month(line: LinhaInteira) -> MesDoNucleo:
    sums = line.somas
    return MesDoNucleo(
        competencia=line.competencia,
        nucleo=line.nucleo,
        cotas=sums.cotas,
        quitadas=sums.quitadas,
        previsto=sums.previsto,
        recebido=sums.recebido,
        dispensado=sums.dispensado,
        aberto=sums.aberto,
    )
