"""An application with accounts, the people who have them, and browsers in which they log in."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from werkzeug.test import TestResponse

from controles.auditoria.models import Auditoria
from controles.contas import totp
from controles.contas.accounts import create_user
from controles.contas.models import Papel, Usuario
from controles.db import db
from controles.settings.made_secrets import new_otp_secret

PASSWORD = "uma senha de verdade"
OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Person:
    """A user as the person knows it: address, password and the phone's secret."""

    def __init__(self, usuario_id: int, email: str, secret: str | None, clock: Any) -> None:
        self.id = usuario_id
        self.email = email
        self.password = PASSWORD
        self.secret = secret
        self._clock = clock

    def code(self, *, steps: int = 0) -> str:
        """What the phone shows now, or that many time-steps later."""
        assert self.secret is not None
        return totp.code_at(self.secret, self._clock.now + dt.timedelta(seconds=30 * steps))


class Browser:
    """A test client that fills in forms the way a browser does."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def submit(self, path: str, **data: str) -> TestResponse:
        """POST with the token of this browser's session."""
        return self.client.post(path, data={"csrf_token": self._whoami()["token"], **data})

    def password(self, person: Person, password: str | None = None) -> TestResponse:
        return self.submit("/entrar", email=person.email, senha=password or person.password)

    def code(self, code: str) -> TestResponse:
        return self.submit("/segundo-fator", codigo=code)

    def log_in(self, person: Person) -> TestResponse:
        self.password(person)
        return self.code(person.code())

    def is_logged_in(self) -> bool:
        return bool(self._whoami()["user"])

    def _whoami(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/teste/quem").json or {}
        return answer


def _whoami() -> dict[str, object]:
    return {"user": current_user.get_id(), "token": generate_csrf()}


def _account_app(make_app: Callable[..., Flask], url: str) -> Flask:
    app = make_app(
        DATABASE_URL=url,
        ADMIN_EMAIL="admin@exemplo.org",
        ADMIN_PASSWORD=PASSWORD,
        ADMIN_OTP_SECRET=OTP_SECRET,
        LOGIN_RATE="1000 per minute",
    )
    app.add_url_rule("/teste/quem", view_func=_whoami)
    return app


@pytest.fixture
def app(make_app: Callable[..., Flask], sqlite_url: str) -> Flask:
    """An application outside of its context, as a server has it: every request gets its own."""
    return _account_app(make_app, sqlite_url)


@pytest.fixture
def any_app(make_app: Callable[..., Flask], database_url: str) -> Flask:
    """The same, once on SQLite and once on PostgreSQL."""
    return _account_app(make_app, database_url)


@pytest.fixture
def new_person(app: Flask, clock: Any) -> Callable[..., Person]:
    """Makes a user; with `enrolled=False` one whose first login is still to come."""
    made = 0

    def make(
        *, papel: Papel = Papel.TESOURARIA, nucleo_id: int | None = None, enrolled: bool = True, where: Flask = app
    ) -> Person:
        nonlocal made
        made += 1
        secret = new_otp_secret() if enrolled else None
        with where.app_context():
            usuario = create_user(
                db.session,
                email=f"Pessoa{made}@Exemplo.org",
                nome=f"Pessoa {made}",
                papel=papel,
                nucleo_id=nucleo_id,
                password=PASSWORD,
                totp_secret=secret,
            )
            db.session.commit()
            return Person(usuario.id, usuario.email, secret, clock)

    return make


@pytest.fixture
def person(new_person: Callable[..., Person]) -> Person:
    return new_person()


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def new_browser(app: Flask) -> Callable[[], Browser]:
    return lambda: Browser(app)


@pytest.fixture
def load(app: Flask) -> Callable[[int], Usuario]:
    """The user as the database has it now."""

    def fetch(usuario_id: int) -> Usuario:
        with app.app_context():
            return db.session.get_one(Usuario, usuario_id)

    return fetch


@pytest.fixture
def audited(app: Flask) -> Callable[[], list[str]]:
    """What the audit has recorded, oldest first."""

    def actions() -> list[str]:
        with app.app_context():
            return list(db.session.scalars(select(Auditoria.acao).order_by(Auditoria.id)))

    return actions
