"""Logging in and out, and the second factor. One's own account is in `own_account.py`."""

import datetime as dt
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from controles.contas import browser, devices, enrolment, login, services, totp
from controles.contas.forms import CodeForm, LoginForm, RecoveryForm
from controles.contas.lockout import minutes_left
from controles.contas.models import Usuario
from controles.contas.queries import get_codes_left
from controles.contas.totp import OtpSecretUnreadableError
from controles.contas.users import account_of_version
from controles.domain.clock import utc_now
from controles.formularios.page import is_kept_address
from controles.services import running
from controles.services.cache_service import forget_user
from controles.web.formatting import plural

blueprint = Blueprint("contas", __name__, template_folder="templates")

# The longest time between the password and the code.
PENDING_FOR = dt.timedelta(minutes=10)
_PENDING, _PENDING_SINCE, _NEXT = "pendente", "pendente_desde", "proximo"

_log = structlog.stdlib.get_logger("controles.contas")


@blueprint.route("/entrar", methods=["GET", "POST"], endpoint="login")
def log_in() -> ResponseReturnValue:
    """First factor: address and password."""
    if current_user.is_authenticated:
        return redirect("/")
    form = LoginForm()
    if not form.validate_on_submit():
        return render_template("contas/login.html", form=form)
    agora = utc_now()
    email = form.email.data or ""
    outcome = login.check_password(email, form.senha.data or "", origin=devices.origin_of(email), agora=agora)
    if isinstance(outcome, login.Refused):
        explain(form, outcome, "E-mail ou senha não conferem.", agora=agora)
        return render_template("contas/login.html", form=form), 401
    expect_second_factor(outcome.usuario, wanted=safe_path(request.args.get("next")), agora=agora)
    return redirect(url_for("contas.second_factor"))


@blueprint.route("/segundo-fator", methods=["GET", "POST"])
def second_factor() -> ResponseReturnValue:
    """Second factor: an authenticator's code."""
    usuario = _pending_user()
    if usuario is None:
        return _start_over()
    if not login.is_enrolled(usuario):
        return redirect(url_for("contas.first_access"))
    form = CodeForm()
    if not form.validate_on_submit():
        return render_template("contas/second_factor.html", form=form)
    agora = utc_now()
    try:
        outcome = login.check_code(
            usuario,
            form.codigo.data or "",
            length=session_length(),
            origin=devices.origin_of(usuario.email),
            agora=agora,
        )
    except OtpSecretUnreadableError as error:
        _log.error("otp_secret_unreadable", usuario_id=usuario.id, reason=str(error))
        form.codigo.errors = ["O seu segundo fator não pôde ser lido. Peça à administração que o refaça."]
        return render_template("contas/second_factor.html", form=form), 401
    if isinstance(outcome, login.Refused):
        explain(form, outcome, "O código não confere ou já foi usado. Espere o próximo e tente de novo.", agora=agora)
        return render_template("contas/second_factor.html", form=form), 401
    return _enter(outcome)


@blueprint.route("/segundo-fator/recuperacao", methods=["GET", "POST"])
def recover() -> ResponseReturnValue:
    """Second factor without the phone: a recovery code."""
    usuario = _pending_user()
    if usuario is None:
        return _start_over()
    if not login.is_enrolled(usuario):
        return redirect(url_for("contas.first_access"))
    form = RecoveryForm()
    if not form.validate_on_submit():
        return render_template("contas/recover.html", form=form)
    agora = utc_now()
    outcome = login.check_recovery_code(
        usuario,
        form.codigo.data or "",
        length=session_length(),
        origin=devices.origin_of(usuario.email),
        agora=agora,
    )
    if isinstance(outcome, login.Refused):
        explain(form, outcome, "O código não confere ou já foi usado.", agora=agora)
        return render_template("contas/recover.html", form=form), 401
    left = get_codes_left(outcome.usuario.id)
    flash(
        f"Você entrou com um código de recuperação; restam {left}. "
        "Se o celular se perdeu, cadastre outro em “Sua conta”.",
        "warn",
    )
    return _enter(outcome)


