"""Previsto × realizado of a year: by month and by núcleo, each sum with a link to its cotas; and as a file."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_scope, require
from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import list_nucleos
from controles.previsto_realizado.queries import (
    FIRST_YEAR,
    get_previsto_realizado,
    month_of_filter,
    whole_previsto_realizado,
    year_of,
)
from controles.previsto_realizado.records import FiltroPrevisto, LinhaInteira
from controles.web.formatting import MONTH_NAMES, competencia_long
from controles.web.query_string import ListLinks, read_filter

blueprint = Blueprint("previsto_realizado", __name__, url_prefix="/previsto-realizado", template_folder="templates")

# The most núcleos that the page shows; all of them can be printed or downloaded.
MOST_SHOWN = 200
YEARS_LISTED = 10
WHOLE_COLUMNS = (
    Column("Competência"),
    Column("Núcleo"),
    Column("Cotas", Kind.NUMBER),
    Column("Quitadas", Kind.NUMBER),
    Column("Previsto", Kind.MONEY),
    Column("Recebido", Kind.MONEY),
    Column("Dispensado", Kind.MONEY),
    Column("Em aberto", Kind.MONEY),
)


@blueprint.get("")
@require(Permission.VER)
def index() -> str:
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroPrevisto, request.args)
    ano = year_of(filtro, hoje)
    oldest = max(FIRST_YEAR, min(ano, hoje.year + 1 - YEARS_LISTED))
    report = get_previsto_realizado(escopo, filtro, hoje=hoje)
    return render_template(
        "previsto_realizado/index.html",
        filtro=filtro,
        links=ListLinks("previsto_realizado.index", filtro),
        ano=ano,
        anos=range(hoje.year + 1, oldest - 1, -1),
        escolhido=month_of_filter(filtro, hoje),
        relatorio=report,
        mostrados=report.nucleos[:MOST_SHOWN],
        nomes_dos_meses=MONTH_NAMES,
        nucleos=list_nucleos(escopo),
        escopo=escopo,
    )


@blueprint.get("/lista/<formato>")
@require(Permission.VER)
def whole(formato: str) -> Response:
    """Each month of each núcleo, for printing or as a file."""
    check_may_take(formato)
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroPrevisto, request.args)
    lines = whole_previsto_realizado(escopo, filtro, hoje=hoje)
    table = Table("Previsto × realizado", WHOLE_COLUMNS, map(_whole_row, lines), _words(escopo, filtro))
    return sent(Lista("previsto-realizado", table, filtro, len(lines)), formato)


def _whole_row(line: LinhaInteira) -> tuple[Cell, ...]:
    sums = line.somas
    month = f"{line.competencia:%m/%Y}"
    return (
        month,
        line.nucleo,
        sums.cotas,
        sums.quitadas,
        sums.previsto,
        sums.recebido,
        sums.dispensado,
        sums.aberto,
    )


def _words(escopo: Escopo, filtro: FiltroPrevisto) -> tuple[str, ...]:
    """The filter, in words for a printed heading."""
    hoje = today()
    chosen = month_of_filter(filtro, hoje)
    words = [competencia_long(chosen) if chosen is not None else str(year_of(filtro, hoje))]
    if filtro.nucleo_id is not None:
        names = {nucleo.id: nucleo.nome for nucleo in list_nucleos(escopo)}
        words.append(f"núcleo {names.get(filtro.nucleo_id, filtro.nucleo_id)}")
    return tuple(words)
