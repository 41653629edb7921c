"""Cotas: the list by competência, and the monthly generation."""

import datetime as dt

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.clock import today, utc_now
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.cotas.queries import list_cotas, preview_cotas, totals_cotas
from controles.cotas.records import FiltroCotas, FiltroEstado
from controles.cotas.services import generate_cotas
from controles.domain_errors import Invalid
from controles.formatting import competencia_long, plural
from controles.militantes.queries import get_militante, list_nucleos
from controles.money import format_brl
from controles.periods import add_months, month_of
from controles.query_string import ListLinks, read_filter

blueprint = Blueprint("cotas", __name__, url_prefix="/cotas", template_folder="templates")

# How far back and ahead the pages offer a month to choose.
MONTHS_LISTED = 36
MONTHS_AHEAD = 2
MONTHS_BACK = 12


@blueprint.get("")
@require(Permission.VER)
def index() -> str:
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroCotas, request.args)
    of_whom = get_militante(escopo, filtro.militante_id, hoje=hoje) if filtro.militante_id is not None else None
    meses = _months(hoje, back=MONTHS_LISTED)
    if filtro.competencia is not None and filtro.competencia not in meses:
        meses = (filtro.competencia, *meses)
    return render_template(
        "cotas/index.html",
        filtro=filtro,
        links=ListLinks("cotas.index", filtro),
        de_quem=of_whom.nome_exibido if of_whom else None,
        pagina=list_cotas(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        totais=totals_cotas(escopo, filtro),
        nucleos=list_nucleos(escopo),
        meses=meses,
        estados=FiltroEstado,
        escopo=escopo,
    )


@blueprint.route("/gerar", methods=["GET", "POST"])
@require(Permission.GERAR_COTAS)
def generate() -> str | Response:
    """GET shows what would be written for a competência; POST writes it."""
    escopo, hoje = current_scope(), today()
    competencia = _chosen_month(request.values.get("competencia", ""), month_of(hoje))
    problem = ""
    if request.method == "POST":
        try:
            lote = generate_cotas(escopo, competencia, autor_id=current_author_id(), agora=utc_now())
        except Invalid as error:
            problem = error.message
        else:
            what = plural(lote.novas, "nova", "novas")
            flash(
                f"Cotas de {competencia_long(competencia)}: {what}, {format_brl(lote.total)}; "
                f"{plural(lote.existentes, 'já existia', 'já existiam')}.",
                "success",
            )
            return redirect(url_for("cotas.generate", competencia=competencia.isoformat()))
    return render_template(
        "cotas/generate.html",
        competencia=competencia,
        meses=_months(hoje, back=MONTHS_BACK),
        lote=preview_cotas(escopo, competencia),
        problem=problem,
        escopo=escopo,
    )


def _months(hoje: dt.date, *, back: int) -> tuple[dt.date, ...]:
    """The newest first."""
    return tuple(add_months(hoje, months) for months in range(MONTHS_AHEAD, -back, -1))


def _chosen_month(written: str, default: dt.date) -> dt.date:
    try:
        return month_of(dt.date.fromisoformat(written)) if written else default
    except ValueError:
        return default
