"""Users, for administrators: who they are, where they are logged in, and removing their access."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from controles.contas import administering
from controles.contas.models import Papel
from controles.contas.own_account import require_confirmed
from controles.contas.permissions import Permission, current_author_id, require
from controles.contas.records import LinhaUsuario
from controles.contas.users import get_user, list_users
from controles.contas.views import session_length
from controles.domain.clock import utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.militantes.queries import list_nucleos
from controles.web.form_fields import ChoiceField, PageForm, choice, coerce_id
from controles.web.formatting import papel as papel_name
from controles.web.formatting import plural

blueprint = Blueprint("usuarios", __name__, url_prefix="/usuarios", template_folder="templates")


class RoleForm(PageForm):
    papel = ChoiceField("Papel", coerce=Papel, choices=[choice(papel.value, papel_name(papel)) for papel in Papel])
    nucleo_id = ChoiceField("Alcance", coerce=coerce_id)

    def offer_nucleos(self) -> None:
        nucleos = list_nucleos(Escopo())
        self.nucleo_id.choices = [
            choice("", "Toda a organização"),
            *(choice(nucleo.id, f"{nucleo.nome} · {nucleo.uf}") for nucleo in nucleos),
        ]


@blueprint.get("")
@require(Permission.ADMINISTRAR)
def index() -> ResponseReturnValue:
    usuarios = list_users(length=session_length(), agora=utc_now())
    return render_template("usuarios/index.html", usuarios=usuarios)


@blueprint.get("/<int:usuario_id>")
@require(Permission.ADMINISTRAR)
def show(usuario_id: int) -> ResponseReturnValue:
    return _page(_user(usuario_id))


@blueprint.post("/<int:usuario_id>")
@require(Permission.ADMINISTRAR)
@require_confirmed
def act(usuario_id: int) -> ResponseReturnValue:
    """Carry out one of the page's buttons."""
    _user(usuario_id)
    act_on = _ACTS.get(request.form.get("acao", ""))
    if act_on is None:
        abort(400)
    try:
        return act_on(usuario_id)
    except (Invalid, Conflict) as error:
        flash(error.message, "danger")
        return redirect(url_for("usuarios.show", usuario_id=usuario_id), 303)


def _block(usuario_id: int) -> ResponseReturnValue:
    administering.block_user(usuario_id, motivo=_reason(), autor_id=_not_me(usuario_id), agora=utc_now())
    return _done(usuario_id, "A conta foi bloqueada e as suas sessões, encerradas.")


def _unblock(usuario_id: int) -> ResponseReturnValue:
    administering.unblock_user(usuario_id, autor_id=current_author_id(), agora=utc_now())
    return _done(usuario_id, "A conta foi desbloqueada.")


def _end_sessions(usuario_id: int) -> ResponseReturnValue:
    administering.end_sessions(usuario_id, autor_id=current_author_id(), agora=utc_now())
    return _done(usuario_id, "As sessões foram encerradas.")


def _revoke_tokens(usuario_id: int) -> ResponseReturnValue:
    count = administering.revoke_tokens(usuario_id, autor_id=current_author_id(), agora=utc_now())
    return _done(
        usuario_id, f"{plural(count, 'token revogado', 'tokens revogados')}." if count else "Não havia tokens."
    )


def _change_role(usuario_id: int) -> ResponseReturnValue:
    form = RoleForm(request.form)
    form.offer_nucleos()
    if not form.validate():
        raise Invalid("papel", "Escolha um papel e um alcance da lista.")
    administering.change_role(
        usuario_id, form.papel.data, form.nucleo_id.data, autor_id=_not_me(usuario_id), agora=utc_now()
    )
    return _done(usuario_id, "O papel foi alterado; já vale para as sessões abertas.")


def _reset(usuario_id: int) -> ResponseReturnValue:
    password = administering.reset_access(usuario_id, motivo=_reason(), autor_id=_not_me(usuario_id), agora=utc_now())
    return render_template("usuarios/new_password.html", usuario=_user(usuario_id), password=password)


_ACTS: dict[str, Callable[[int], ResponseReturnValue]] = {
    "bloquear": _block,
    "desbloquear": _unblock,
    "encerrar": _end_sessions,
    "tokens": _revoke_tokens,
    "papel": _change_role,
    "refazer": _reset,
}


def _reason() -> str:
    return request.form.get("motivo", "")


def _not_me(usuario_id: int) -> int:
    """The author's id. Nobody may remove their own access by mistake: another administrator has to do it."""
    autor_id = current_author_id()
    if usuario_id == autor_id:
        raise Conflict("Esta é a sua própria conta; peça a outra pessoa da administração.")
    return autor_id


def _user(usuario_id: int) -> LinhaUsuario:
    usuario = get_user(usuario_id, length=session_length(), agora=utc_now())
    if usuario is None:
        abort(404)
    return usuario


def _page(usuario: LinhaUsuario) -> str:
    role = RoleForm(None, papel=usuario.papel.value, nucleo_id=usuario.nucleo_id)
    role.offer_nucleos()
    return render_template(
        "usuarios/show.html",
        usuario=usuario,
        role=role,
        eu=usuario.id == current_author_id(),
    )


def _done(usuario_id: int, text: str) -> ResponseReturnValue:
    flash(text, "success")
    return redirect(url_for("usuarios.show", usuario_id=usuario_id), 303)