@blueprint.route("/primeiro-acesso", methods=["GET", "POST"])
def first_access() -> ResponseReturnValue:
    """Enrol the second factor: the QR code is shown until its first code is confirmed, and then never again."""
    usuario = _pending_user()
    if usuario is None:
        return _start_over()
    if login.is_enrolled(usuario):
        return redirect(url_for("contas.second_factor"))
    secret = services.secret_to_enrol(usuario)
    form = CodeForm()
    status = 200
    if form.validate_on_submit():
        agora = utc_now()
        outcome = login.confirm_enrolment(
            usuario,
            form.codigo.data or "",
            length=session_length(),
            origin=devices.origin_of(usuario.email),
            agora=agora,
        )
        if isinstance(outcome, login.Enrolled):
            wanted = _wanted_path()
            browser.enter(outcome.usuario, outcome.token, via=login.AUTHENTICATOR)
            return render_template("contas/recovery_codes.html", codes=outcome.codes, next_url=wanted)
        explain(form, outcome, "O código não confere. Espere o próximo e tente de novo.", agora=agora)
        status = 401
    qr = enrolment.qr_svg(
        enrolment.qr_code(secret, account=usuario.email), label="Código QR para o aplicativo autenticador"
    )
    return render_template(
        "contas/first_access.html",
        form=form,
        qr=qr,
        uri=totp.otpauth_uri(secret, account=usuario.email),
        key=totp.spaced(secret),
        account=usuario.email,
    ), status


@blueprint.post("/sair")
def logout() -> ResponseReturnValue:
    """End this login."""
    if current_user.is_authenticated:
        usuario_id = int(current_user.id)
        services.log_out(usuario_id, browser.token(), agora=utc_now())
        browser.leave()
        forget_user(usuario_id)
    session.clear()
    flash("Você saiu.", "ok")
    return redirect(url_for("contas.login"))


def explain(form: FlaskForm, outcome: login.Refused, otherwise: str, *, agora: dt.datetime) -> None:
    """Show in the form why it was refused, or how long to wait."""
    text = otherwise
    if outcome.locked_until is not None:
        minutes = minutes_left(outcome.locked_until, agora=agora)
        wait = plural(minutes, "minuto", "minutos")
        text = f"Tentativas demais. Por segurança, espere {wait} e tente de novo."
    form.form_errors.append(text)


def _enter(outcome: login.Complete) -> ResponseReturnValue:
    wanted = _wanted_path()
    flashes = session.get("_flashes")
    browser.enter(outcome.usuario, outcome.token, via=login.AUTHENTICATOR)
    if flashes:
        session["_flashes"] = flashes
    return redirect(wanted)


def expect_second_factor(usuario: Usuario, *, wanted: str | None, agora: dt.datetime) -> None:
    """Remember in this browser's cookie that the password was right: the code, or the first phone, is next."""
    session.clear()
    session[_PENDING] = usuario.fs_uniquifier
    session[_PENDING_SINCE] = agora.timestamp()
    if wanted:
        session[_NEXT] = wanted


def _pending_user() -> Usuario | None:
    """The user who has shown the right password in this browser in the last few minutes."""
    uniquifier, since = session.get(_PENDING), session.get(_PENDING_SINCE, 0.0)
    if not uniquifier or utc_now().timestamp() - since > PENDING_FOR.total_seconds():
        return None
    return account_of_version(uniquifier)


def _start_over() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect("/")
    flash("Comece de novo: a entrada não foi concluída a tempo.", "warn")
    return redirect(url_for("contas.login"))


def _wanted_path() -> str:
    return str(session.get(_NEXT) or "/")


def safe_path(raw: str | None) -> str | None:
    """`raw` if it is a path on this site: a login must not redirect to another site."""
    if not raw or not raw.startswith("/") or raw.startswith("//") or "\\" in raw:
        return None
    if any(ord(character) < 32 for character in raw):
        return None
    parts = urlsplit(raw)
    if parts.scheme or parts.netloc:
        return None
    # Without the query, which may contain a search term; only the number of a kept form stays.
    return f"{parts.path}?{parts.query}" if is_kept_address(parts.query) else parts.path


def session_length() -> dt.timedelta:
    """How long a login lasts."""
    return running.settings().session_length
