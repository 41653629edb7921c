"""Flask-Security as this application uses it: its users, password hashes and sessions, with our own pages.

Its own pages stay off. They check a password before they ask whether the address is locked, store the last accepted
code in two steps that concurrent requests can slip between, and store recovery codes in a form that can be shown again.
"""

from flask import Flask, flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import FSQLALiteUserDatastore, RoleMixin, Security

from controles.contas import browser
from controles.contas.models import Usuario
from controles.contas.records import Leitor
from controles.db import db
from controles.formularios.page import kept_for_later
from controles.settings.config import Settings

_ARGON2 = "argon2"


def init_app(app: Flask, settings: Settings) -> None:
    """Make every request of `app` know who is logged in."""
    app.config.update(
        SESSION_COOKIE_NAME="controles_sessao",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=settings.session_length,
        SECURITY_PASSWORD_HASH=_ARGON2,
        SECURITY_PASSWORD_SCHEMES=[_ARGON2],
        SECURITY_DEPRECATED_PASSWORD_SCHEMES=[],
        # Otherwise a second key would be mixed in, and losing it would lose every password.
        SECURITY_PASSWORD_SINGLE_HASH={_ARGON2},
        SECURITY_CLI_USERS_NAME=None,
        SECURITY_CLI_ROLES_NAME=None,
    )
    # Roles are a column of the user, so there are no rows of them.
    datastore = FSQLALiteUserDatastore(db, Usuario, RoleMixin)
    security = Security(app, datastore, register_blueprint=False)

    def load_user(uniquifier: str) -> Leitor | None:
        # Static files need no user and no database.
        if request.endpoint == "static":
            return None
        return browser.load_user(uniquifier, length=settings.session_length, idle=settings.session_idle)

    def no_token(_request: object) -> None:
        """There are no tokens: a session is the only way to log in."""

    def ask_to_log_in() -> ResponseReturnValue:
        # Before the cookie is emptied: a form that was being sent is kept for its user.
        kept = kept_for_later()
        if browser.has_ended():
            session.clear()
            flash("A sua sessão terminou. Entre de novo para continuar.", "warn")
        # Without the query, so that a search term does not appear in another address.
        wanted = request.path if request.method != "POST" else kept
        return redirect(url_for("contas.login", next=wanted if wanted != "/" else None))

    security.login_manager.user_loader(load_user)
    security.login_manager.request_loader(no_token)
    security.login_manager.unauthorized_handler(ask_to_log_in)
