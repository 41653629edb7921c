"""One's own account: password, phone, recovery codes, other sessions; and showing both factors again.

A session can be stolen: copied from a browser, or left open on a shared computer. So changes to how somebody logs in
require the password and a code each time, and changes to other people's accounts require them every ten minutes.
"""

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import structlog
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response

from controles.contas import browser, devices, enrolment, login, services, totp
from controles.contas.forms import BothFactorsForm, CodeForm, NewPasswordForm
from controles.contas.keys import account_keys
from controles.contas.models import Usuario
from controles.contas.permissions import Permission, current_author_id, require
from controles.contas.queries import get_codes_left, list_sessions
from controles.contas.totp import OtpSecretUnreadableError
from controles.contas.users import get_account
from controles.contas.views import explain, safe_path, session_length
from controles.domain.clock import utc_now
from controles.settings.made_secrets import new_otp_secret
from controles.web.search_seal import open_text, seal_text

P = ParamSpec("P")

# How long a confirmation lasts, and how long the secret of a new phone waits for its first code.
CONFIRMED_FOR = dt.timedelta(minutes=10)
_CONFIRMED = "confirmado"
# The parameter with the encrypted query of the page that was requested.
_QUERY = "pedido"
_NEW_SECRET, _NEW_SINCE = "celular", "celular_desde"

blueprint = Blueprint("conta", __name__, url_prefix="/conta", template_folder="templates")

_log = structlog.stdlib.get_logger("controles.contas")


def require_confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Run a view only for somebody who has shown both factors in the last ten minutes; the login is not enough.

    Others are asked for them, and then sent back to this address. Use it inside of `require`, which checks who it is.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return ask_again() or view(*args, **kwargs)

    return guarded


def ask_again() -> Response | None:
    """A redirect to the page that asks for both factors again; None if they were shown recently.

    The query of a GET goes along encrypted, since a filter may name a person.
    """
    if utc_now().timestamp() - session.get(_CONFIRMED, 0.0) < CONFIRMED_FOR.total_seconds():
        return None
    wanted: dict[str, Any] = {}
    if request.method == "POST":
        flash("Nada foi feito ainda: antes, confirme que é você; depois, envie de novo.", "warn")
    elif request.query_string:
        wanted[_QUERY] = seal_text(request.query_string.decode("ascii", "replace"), usuario_id=current_author_id())
    return redirect(url_for("conta.confirm", next=request.path, **wanted), 303)


@blueprint.route("/confirmar", methods=["GET", "POST"])
@require(Permission.VER)
def confirm() -> ResponseReturnValue:
    """Ask for both factors again, and then continue."""
    form = BothFactorsForm()
    path, sealed = safe_path(request.args.get("next")), request.args.get(_QUERY)
    query = open_text(sealed, usuario_id=current_author_id()) if sealed else ""
    if path is None or query is None:
        # Without its filter a list would be sent as a whole.
        path, query = url_for("conta.account"), ""
    wanted = f"{path}?{query}" if query else path
    if _proven(form) is None:
        return _page("contas/confirm.html", form, arquivo="/lista/" in path, lista=path.partition("/lista/")[0])
    session[_CONFIRMED] = utc_now().timestamp()
    return redirect(wanted, 303)


@blueprint.get("")
@require(Permission.VER)
def account() -> ResponseReturnValue:
    """What can be changed, and where this user is logged in."""
    return render_template(
        "contas/account.html",
        codes_left=get_codes_left(current_user.id),
        sessoes=list_sessions(current_user.id, length=session_length(), agora=utc_now()),
    )


@blueprint.post("/sessoes")
@require(Permission.VER)
def end_other_sessions() -> ResponseReturnValue:
    """End all logins of this user except this one."""
    usuario = _me()
    token = services.end_other_sessions(usuario, length=session_length(), agora=utc_now())
    browser.enter(usuario, token, via=login.AUTHENTICATOR)
    flash("As outras sessões foram encerradas; só esta continua.", "success")
    return redirect(url_for("conta.account"), 303)


@blueprint.route("/senha", methods=["GET", "POST"])
@require(Permission.VER)
def change_password() -> ResponseReturnValue:
    """Change the password; this ends all other logins."""
    form = NewPasswordForm()
    usuario = _proven(form)
    if usuario is None:
        return _page("contas/password.html", form)
    done = login.replace_password(usuario, form.nova.data or "", length=session_length(), agora=utc_now())
    browser.enter(done.usuario, done.token, via=login.AUTHENTICATOR)
    flash("A senha foi trocada; as outras sessões foram encerradas.", "success")
    return redirect(url_for("conta.account"), 303)


