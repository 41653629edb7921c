"""Arrears: the list with its bands, and everybody's twelve months."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_scope, require
from controles.cotas.records import CelulaMatriz, EstadoCota
from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.inadimplencia.queries import (
    all_arrears,
    all_months,
    arrears_by_band,
    list_arrears,
    list_months,
    total_of,
    year_of,
)
from controles.inadimplencia.records import (
    FiltroInadimplencia,
    FiltroMatriz,
    Grupo,
    LinhaInadimplencia,
    LinhaMatriz,
)
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.models import Situacao
from controles.militantes.queries import count_militantes, list_nucleos
from controles.militantes.records import FiltroMilitantes
from controles.painel.bands import FAIXAS
from controles.web.formatting import MONTHS, competencia, phone, situacao
from controles.web.query_string import ListLinks, read_filter

blueprint = Blueprint("inadimplencia", __name__, url_prefix="/inadimplencia", template_folder="templates")

GRUPO_NAMES = {Grupo.MEMBROS: "Militantes", Grupo.DESLIGADOS: "Desligados", Grupo.TODOS: "Todos"}
# The names of the bands for readers.
FAIXA_NAMES = {"1": "1 mês", "2": "2 meses", "3-5": "3 a 5", "6-11": "6 a 11", "12+": "12 ou mais"}
ESTADO_NAMES = {
    EstadoCota.QUITADA: "quitada",
    EstadoCota.VENCIDA: "em aberto",
    EstadoCota.DISPENSADA: "dispensada",
    EstadoCota.PARCIAL: "em parte",
    EstadoCota.A_VENCER: "a vencer",
    EstadoCota.SEM_COTA: "",
}


@blueprint.get("")
@require(Permission.VER)
def index() -> str:
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroInadimplencia, request.args)
    faixas = arrears_by_band(escopo, filtro.nucleo_id, hoje=hoje)
    return render_template(
        "inadimplencia/index.html",
        filtro=filtro,
        links=ListLinks("inadimplencia.index", filtro),
        pagina=list_arrears(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        grupos=[(grupo, GRUPO_NAMES[grupo], total_of(faixas, grupo)) for grupo in Grupo],
        faixas=[
            (FAIXA_NAMES[name], fewest, most, total_of(faixas, filtro.grupo, name)) for name, fewest, most in FAIXAS
        ],
        nucleos=list_nucleos(escopo),
        escopo=escopo,
        hoje=hoje,
    )


@blueprint.get("/lista/<formato>")
@require(Permission.VER)
def whole(formato: str) -> Response:
    """All that the list shows on all its pages, to print or as a file."""
    check_may_take(formato)
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroInadimplencia, request.args)
    counted = sum(1 for _ in all_arrears(escopo, filtro, hoje=hoje))
    rows = map(_whole_row, all_arrears(escopo, filtro, hoje=hoje))
    table = Table("Contribuições em aberto", WHOLE_COLUMNS, rows, _words(escopo, filtro))
    return sent(Lista("inadimplencia", table, filtro, counted), formato)


WHOLE_COLUMNS = (
    Column("Militante"),
    Column("Matrícula"),
    Column("Telefone"),
    Column("Núcleo"),
    Column("Situação"),
    Column("Mais antiga"),
    Column("Meses", Kind.NUMBER),
    Column("Em aberto", Kind.MONEY),
)


def _whole_row(line: LinhaInadimplencia) -> tuple[Cell, ...]:
    return (
        line.nome,
        line.matricula,
        phone(line.telefone) if line.telefone else None,
        line.nucleo,
        situacao(line.situacao),
        competencia(line.mais_antiga),
        line.meses,
        line.valor,
    )


def _words(escopo: Escopo, filtro: FiltroInadimplencia) -> tuple[str, ...]:
    """The list's filter, in words for a printed heading."""
    words = [GRUPO_NAMES[filtro.grupo].lower()]
    if filtro.meses_max is not None:
        words.append(f"de {filtro.meses_min} a {filtro.meses_max} meses")
    elif filtro.meses_min > 1:
        words.append(f"{filtro.meses_min} meses ou mais")
    return (*words, *_nucleo_words(escopo, filtro.nucleo_id))


def _nucleo_words(escopo: Escopo, nucleo_id: int | None) -> tuple[str, ...]:
    if nucleo_id is None:
        return ()
    names = {nucleo.id: nucleo.nome for nucleo in list_nucleos(escopo)}
    return (f"núcleo {names.get(nucleo_id, nucleo_id)}",)


@blueprint.get("/meses")
@require(Permission.VER)
def months() -> str:
    """Everybody × the twelve months of a year."""
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroMatriz, request.args)
    return render_template(
        "inadimplencia/months.html",
        filtro=filtro,
        ano=year_of(filtro, hoje),
        links=ListLinks("inadimplencia.months", filtro),
        pagina=list_months(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        quantos=_how_many(escopo, filtro),
        nucleos=list_nucleos(escopo),
        situacoes=Situacao,
        meses=MONTHS,
        nomes=ESTADO_NAMES,
        escopo=escopo,
        hoje=hoje,
    )


@blueprint.get("/meses/lista/<formato>")
@require(Permission.VER)
def whole_months(formato: str) -> Response:
    """The matrix of everybody on all its pages, for printing or as a file."""
    check_may_take(formato)
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroMatriz, request.args)
    columns = (Column("Militante"), Column("Matrícula"), Column("Situação"), *map(Column, MONTHS))
    words = [str(year_of(filtro, hoje))]
    if filtro.situacao is not None:
        words.append(situacao(filtro.situacao).lower())
    rows = map(_month_row, all_months(escopo, filtro, hoje=hoje))
    table = Table("Meses de todos", columns, rows, (*words, *_nucleo_words(escopo, filtro.nucleo_id)))
    return sent(Lista("meses", table, filtro, _how_many(escopo, filtro)), formato)


def _month_row(line: LinhaMatriz) -> tuple[Cell, ...]:
    return (line.nome, line.matricula, situacao(line.situacao), *map(_cell, line.celulas))


def _cell(celula: CelulaMatriz) -> str | None:
    return ESTADO_NAMES[celula.estado] or None


def _how_many(escopo: Escopo, filtro: FiltroMatriz) -> int:
    wanted = FiltroMilitantes(nucleo_id=filtro.nucleo_id, situacao=filtro.situacao)
    return count_militantes(escopo, wanted, hoje=today())
