"""The page of the audit: who changed what, and whether the chain is intact."""

from flask import Blueprint, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from controles.auditoria import audit
from controles.auditoria.audit import ChainResult
from controles.auditoria.queries import get_opcoes, list_auditoria
from controles.auditoria.records import FiltroAuditoria
from controles.auditoria.tips import Tip, parse_tip, tips_in_logs
from controles.contas.permissions import Permission, current_scope, require
from controles.db import db
from controles.web.logs import application_logs
from controles.web.query_string import ListLinks, filter_of_request

blueprint = Blueprint("auditoria", __name__, url_prefix="/admin/auditoria", template_folder="templates")


@blueprint.get("")
@require(Permission.ADMINISTRAR)
def index() -> str:
    return _page()


@blueprint.post("/conferir")
@require(Permission.ADMINISTRAR)
def verify() -> ResponseReturnValue:
    """Check the chain against the tips in the log, and one that was entered in the form."""
    written = request.form.get("ponta", "").strip()
    tips = list(tips_in_logs(application_logs(current_app.extensions["settings"].log_dir)))
    try:
        kept = [parse_tip(written)] if written else []
    except ValueError as error:
        return _page(ponta=written, erro=str(error)), 400
    return _page(ponta=written, resultado=audit.verify_chain(db.session, [*kept, *tips]), guardadas=[*kept, *tips])


def _page(
    *,
    ponta: str = "",
    erro: str | None = None,
    resultado: ChainResult | None = None,
    guardadas: list[Tip] | None = None,
) -> str:
    if current_scope().nucleo_id is not None:
        # It shows data about everybody.
        abort(403)
    filtro = filter_of_request(FiltroAuditoria)
    return render_template(
        "auditoria/auditoria.html",
        filtro=filtro,
        links=ListLinks("auditoria.index", filtro),
        pagina=list_auditoria(filtro, cursor=request.args.get("cursor")),
        opcoes=get_opcoes(),
        ponta=ponta,
        erro=erro,
        resultado=resultado,
        guardadas=guardadas or [],
    )
