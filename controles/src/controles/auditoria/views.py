"""The page of the audit: who changed what, and whether the chain is intact."""

from flask import Blueprint, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from controles.auditoria import audit
from controles.auditoria.audit import ChainResult
from controles.auditoria.queries import all_auditoria, extent_of_auditoria, get_opcoes, list_auditoria
from controles.auditoria.records import FiltroAuditoria, LinhaAuditoria
from controles.auditoria.tips import Tip, parse_tip, tips_in_logs
from controles.contas.permissions import Permission, current_scope, require
from controles.db import db
from controles.domain.clock import LOCAL_ZONE
from controles.listas.page import Lista, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.web.formatting import date
from controles.web.logs import application_logs
from controles.web.query_string import ListLinks, filter_of_request

blueprint = Blueprint("auditoria", __name__, url_prefix="/admin/auditoria", template_folder="templates")


@blueprint.get("")
@require(Permission.ADMINISTRAR)
def index() -> str:
    return _page()


@blueprint.get("/lista/<formato>")
@require(Permission.ADMINISTRAR)
def whole(formato: str) -> Response:
    """All that the list shows on all its pages, to print or as a file."""
    if current_scope().nucleo_id is not None:
        abort(403)
    filtro = filter_of_request(FiltroAuditoria)
    # Sending the list appends a row, which is not part of it.
    count, last = extent_of_auditoria(filtro)
    table = Table("Auditoria", WHOLE_COLUMNS, map(_whole_row, all_auditoria(filtro, upto=last)), _words(filtro))
    return sent(Lista("auditoria", table, filtro, count), formato)


WHOLE_COLUMNS = (
    Column("Número", Kind.NUMBER),
    Column("Dia", Kind.DATE),
    Column("Hora"),
    Column("Ação"),
    Column("Quem"),
    Column("Registro"),
    Column("Número do registro", Kind.NUMBER),
    Column("Antes"),
    Column("Depois"),
)


def _whole_row(line: LinhaAuditoria) -> tuple[Cell, ...]:
    local = line.quando.astimezone(LOCAL_ZONE)
    before = "; ".join(f"{campo.nome}: {campo.antes}" for campo in line.campos if campo.antes is not None)
    after = "; ".join(f"{campo.nome}: {campo.depois}" for campo in line.campos if campo.depois is not None)
    about = (line.acao, line.usuario, line.tabela, line.registro_id)
    return (line.id, local.date(), f"{local:%H:%M:%S}", *about, before or None, after or None)


def _words(filtro: FiltroAuditoria) -> tuple[str, ...]:
    words = [f"ação {filtro.acao}"] if filtro.acao else []
    if filtro.tabela:
        number = "" if filtro.registro_id is None else f" {filtro.registro_id}"
        words.append(f"registro {filtro.tabela}{number}")
    if filtro.usuario_id is not None:
        names = dict(get_opcoes().usuarios)
        words.append(f"por {names.get(filtro.usuario_id, filtro.usuario_id)}")
    if filtro.de is not None:
        words.append(f"de {date(filtro.de)}")
    if filtro.ate is not None:
        words.append(f"até {date(filtro.ate)}")
    return tuple(words)


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
