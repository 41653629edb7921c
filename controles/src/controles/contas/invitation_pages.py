"""Pages for the administration to invite somebody, and the page that an invitation's link opens."""

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from controles.contas import inviting
from controles.contas.forms import AcceptForm
from controles.contas.models import Papel
from controles.contas.own_account import require_confirmed
from controles.contas.permissions import Permission, current_author_id, require
from controles.contas.queries import get_convite, list_convites, waiting_convite
from controles.contas.records import EstadoConvite, NovoConvite
from controles.contas.users_pages import RoleForm
from controles.contas.views import expect_second_factor
from controles.domain.clock import utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.web.form_fields import TextField, at_most, required

blueprint = Blueprint("convites", __name__, url_prefix="/convites", template_folder="templates")

# The link that was just made, until it is shown: the invitation's id and its token.
_FRESH = "convite_novo"
ESTADO_NAMES = {
    EstadoConvite.A_ESPERA: ("À espera", "warn"),
    EstadoConvite.ACEITO: ("Aceito", "ok"),
    EstadoConvite.CANCELADO: ("Cancelado", ""),
    EstadoConvite.EXPIRADO: ("Expirado", ""),
    EstadoConvite.SEM_EFEITO: ("Sem efeito", "danger"),
}


class ConviteForm(RoleForm):
    """Whom to invite, and the role of the account."""

    nome = TextField("Nome", [required("Escreva o nome de quem é convidado."), at_most(160)])
    email = TextField(
        "E-mail",
        [required("Escreva o e-mail com que a pessoa vai entrar."), at_most(254)],
        render_kw={"type": "email", "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"},
    )


@blueprint.get("")
@require(Permission.ADMINISTRAR)
def index() -> ResponseReturnValue:
    """Every invitation and its state."""
    return render_template("convites/index.html", convites=list_convites(agora=utc_now()), estados=ESTADO_NAMES)


@blueprint.route("/novo", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
@require_confirmed
def new() -> ResponseReturnValue:
    """Invite somebody; the link is shown on the next page."""
    form = ConviteForm(typed(), papel=Papel.TESOURARIA)
    form.offer_nucleos()
    if request.method != "POST":
        show_errors(form)
        return render_template("convites/new.html", form=form, dias=inviting.VALID_FOR.days)
    if form.validate():
        novo = NovoConvite(
            nome=form.nome.data or "",
            email=form.email.data or "",
            papel=form.papel.data,
            nucleo_id=form.nucleo_id.data,
        )
        try:
            convite_id, token = inviting.invite(novo, autor_id=current_author_id(), agora=utc_now())
        except Invalid as error:
            form.add_error(error)
        else:
            return _show_link(convite_id, token)
    return again(form)


@blueprint.get("/<int:convite_id>")
@require(Permission.ADMINISTRAR)
def show(convite_id: int) -> ResponseReturnValue:
    """One invitation; also its link, if it was just made."""
    convite = get_convite(convite_id, agora=utc_now())
    if convite is None:
        abort(404)
    fresh = session.get(_FRESH)
    link = None
    if fresh and fresh[0] == convite_id:
        del session[_FRESH]
        link = url_for("convites.accept", token=fresh[1], _external=True)
    return render_template(
        "convites/show.html", convite=convite, estado=ESTADO_NAMES[convite.estado], link=link, E=EstadoConvite
    )


@blueprint.post("/<int:convite_id>")
@require(Permission.ADMINISTRAR)
@require_confirmed
def act(convite_id: int) -> ResponseReturnValue:
    """Replace an invitation's link, or cancel the invitation."""
    here = url_for("convites.show", convite_id=convite_id)
    author, agora = current_author_id(), utc_now()
    try:
        match request.form.get("acao"):
            case "renovar":
                return _show_link(convite_id, inviting.renew(convite_id, autor_id=author, agora=agora))
            case "cancelar":
                inviting.cancel(convite_id, autor_id=author, agora=agora)
                flash("O convite foi cancelado; o link não vale mais.", "success")
            case _:
                # The same answer if there is no such invitation.
                abort(404 if get_convite(convite_id, agora=agora) is None else 400)
    except (Conflict, Invalid) as error:
        flash(error.message, "danger")
    return redirect(here, 303)


@blueprint.route("/aceitar/<token>", methods=["GET", "POST"])
def accept(token: str) -> ResponseReturnValue:
    """The page that the link opens, without login: the person chooses a password, then sets up their phone."""
    agora = utc_now()
    convite = waiting_convite(token, agora=agora)
    if convite is None:
        return _over(inviting.OVER)
    if current_user.is_authenticated:
        return _over(
            f"Você está dentro como {current_user.nome}, e este convite é para {convite.email}. "
            "Saia primeiro, ou abra o link em outro navegador. O convite continua valendo."
        )
    form = AcceptForm(nome=convite.nome)
    if not form.validate_on_submit():
        return _accept_page(form, convite)
    try:
        usuario = inviting.accept(token, nome=form.nome.data or "", password=form.nova.data or "", agora=agora)
    except Invalid as error:
        form.nome.errors = [error.message]
        return _accept_page(form, convite)
    except Conflict as error:
        return _over(error.message)
    expect_second_factor(usuario, wanted=None, agora=agora)
    return redirect(url_for("contas.first_access"), 303)


def _accept_page(form: AcceptForm, convite: object) -> ResponseReturnValue:
    return render_template("convites/accept.html", form=form, convite=convite)


def _over(text: str) -> ResponseReturnValue:
    return render_template("convites/over.html", text=text), 410


def _show_link(convite_id: int, token: str) -> ResponseReturnValue:
    session[_FRESH] = [convite_id, token]
    return redirect(url_for("convites.show", convite_id=convite_id), 303)
