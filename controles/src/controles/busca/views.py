"""The page with the one box. The term is in the address only encrypted, since it may be a name or a CPF."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from controles.busca.queries import MOST_FOUND, search
from controles.busca.records import FiltroBusca
from controles.contas.permissions import Permission, allowed, current_scope, require
from controles.web.query_string import ListLinks, filter_of_request, search_lost, to_sealed_address

blueprint = Blueprint("busca", __name__, url_prefix="/busca", template_folder="templates")


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.VER)
def index() -> str | Response:
    elsewhere = to_sealed_address(FiltroBusca)
    if elsewhere is not None:
        return elsewhere
    filtro = filter_of_request(FiltroBusca)
    achados = search(current_scope(), filtro.busca, recibos=allowed(Permission.REGISTRAR_PAGAMENTOS))
    return render_template(
        "busca/index.html",
        filtro=filtro,
        achados=achados,
        mais=MOST_FOUND,
        todos=ListLinks("militantes.index", filtro).changed(),
        busca_perdida=search_lost(),
    )
