"""Membership cards: one from the ficha, a núcleo's on sheets, and the page that a card's code opens."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.auditoria import audit
from controles.carteiras.forms import RevogarForm
from controles.carteiras.printing import card_pdf, sheets_pdf
from controles.carteiras.queries import active_members, carteira_of, get_carteiras, prove
from controles.carteiras.services import MOST_AT_ONCE, issue_carteiras, last_day_of_card, revoke_carteira
from controles.contas.own_account import ask_again
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.impressos.paper import PDF_TYPE
from controles.militantes.queries import get_militante, list_nucleos
from controles.militantes.records import FichaMilitante
from controles.organizacao.queries import get_organizacao
from controles.services.transaction import transaction

blueprint = Blueprint("carteiras", __name__, url_prefix="/carteirinhas", template_folder="templates")


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def index() -> str | WerkzeugResponse:
    """Everybody active in a núcleo: how many, then the sheets."""
    escopo = current_scope()
    chosen = request.values.get("nucleo_id", "")
    nucleo_id = int(chosen[:9]) if chosen.isascii() and chosen.isdigit() else None
    ids = active_members(escopo, nucleo_id, limit=MOST_AT_ONCE + 1)
    if request.method == "POST":
        asked = ask_again()
        if asked is not None:
            return asked
        try:
            issued = issue_carteiras(escopo, ids, autor_id=current_author_id(), agora=utc_now(), hoje=today())
        except Invalid as error:
            flash(error.message, "warn")
            return redirect(url_for("carteiras.index", nucleo_id=nucleo_id), 303)
        cards = get_carteiras(escopo, issued.ids)
        if not cards:
            flash("Ninguém ativo aqui.", "warn")
            return redirect(url_for("carteiras.index", nucleo_id=nucleo_id), 303)
        with transaction() as session:
            depois = {"nucleo_id": nucleo_id, "quantas": len(cards)}
            audit.record(
                session, acao="carteira.exportar", depois=depois, usuario_id=current_author_id(), agora=utc_now()
            )
        return _file(sheets_pdf(cards, get_organizacao().nome, _address()), "carteirinhas.pdf")
    return render_template(
        "carteiras/index.html",
        nucleo_id=nucleo_id,
        nucleos=list_nucleos(escopo),
        quantos=len(ids),
        most=MOST_AT_ONCE,
        valida_ate=last_day_of_card(today()),
    )


@blueprint.get("/de/<int:militante_id>")
@require(Permission.EDITAR_MILITANTES)
def show(militante_id: int) -> str:
    ficha = _member(militante_id)
    return render_template(
        "carteiras/show.html",
        ficha=ficha,
        carteira=carteira_of(current_scope(), militante_id),
        valida_ate=last_day_of_card(today()),
        hoje=today(),
    )


@blueprint.post("/de/<int:militante_id>/emitir")
@require(Permission.EDITAR_MILITANTES)
def issue(militante_id: int) -> WerkzeugResponse:
    _member(militante_id)
    issued = issue_carteiras(
        current_scope(), (militante_id,), autor_id=current_author_id(), agora=utc_now(), hoje=today()
    )
    if not issued.ids:
        flash("Só quem está ativo tem carteirinha.", "warn")
    elif issued.novas:
        flash("Carteirinha emitida.", "success")
    return redirect(url_for("carteiras.show", militante_id=militante_id), 303)


@blueprint.get("/de/<int:militante_id>/pdf")
@require(Permission.EDITAR_MILITANTES)
def file(militante_id: int) -> WerkzeugResponse:
    _member(militante_id)
    card = carteira_of(current_scope(), militante_id)
    if card is None:
        flash("Emita a carteirinha primeiro.", "warn")
        return redirect(url_for("carteiras.show", militante_id=militante_id), 303)
    return _file(card_pdf(card, get_organizacao().nome, _address()), f"carteirinha-{card.id}.pdf")


@blueprint.route("/de/<int:militante_id>/revogar", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def revoke(militante_id: int) -> str | WerkzeugResponse:
    ficha = _member(militante_id)
    here = url_for("carteiras.show", militante_id=militante_id)
    card = carteira_of(current_scope(), militante_id)
    if card is None:
        flash("Não há carteirinha que valha.", "warn")
        return redirect(here, 303)
    form = RevogarForm(typed())
    if request.method != "POST":
        show_errors(form)
        return render_template("carteiras/revogar.html", form=form, ficha=ficha, carteira=card)
    if not form.validate():
        return again(form)
    try:
        revoke_carteira(
            current_scope(), card.id, motivo=form.motivo.data or "", autor_id=current_author_id(), agora=utc_now()
        )
    except Conflict as error:
        flash(error.message, "warn")
    else:
        flash("A carteirinha não vale mais; se for preciso, emita outra.", "success")
    return redirect(here, 303)


@blueprint.get("/conferir/<codigo>")
def checked(codigo: str) -> str:
    """Whether the holder of a card's code is a member now; no name is shown."""
    return render_template("carteiras/conferir.html", prova=prove(codigo, hoje=today()), agora=utc_now())


def _member(militante_id: int) -> FichaMilitante:
    ficha = get_militante(current_scope(), militante_id, hoje=today())
    if ficha is None:
        abort(404)
    return ficha


def _address() -> str:
    return url_for("carteiras.checked", codigo="x", _external=True).removesuffix("/x")


def _file(content: bytes, name: str) -> Response:
    return Response(content, mimetype=PDF_TYPE, headers={"Content-Disposition": f'inline; filename="{name}"'})
