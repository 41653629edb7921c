"""The organisation's own data and its núcleos: for the administration."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.organizacao.forms import NucleoForm, OrganizacaoForm
from controles.organizacao.queries import get_nucleo, get_organizacao, list_all_nucleos
from controles.organizacao.services import create_nucleo, save_organizacao, update_nucleo

blueprint = Blueprint("organizacao", __name__, url_prefix="/organizacao", template_folder="templates")


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def edit() -> str | Response:
    _whole_organisation()
    stored = get_organizacao()
    form = OrganizacaoForm(typed(), obj=stored)
    if request.method == "POST":
        if form.validate():
            versao = form.versao.data or ""
            try:
                save_organizacao(
                    form.dados(int(versao) if versao.isascii() and versao.isdigit() and len(versao) < 10 else -1),
                    autor_id=current_author_id(),
                    agora=utc_now(),
                )
            except Invalid as error:
                form.add_error(error)
            except Conflict as error:
                form.add_error(Invalid("", error.message))
            else:
                flash("Dados da organização salvos.", "success")
                return redirect(url_for("organizacao.edit"), 303)
        return again(form)
    show_errors(form)
    form.versao.data = str(stored.versao)
    return render_template("organizacao/edit.html", form=form, nova=stored.versao == 0)


@blueprint.get("/nucleos")
@require(Permission.ADMINISTRAR)
def nucleos() -> str:
    _whole_organisation()
    return render_template("organizacao/nucleos.html", nucleos=list_all_nucleos())


@blueprint.route("/nucleos/novo", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def new_nucleo() -> str | Response:
    _whole_organisation()
    return _nucleo_page(NucleoForm(typed(), ativo=True), None)


@blueprint.route("/nucleos/<int:nucleo_id>", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def edit_nucleo(nucleo_id: int) -> str | Response:
    _whole_organisation()
    stored = get_nucleo(nucleo_id)
    if stored is None:
        abort(404)
    return _nucleo_page(NucleoForm(typed(), obj=stored), nucleo_id)


def _nucleo_page(form: NucleoForm, nucleo_id: int | None) -> str | Response:
    if request.method == "POST":
        if form.validate():
            author, agora = current_author_id(), utc_now()
            try:
                if nucleo_id is None:
                    create_nucleo(form.dados(), autor_id=author, agora=agora)
                else:
                    update_nucleo(nucleo_id, form.dados(), autor_id=author, agora=agora)
            except Invalid as error:
                form.add_error(error)
            else:
                flash("Núcleo salvo.", "success")
                return redirect(url_for("organizacao.nucleos"), 303)
        return again(form)
    show_errors(form)
    return render_template("organizacao/nucleo.html", form=form, nucleo_id=nucleo_id)


def _whole_organisation() -> None:
    """Refuse administrators of one núcleo: these pages change what belongs to the whole organisation."""
    if current_scope().nucleo_id is not None:
        abort(403)
