"""Every POST ends in a redirect: what was typed and could not be saved is kept under a number in the address.

So the browser's Back never asks whether to send a form again, and restores what was typed. A form whose session ended
while it was being filled in is kept in the same way.
"""

from collections.abc import Iterable
from typing import Any

from flask import flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response
from wtforms import Form

from controles.contas.permissions import current_author_id
from controles.domain.clock import utc_now
from controles.formularios.sealing import LONGEST, Guardado, form_seal
from controles.formularios.services import keep, kept

PARAMETER = "f"
OWNER_FIELD = "quem"
# Where a request keeps what it has read.
_READ = "controles.formulario_guardado"
_NEVER_KEPT = frozenset({"csrf_token", OWNER_FIELD})
# Passwords and codes are typed on these pages.
_NEVER_KEPT_OF = frozenset({"contas", "conta", "usuarios", "convites", "auditoria", "copias"})


def typed() -> MultiDict[str, str] | None:
    """The values of a page's form: those that are being sent, else those kept under the address's number, else None."""
    if request.method == "POST":
        return request.form
    guardado = kept_here()
    return None if guardado is None else MultiDict(guardado.dados)


def kept_here() -> Guardado | None:
    """What this user has kept under the address's number."""
    token = request.args.get(PARAMETER, "")
    if not token:
        return None
    # A page asks for the values and for what was wrong with them.
    if _READ not in request.environ:
        request.environ[_READ] = kept(token, usuario_id=current_author_id(), agora=utc_now())
    found: Guardado | None = request.environ[_READ]
    return found


def again(form: Form) -> Response:
    """Redirect to the form's own page, with everything that was typed and its errors."""
    token = keep_sent(form)
    return redirect(here(**{PARAMETER: token}), 303)


def here(**values: Any) -> str:
    """The address of the page of this request."""
    assert request.endpoint is not None
    return url_for(request.endpoint, **{**(request.view_args or {}), **values})


def keep_sent(form: Form | None = None, *, token: str | None = None, geral: Iterable[str] = ()) -> str:
    """Keep what is being sent, for its user; returns the number under which it is kept."""
    errors = {} if form is None else {name: tuple(map(str, found)) for name, found in form.errors.items() if name}
    whole = () if form is None else tuple(map(str, form.form_errors))
    return keep(
        Guardado(sent_pairs(), errors, (*whole, *geral)), usuario_id=current_author_id(), agora=utc_now(), token=token
    )


def keep_pairs(pairs: tuple[tuple[str, str], ...], *, token: str, geral: Iterable[str] = ()) -> str:
    """`keep_sent` for a form whose values differ from those that were sent."""
    return keep(Guardado(pairs, geral=tuple(geral)), usuario_id=current_author_id(), agora=utc_now(), token=token)


def show_errors(form: Form) -> None:
    """Show the errors of a kept form on the page that it is loaded into."""
    guardado = kept_here() if request.method != "POST" else None
    if guardado is None:
        return
    for name, messages in guardado.erros.items():
        if name in form._fields:
            form[name].errors = list(messages)
    form.form_errors = list(guardado.geral)


def owner_mark() -> str:
    """The user for whom a page is made; empty for nobody."""
    return form_seal().sign_owner(int(current_user.id)) if current_user.is_authenticated else ""


def kept_for_later() -> str | None:
    """The address at which a form that arrived without its session can be continued; None if nothing is kept.

    Only a form that was made for a known user is kept, and only for that user.
    """
    rule = request.url_rule
    if request.method != "POST" or rule is None or "GET" not in (rule.methods or ()):
        return None
    if request.blueprint in _NEVER_KEPT_OF or (request.content_length or 0) > LONGEST:
        return None
    owner = form_seal().owner(request.form.get(OWNER_FIELD, ""))
    if owner is None:
        return None
    said = "A sessão tinha terminado, e nada foi salvo; o que você escreveu está aqui. Confira e salve de novo."
    token = keep(Guardado(sent_pairs(), geral=(said,)), usuario_id=owner, agora=utc_now())
    return f"{request.path}?{PARAMETER}={token}"


def after_lost_token() -> Response | None:
    """A redirect to the page with what was typed, if a login in another tab has invalidated this page's token."""
    owner = form_seal().owner(request.form.get(OWNER_FIELD, ""))
    if not current_user.is_authenticated:
        address = kept_for_later()
        if address is None:
            return None
        flash("Sua sessão terminou. Entre de novo: o que você escreveu foi guardado.", "warn")
        return redirect(url_for("contas.login", next=address), 303)
    if owner != int(current_user.id):
        return None
    address = kept_for_later()
    return None if address is None else redirect(request.script_root + address, 303)


def sent_pairs() -> tuple[tuple[str, str], ...]:
    """The values that are being sent, without those that are never kept."""
    return tuple((name, value) for name, value in request.form.items(multi=True) if name not in _NEVER_KEPT)


def is_kept_address(query: str) -> bool:
    """Whether a query string consists only of the number of a kept form."""
    name, _, value = query.partition("=")
    return name == PARAMETER and 0 < len(value) <= 64 and value.replace("-", "").replace("_", "").isalnum()
