"""Assemblies: the list, issuing a roll, its counts, and the sheets to sign."""

from collections.abc import Iterator

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.assembleias.forms import REGRA_NAMES, AssembleiaForm, CancelarForm
from controles.assembleias.models import Impedimento, Regra
from controles.assembleias.queries import get_assembleia, list_assembleias, roll_of
from controles.assembleias.records import DaAssembleia, DetalheAssembleia
from controles.assembleias.services import cancel_assembleia, issue_assembleia
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import list_nucleos
from controles.organizacao.models import TipoEntidade
from controles.organizacao.queries import get_organizacao
from controles.web.form_fields import choice
from controles.web.formatting import date

blueprint = Blueprint("assembleias", __name__, url_prefix="/assembleias", template_folder="templates")

WHY = {
    Impedimento.LICENCA: "De licença",
    Impedimento.CARENCIA: "Na carência",
    Impedimento.DEBITO: "Em atraso",
}


@blueprint.get("")
@require(Permission.EDITAR_MILITANTES)
def index() -> str:
    return render_template("assembleias/index.html", assembleias=list_assembleias(current_scope()))


@blueprint.route("/nova", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def new() -> str | Response:
    escopo = current_scope()
    form = AssembleiaForm(typed(), regra=Regra.TODOS, dia=today())
    form.nucleo_id.choices = [
        *([choice("", "Toda a organização")] if escopo.nucleo_id is None else []),
        *(choice(nucleo.id, f"{nucleo.nome} · {nucleo.uf}") for nucleo in list_nucleos(escopo)),
    ]
    if request.method != "POST":
        show_errors(form)
        partido = get_organizacao().tipo is TipoEntidade.PARTIDO
        return render_template("assembleias/nova.html", form=form, partido=partido)
    if not form.validate():
        return again(form)
    try:
        new_id = issue_assembleia(escopo, form.nova(), autor_id=current_author_id(), agora=utc_now(), hoje=today())
    except Invalid as error:
        form.add_error(error)
        return again(form)
    flash("Lista emitida: fica como está, mesmo que os cadastros mudem.", "success")
    return redirect(url_for("assembleias.show", assembleia_id=new_id), 303)


@blueprint.get("/<int:assembleia_id>")
@require(Permission.EDITAR_MILITANTES)
def show(assembleia_id: int) -> str:
    return render_template("assembleias/show.html", a=_found(assembleia_id), regras=REGRA_NAMES, porque=WHY)


@blueprint.get("/<int:assembleia_id>/presenca/<formato>")
@require(Permission.EDITAR_MILITANTES)
def attendance(assembleia_id: int, formato: str) -> Response:
    """The sheet that those who may vote sign, by núcleo and name."""
    found = _found(assembleia_id)
    columns = (Column("Nº", Kind.NUMBER), Column("Nome"), Column("Matrícula"), Column("Núcleo"), Column("Assinatura"))

    def rows() -> Iterator[tuple[Cell, ...]]:
        for number, line in enumerate(roll_of(found.id, com_direito=True), start=1):
            yield (number, line.nome, line.matricula, line.nucleo, None)

    table = Table(f"Lista de presença: {found.nome}", columns, rows(), _words(found))
    return _sent("presenca", table, found, found.com_direito, formato)


@blueprint.get("/<int:assembleia_id>/sem-direito/<formato>")
@require(Permission.EDITAR_MILITANTES)
def without_vote(assembleia_id: int, formato: str) -> Response:
    """The members who may not vote, and why."""
    found = _found(assembleia_id)
    columns = (Column("Nome"), Column("Matrícula"), Column("Núcleo"), Column("Por quê"))

    def rows() -> Iterator[tuple[Cell, ...]]:
        for line in roll_of(found.id, com_direito=False):
            yield (line.nome, line.matricula, line.nucleo, WHY[line.impedimento] if line.impedimento else None)

    table = Table(f"Sem direito a voto: {found.nome}", columns, rows(), _words(found))
    return _sent("sem-direito", table, found, found.sem_direito, formato)


@blueprint.route("/<int:assembleia_id>/cancelar", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def cancel(assembleia_id: int) -> str | Response:
    found = _found(assembleia_id)
    here = url_for("assembleias.show", assembleia_id=assembleia_id)
    if found.cancelada_em is not None:
        flash("Esta lista já foi cancelada.", "warn")
        return redirect(here, 303)
    form = CancelarForm(typed())
    if request.method != "POST":
        show_errors(form)
        return render_template("assembleias/cancelar.html", form=form, a=found)
    if not form.validate():
        return again(form)
    try:
        cancel_assembleia(
            current_scope(),
            assembleia_id,
            motivo=form.motivo.data or "",
            autor_id=current_author_id(),
            agora=utc_now(),
        )
    except Conflict as error:
        flash(error.message, "warn")
    else:
        flash("Lista cancelada: continua aqui, com o motivo.", "success")
    return redirect(here, 303)


def _sent(nome: str, table: Table, found: DetalheAssembleia, lines: int, formato: str) -> Response:
    check_may_take(formato)
    return sent(Lista(nome, table, DaAssembleia(assembleia_id=found.id), lines), formato)


def _words(found: DetalheAssembleia) -> tuple[str, ...]:
    words = [date(found.data), found.nucleo or "toda a organização", REGRA_NAMES[found.regra].lower()]
    if found.cancelada_em is not None:
        words.append("CANCELADA")
    return tuple(words)


def _found(assembleia_id: int) -> DetalheAssembleia:
    found = get_assembleia(current_scope(), assembleia_id)
    if found is None:
        abort(404)
    return found
