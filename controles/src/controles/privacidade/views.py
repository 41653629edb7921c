"""The register of requests: list, new, one with its answer; and the report of what is kept."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.own_account import require_confirmed
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import get_militante
from controles.privacidade import person_pages
from controles.privacidade.forms import TIPO_NAMES, ConclusaoForm, SolicitacaoForm
from controles.privacidade.models import TipoSolicitacao
from controles.privacidade.queries import all_solicitacoes, count_solicitacoes, get_solicitacao, list_solicitacoes
from controles.privacidade.records import EstadoSolicitacao, FiltroSolicitacoes, LinhaSolicitacao
from controles.privacidade.retention import (
    YEARS_KEPT,
    remove_files_of_imports,
    remove_names_of_recibos,
    years_before,
)
from controles.privacidade.retention_queries import retention
from controles.privacidade.services import DAYS_TO_ANSWER, conclude_solicitacao, register_solicitacao
from controles.web.formatting import plural
from controles.web.query_string import ListLinks, filter_of_request

blueprint = Blueprint("privacidade", __name__, url_prefix="/privacidade", template_folder="templates")
person_pages.add_to(blueprint)

ESTADO_NAMES = {
    EstadoSolicitacao.ABERTA: "Abertas",
    EstadoSolicitacao.ATRASADA: "Atrasadas",
    EstadoSolicitacao.CONCLUIDA: "Concluídas",
}


@blueprint.get("")
@require(Permission.EDITAR_MILITANTES)
def index() -> str:
    filtro = filter_of_request(FiltroSolicitacoes)
    escopo, hoje = current_scope(), today()
    of_whom = get_militante(escopo, filtro.militante_id, hoje=hoje) if filtro.militante_id is not None else None
    return render_template(
        "privacidade/index.html",
        filtro=filtro,
        links=ListLinks("privacidade.index", filtro),
        pagina=list_solicitacoes(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        atrasadas=count_solicitacoes(escopo, FiltroSolicitacoes(estado=EstadoSolicitacao.ATRASADA), hoje=hoje),
        de_quem=of_whom.nome_exibido if of_whom else None,
        hoje=hoje,
        tipos=TIPO_NAMES,
        estados=ESTADO_NAMES,
        dias=DAYS_TO_ANSWER,
    )


@blueprint.get("/lista/<formato>")
@require(Permission.EDITAR_MILITANTES)
def whole(formato: str) -> Response:
    """All that the list shows on all its pages, to print or as a file."""
    check_may_take(formato)
    filtro = filter_of_request(FiltroSolicitacoes)
    escopo, hoje = current_scope(), today()
    table = Table(
        "Solicitações de titulares",
        WHOLE_COLUMNS,
        (_whole_row(line) for line in all_solicitacoes(escopo, filtro, hoje=hoje)),
        _words(filtro),
    )
    return sent(Lista("solicitacoes", table, filtro, count_solicitacoes(escopo, filtro, hoje=hoje)), formato)


WHOLE_COLUMNS = (
    Column("Número", Kind.NUMBER),
    Column("Recebida", Kind.DATE),
    Column("Prazo", Kind.DATE),
    Column("Quem"),
    Column("O que pede"),
    Column("Pedido"),
    Column("Concluída", Kind.DATE),
    Column("Atendida", Kind.YES_NO),
    Column("Resposta"),
)


def _whole_row(line: LinhaSolicitacao) -> tuple[Cell, ...]:
    done = person_pages.local_day(line.concluida_em) if line.concluida_em else None
    about = (line.recebida_em, line.prazo, line.nome, TIPO_NAMES[line.tipo], line.pedido)
    return (line.id, *about, done, line.atendida, line.resposta)


def _words(filtro: FiltroSolicitacoes) -> tuple[str, ...]:
    words = [ESTADO_NAMES[filtro.estado].lower()] if filtro.estado else []
    if filtro.tipo is not None:
        words.append(TIPO_NAMES[filtro.tipo].lower())
    if filtro.militante_id is not None:
        words.append("de uma pessoa")
    return tuple(words)


@blueprint.route("/nova", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def new() -> str | Response:
    """A new request: of the militante in the address, or of somebody who is not registered."""
    escopo, hoje = current_scope(), today()
    militante_id = request.args.get("militante_id", None, type=int)
    ficha = get_militante(escopo, militante_id, hoje=hoje) if militante_id is not None else None
    if militante_id is not None and ficha is None:
        abort(404)
    form = SolicitacaoForm(typed(), recebida_em=hoje, tipo=TipoSolicitacao.ACESSO)
    if request.method != "POST":
        show_errors(form)
        return render_template("privacidade/new.html", form=form, ficha=ficha, escopo=escopo, dias=DAYS_TO_ANSWER)
    if not form.validate():
        return person_pages.again_for(form, militante_id)
    try:
        made = register_solicitacao(escopo, form.nova(militante_id), autor_id=current_author_id(), agora=utc_now())
    except Invalid as error:
        form.add_error(error)
        return person_pages.again_for(form, militante_id)
    flash("Solicitação registrada.", "success")
    return redirect(url_for("privacidade.show", solicitacao_id=made), 303)


@blueprint.route("/<int:solicitacao_id>", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def show(solicitacao_id: int) -> str | Response:
    """One request; sent, its answer."""
    found = get_solicitacao(current_scope(), solicitacao_id)
    if found is None:
        abort(404)
    form = ConclusaoForm(typed())
    if request.method != "POST":
        show_errors(form)
        return render_template(
            "privacidade/show.html", form=form, solicitacao=found, hoje=today(), tipos=TIPO_NAMES, Tipo=TipoSolicitacao
        )
    if not form.validate():
        return again(form)
    try:
        conclude_solicitacao(
            current_scope(),
            solicitacao_id,
            atendida=form.atendida.data == "sim",
            resposta=form.resposta.data or "",
            autor_id=current_author_id(),
            agora=utc_now(),
        )
    except Invalid as error:
        form.add_error(error)
        return again(form)
    except Conflict as error:
        flash(error.message, "warn")
    else:
        flash("Solicitação concluída.", "success")
    return redirect(url_for("privacidade.show", solicitacao_id=solicitacao_id), 303)


@blueprint.get("/guarda")
@require(Permission.ADMINISTRAR)
def retained() -> str:
    """What personal data is kept, for how long, why, and how much of it is past its term."""
    hoje = today()
    return render_template(
        "privacidade/retained.html",
        itens=retention(hoje=hoje),
        hoje=hoje,
        limite=person_pages.day_before(years_before(hoje, YEARS_KEPT)),
    )


@blueprint.post("/guarda/<acao>")
@require(Permission.ADMINISTRAR)
@require_confirmed
def clear(acao: str) -> Response:
    """Remove what is past its term: names on receipts, or files of imports."""
    done = {"recibos": remove_names_of_recibos, "importacoes": remove_files_of_imports}.get(acao)
    if done is None:
        abort(404)
    count = done(autor_id=current_author_id(), agora=utc_now())
    flash(
        f"{plural(count, 'registro', 'registros')} sem dados pessoais agora." if count else "Nada a retirar.", "success"
    )
    return redirect(url_for("privacidade.retained"), 303)
