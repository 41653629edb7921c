"""Copies by screen: writing one and downloading it, and restoring one into an empty installation."""

import tempfile
from collections.abc import Iterator

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, stream_with_context, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.auditoria import audit
from controles.contas.own_account import require_confirmed
from controles.contas.permissions import Permission, current_author_id, require
from controles.copias.forms import CopiaForm, RestaurarForm
from controles.copias.sealing import SHORTEST_PASSPHRASE, check_passphrase
from controles.copias.services import MADE, check_copia, in_use, last_copia, restore_copia, write_copia
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.services.transaction import transaction
from controles.web.form_fields import PageForm
from controles.web.formatting import date, integer

blueprint = Blueprint("copias", __name__, url_prefix="/admin/copia", template_folder="templates")

_READ_AT_ONCE = 1 << 16
# Smaller files stay in memory.
_IN_MEMORY = 8 << 20


@blueprint.get("")
@require(Permission.ADMINISTRAR)
@require_confirmed
def index() -> str:
    return _page()


@blueprint.post("/fazer")
@require(Permission.ADMINISTRAR)
@require_confirmed
def create() -> WerkzeugResponse:
    """A new copy, read back whole before it is sent. No form is kept, since it has a passphrase."""
    form = CopiaForm(request.form)
    passphrase = form.senha.data or ""
    try:
        if form.validate():
            check_passphrase(passphrase, form.de_novo.data)
    except Invalid as error:
        form.add_error(error)
    if form.errors:
        return _refused(form)
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when it has been sent
    written = write_copia(file, passphrase, agora=utc_now())
    file.seek(0)
    if check_copia(file, passphrase) != written:
        abort(500)
    file.seek(0)
    with transaction() as session:
        depois = {"linhas": written.total, "por": "tela"}
        audit.record(session, acao=MADE, depois=depois, usuario_id=current_author_id(), agora=utc_now())

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_READ_AT_ONCE):
                yield piece

    name = f"copia-{today():%Y-%m-%d}.controles"
    return Response(
        stream_with_context(pieces()),
        mimetype="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@blueprint.post("/restaurar")
@require(Permission.ADMINISTRAR)
@require_confirmed
def restore() -> WerkzeugResponse:
    """The content of a copy into an empty installation; whoever does it has to log in again."""
    form = RestaurarForm(request.form)
    file = request.files.get("arquivo")
    if form.validate() and (file is None or not file.filename):
        form.add_error(Invalid("arquivo", "Escolha o arquivo da cópia."))
    if form.errors or file is None:
        return _refused(form)
    try:
        found = restore_copia(
            file.stream,
            form.senha.data or "",
            autor_id=current_author_id(),
            agora=utc_now(),
        )
    except Invalid as error:
        form.add_error(error)
        return _refused(form)
    except Conflict as error:
        form.add_error(Invalid("", error.message))
        return _refused(form)
    flash(
        f"Restaurada a cópia de {date(found.criada_em)}: {integer(found.total)} linhas, e a auditoria confere. "
        "Entre com um usuário da cópia.",
        "success",
    )
    return redirect(url_for("contas.login"), 303)


def _refused(form: PageForm) -> WerkzeugResponse:
    for messages in form.errors.values():
        for message in messages:
            flash(str(message), "danger")
    return redirect(url_for("copias.index"), 303)


def _page() -> str:
    return render_template(
        "copias/index.html",
        copia=CopiaForm(),
        restaurar=RestaurarForm(),
        ocupada=in_use(),
        ultima=last_copia(),
        menor=SHORTEST_PASSPHRASE,
    )
