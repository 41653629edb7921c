"""Tokens of the API, for their owner: making one, which both factors confirm, and revoking it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectMultipleField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from controles.api.queries import list_tokens
from controles.api.records import Acesso, EstadoToken, NovoToken
from controles.api.tokens import LONGEST_NAME, make_token, revoke_token
from controles.contas.own_account import require_confirmed
from controles.contas.permissions import Permission, current_author_id, require
from controles.domain.clock import utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.web.form_fields import ChoiceField, PageForm, TextField, at_most, choice, required

blueprint = Blueprint("tokens", __name__, url_prefix="/conta/tokens", template_folder="templates")

# The token that was just made, until it is shown: its id and the token itself.
_FRESH = "token_novo"
ACESSO_NAMES = {
    Acesso.MILITANTES: "Militantes e núcleos",
    Acesso.COTAS: "Cotas",
    Acesso.PAGAMENTOS: "Pagamentos",
    Acesso.RELATORIOS: "Previsto × realizado",
}
ESTADO_NAMES = {
    EstadoToken.VALIDO: ("Vale", "ok"),
    EstadoToken.EXPIRADO: ("Expirado", ""),
    EstadoToken.REVOGADO: ("Revogado", ""),
}
DAYS = {"30": "30 dias", "90": "90 dias", "365": "1 ano"}


class _BoxesField(SelectMultipleField):
    """What a token may read, each a box to tick; at least one."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - how WTForms calls it
        if not self.data or not set(self.data) <= {acesso.value for acesso in Acesso}:
            raise ValidationError("Marque ao menos uma das opções.")


class TokenForm(PageForm):
    nome = TextField("Para que é", [required("Escreva para que é o token."), at_most(LONGEST_NAME)])
    acessos = _BoxesField("O que o programa pode ler", choices=[choice(one.value, ACESSO_NAMES[one]) for one in Acesso])
    dias = ChoiceField("Vale por", choices=[choice(days, label) for days, label in DAYS.items()])


@blueprint.get("")
@require(Permission.EXPORTAR)
def index() -> ResponseReturnValue:
    """This user's tokens; also the one that was just made."""
    fresh = session.pop(_FRESH, None)
    tokens = list_tokens(current_author_id(), agora=utc_now())
    return render_template(
        "tokens/index.html",
        tokens=tokens,
        novo=next((line for line in tokens if fresh and line.id == fresh[0]), None),
        token=fresh[1] if fresh else None,
        endereco=url_for("api.description", _external=True),
        nomes=ACESSO_NAMES,
        estados=ESTADO_NAMES,
        valido=EstadoToken.VALIDO,
    )


@blueprint.route("/novo", methods=["GET", "POST"])
@require(Permission.EXPORTAR)
@require_confirmed
def new() -> ResponseReturnValue:
    """Make a token; it is shown on the next page, once."""
    form = TokenForm(typed(), dias="90")
    if request.method != "POST":
        show_errors(form)
        return render_template("tokens/new.html", form=form)
    if form.validate():
        novo = NovoToken(
            nome=form.nome.data or "",
            acessos=frozenset(map(Acesso, form.acessos.data or ())),
            dias=int(form.dias.data),
        )
        try:
            session[_FRESH] = make_token(novo, usuario_id=current_author_id(), agora=utc_now())
        except Invalid as error:
            form.add_error(error)
        else:
            return redirect(url_for("tokens.index"), 303)
    return again(form)


@blueprint.post("/<int:token_id>/revogar")
@require(Permission.EXPORTAR)
def revoke(token_id: int) -> ResponseReturnValue:
    """End a token; without showing both factors again, since it only takes something away."""
    try:
        revoke_token(token_id, usuario_id=current_author_id(), agora=utc_now())
    except Conflict as error:
        flash(error.message, "warn")
    else:
        flash("O token foi revogado; o programa que o usa já não lê nada.", "success")
    return redirect(url_for("tokens.index"), 303)
