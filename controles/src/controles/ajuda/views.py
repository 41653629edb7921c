"""The pages of help, and what other pages show of it: a link in their heading, and terms explained where they stand."""

from flask import Blueprint, abort, current_app, render_template, request

from controles.ajuda.contents import AREA_OF_TERMO, AREAS, BY_BLUEPRINT, BY_KEY, TERMOS
from controles.ajuda.records import Area, Termo
from controles.contas.permissions import Permission, allowed, require

blueprint = Blueprint("ajuda", __name__, url_prefix="/ajuda", template_folder="templates")


@blueprint.get("")
@require(Permission.VER)
def index() -> str:
    """All areas."""
    return render_template("ajuda/index.html", areas=AREAS)


@blueprint.get("/<area>")
@require(Permission.VER)
def show(area: str) -> str:
    """The questions and the terms of one area."""
    found = BY_KEY.get(area)
    if found is None:
        abort(404)
    return render_template("ajuda/show.html", area=found, areas=AREAS, abre=_may_open)


@blueprint.app_template_global("ajuda_daqui")
def help_here() -> Area | None:
    """The help for the page of this request; None if it has none."""
    return BY_BLUEPRINT.get(request.blueprint or "")


@blueprint.app_template_global("termo")
def term(key: str) -> tuple[Termo, Area]:
    """A term, and the area whose page explains it."""
    return TERMOS[key], AREA_OF_TERMO[key]


def _may_open(endpoint: str) -> bool:
    """Whether this user may open that page."""
    permission = getattr(current_app.view_functions[endpoint], "permission", None)
    return isinstance(permission, Permission) and allowed(permission)
