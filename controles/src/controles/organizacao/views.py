"""The organisation's own data and its núcleos: for the administration."""

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.auditoria.changes import changed_since
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.organizacao.forms import NucleoForm, OrganizacaoForm
from controles.organizacao.queries import get_logo, get_nucleo, get_organizacao, has_logo, list_all_nucleos
from controles.organizacao.services import (
    LARGEST_LOGO,
    create_nucleo,
    remove_logo,
    save_logo,
    save_organizacao,
    skip_step,
    update_nucleo,
)
from controles.web.form_fields import Nota

blueprint = Blueprint("organizacao", __name__, url_prefix="/organizacao", template_folder="templates")


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def edit() -> str | WerkzeugResponse:
    _whole_organisation()
    stored = get_organizacao()
    form = OrganizacaoForm(typed(), obj=stored)
    if request.method == "POST":
        if form.validate():
            form.decide(stored, request.form)
            if not form.errors and _save(form):
                flash("Dados da organização salvos.", "success")
                return redirect(url_for("painel.index" if stored.versao == 0 else "organizacao.edit"), 303)
        return again(form)
    show_errors(form)
    notes: dict[str, Nota] = {}
    outdated = typed() is not None and _version(form) != stored.versao
    if outdated:
        notes = form.merge(stored, changed_since("organizacao", 1, _version(form)))
    # Saving again, with both values in sight, is a decision; so the next try counts from what is there now.
    form.versao.data = str(stored.versao)
    return render_template(
        "organizacao/edit.html",
        form=form,
        nova=stored.versao == 0,
        notas=notes,
        mudou=outdated,
        logo=has_logo(),
        maior_logo=LARGEST_LOGO // 1024,
    )


@blueprint.get("/logo")
@require(Permission.VER)
def logo() -> Response:
    """The picture that stands on what is printed."""
    found = get_logo()
    if found is None:
        abort(404)
    answer = make_response(found[1])
    answer.mimetype = found[0]
    return answer


@blueprint.post("/logo")
@require(Permission.ADMINISTRAR)
def change_logo() -> WerkzeugResponse:
    """Another picture, or none any more."""
    _whole_organisation()
    author, agora = current_author_id(), utc_now()
    if request.form.get("acao") == "remover":
        remove_logo(autor_id=author, agora=agora)
        flash("O logotipo foi retirado.", "success")
        return redirect(url_for("organizacao.edit"), 303)
    upload = request.files.get("logo")
    try:
        save_logo(upload.stream.read(LARGEST_LOGO + 1) if upload else b"", autor_id=author, agora=agora)
    except Invalid as error:
        flash(error.message, "danger")
    else:
        flash("O logotipo foi guardado; ele aparece no que se imprime.", "success")
    return redirect(url_for("organizacao.edit"), 303)


@blueprint.post("/passos")
@require(Permission.ADMINISTRAR)
def skip() -> WerkzeugResponse:
    """Say that one of the first steps is not needed here."""
    _whole_organisation()
    try:
        skip_step(request.form.get("passo", ""), autor_id=current_author_id(), agora=utc_now())
    except (Invalid, Conflict) as error:
        flash(error.message, "danger")
    return redirect(url_for("painel.index"), 303)


def _save(form: OrganizacaoForm) -> bool:
    try:
        save_organizacao(form.dados(_version(form)), autor_id=current_author_id(), agora=utc_now())
    except Invalid as error:
        form.add_error(error)
    except Conflict:
        # The page finds out itself, by the version that was typed on.
        return False
    else:
        return True
    return False


def _version(form: OrganizacaoForm) -> int:
    written = form.versao.data or ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else -1


@blueprint.get("/nucleos")
@require(Permission.ADMINISTRAR)
def nucleos() -> str:
    _whole_organisation()
    return render_template("organizacao/nucleos.html", nucleos=list_all_nucleos())


@blueprint.route("/nucleos/novo", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def new_nucleo() -> str | WerkzeugResponse:
    _whole_organisation()
    return _nucleo_page(NucleoForm(typed(), ativo=True), None)


@blueprint.route("/nucleos/<int:nucleo_id>", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def edit_nucleo(nucleo_id: int) -> str | WerkzeugResponse:
    _whole_organisation()
    stored = get_nucleo(nucleo_id)
    if stored is None:
        abort(404)
    return _nucleo_page(NucleoForm(typed(), obj=stored), nucleo_id)


def _nucleo_page(form: NucleoForm, nucleo_id: int | None) -> str | WerkzeugResponse:
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
