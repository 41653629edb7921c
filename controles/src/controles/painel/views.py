"""The panel: the month's figures and charts, each with a link to the list that it adds up."""

import datetime as dt
from functools import lru_cache

from flask import Blueprint, redirect, render_template, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, allowed, current_scope, require
from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.organizacao.queries import get_primeiros_passos
from controles.organizacao.records import OPTIONAL_STEPS
from controles.painel import charts
from controles.painel.links import PainelLinks
from controles.painel.queries import get_dashboard_stats
from controles.painel.records import Painel
from controles.services import cache_policies
from controles.services.cache_service import cache_service

blueprint = Blueprint("painel", __name__, template_folder="templates")


def refresh_painel(escopo: Escopo, hoje: dt.date) -> Painel:
    """The panel computed now from the database; all later readers get this result."""
    cache_service().invalidate_pattern(f"{cache_policies.FIGURES.name}:*")
    return get_dashboard_stats.refresh(escopo, hoje=hoje)


@blueprint.get("/")
@require(Permission.VER)
def index() -> str:
    escopo, hoje = current_scope(), today()
    painel = get_dashboard_stats(escopo, hoje=hoje)
    links = PainelLinks(
        hoje=hoje,
        militantes=url_for("militantes.index"),
        cotas=url_for("cotas.index"),
        pagamentos=url_for("pagamentos.index"),
    )
    return render_template(
        "painel/index.html",
        painel=painel,
        escopo=escopo,
        links=links,
        figures=draw_figures(painel, links),
        passos=get_primeiros_passos() if allowed(Permission.ADMINISTRAR) else None,
        opcionais=OPTIONAL_STEPS,
    )


# Drawing takes longer than reading the panel from the cache. The drawing depends only on these values, so it is kept
# for equal ones; any change, such as a later `gerado_em`, makes a new drawing.
@lru_cache(maxsize=64)
def draw_figures(painel: Painel, links: PainelLinks) -> Markup:
    """The figures and charts, without anything that depends on the reader."""
    return Markup(  # noqa: S704 - a template has escaped it
        render_template(
            "painel/_figures.html",
            painel=painel,
            links=links,
            charts=charts,
            caixa=charts.months_of_cash(painel.caixa_por_metodo),
            metodos=charts.methods_shown(painel.caixa_por_metodo),
        )
    )


@blueprint.post("/atualizar")
@require(Permission.VER)
def refresh() -> Response:
    refresh_painel(current_scope(), today())
    return redirect(url_for("painel.index"))