@blueprint.route("/codigos", methods=["GET", "POST"])
@require(Permission.VER)
def renew_codes() -> ResponseReturnValue:
    """Ten new recovery codes, which replace the old ones."""
    form = BothFactorsForm()
    usuario = _proven(form)
    if usuario is None:
        return _page("contas/renew_codes.html", form)
    codes = services.renew_codes(usuario.id, agora=utc_now())
    return render_template("contas/recovery_codes.html", codes=codes, next_url=url_for("conta.account"))


@blueprint.route("/celular", methods=["GET", "POST"])
@require(Permission.VER)
def new_device() -> ResponseReturnValue:
    """The first step of changing the phone: both present factors. Nothing changes yet."""
    form = BothFactorsForm()
    usuario = _proven(form)
    if usuario is None:
        return _page("contas/new_device.html", form)
    session[_NEW_SECRET] = account_keys().otp.seal(new_otp_secret(), usuario_id=usuario.id)
    session[_NEW_SINCE] = utc_now().timestamp()
    return redirect(url_for("conta.enrol_device"), 303)


@blueprint.route("/celular/novo", methods=["GET", "POST"])
@require(Permission.VER)
def enrol_device() -> ResponseReturnValue:
    """The second step: the new phone's first code. Until it is right, the present phone remains the second factor."""
    usuario, secret = _me(), _waiting_secret()
    if secret is None:
        flash("Comece de novo: o celular não foi confirmado a tempo.", "warn")
        return redirect(url_for("conta.new_device"), 303)
    form = CodeForm()
    status = 200
    if form.validate_on_submit():
        agora = utc_now()
        outcome = login.replace_factor(
            usuario,
            secret,
            form.codigo.data or "",
            version=current_user.fs_uniquifier,
            length=session_length(),
            origin=devices.origin_of(usuario.email),
            agora=agora,
        )
        if isinstance(outcome, login.Enrolled):
            browser.enter(outcome.usuario, outcome.token, via=login.AUTHENTICATOR)
            return render_template("contas/recovery_codes.html", codes=outcome.codes, next_url=url_for("conta.account"))
        explain(form, outcome, "O código não confere. Espere o próximo e tente de novo.", agora=agora)
        status = 401
    code = enrolment.qr_code(secret, account=usuario.email)
    return render_template(
        "contas/enrol_device.html",
        form=form,
        qr=enrolment.qr_svg(code, label="Código QR para o aplicativo autenticador"),
        uri=totp.otpauth_uri(secret, account=usuario.email),
        key=totp.spaced(secret),
        account=usuario.email,
    ), status


def _waiting_secret() -> str | None:
    """The secret that this session made a few minutes ago, and that waits for its first code."""
    sealed, since = session.get(_NEW_SECRET), session.get(_NEW_SINCE, 0.0)
    if not sealed or utc_now().timestamp() - since >= CONFIRMED_FOR.total_seconds():
        return None
    try:
        return account_keys().otp.open(sealed, usuario_id=current_author_id())
    except OtpSecretUnreadableError:
        # Made before the keys were changed.
        return None


def _proven(form: BothFactorsForm) -> Usuario | None:
    """The logged-in user, if password and code are theirs; a wrong one counts as a failed login."""
    if not form.validate_on_submit():
        return None
    usuario, agora = _me(), utc_now()
    origin = devices.origin_of(usuario.email)
    try:
        outcome = login.check_both(usuario, form.senha.data or "", form.code(), origin=origin, agora=agora)
    except OtpSecretUnreadableError as error:
        _log.error("otp_secret_unreadable", usuario_id=usuario.id, reason=str(error))
        form.form_errors.append("O seu segundo fator não pôde ser lido. Use um código de recuperação.")
        return None
    if isinstance(outcome, login.Passed):
        return outcome.usuario
    wrong = "A senha ou o código não confere. Um código já usado não vale de novo: espere o próximo."
    explain(form, outcome, wrong, agora=agora)
    return None


def _page(template: str, form: BothFactorsForm, **about: object) -> ResponseReturnValue:
    return render_template(template, form=form, **about), 401 if request.method == "POST" and form.form_errors else 200


def _me() -> Usuario:
    return get_account(current_author_id())
