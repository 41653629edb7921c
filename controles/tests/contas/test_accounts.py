"""The administrator that the settings describe: made once, changed when a setting changes."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from controles.contas import lockout, login, totp
from controles.contas.accounts import admin_credentials, create_user, ensure_admin
from controles.contas.keys import account_keys
from controles.contas.models import CodigoRecuperacao, Papel, Usuario
from controles.db import db
from controles.settings.config import ConfigError, read_settings

MakeApp = Callable[..., Flask]
HERE = lockout.Origin("203.0.113.7")
PASSWORD, OTHER_PASSWORD = "uma senha de verdade", "outra senha de verdade"
SECRET, OTHER_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
EMAIL = "admin@exemplo.org"


def start_up(app: Flask) -> None:
    """What a start does about the administrator."""
    with app.app_context():
        ensure_admin(app.extensions["settings"])


@pytest.fixture
def start(make_app: MakeApp, sqlite_url: str) -> Callable[..., Flask]:
    """Starts the application on one database, with these settings."""

    def run(password: str | None = PASSWORD, secret: str | None = SECRET, **more: str) -> Flask:
        settings = {"ADMIN_EMAIL": EMAIL, "DATABASE_URL": sqlite_url, **more}
        if password is not None:
            settings["ADMIN_PASSWORD"] = password
        if secret is not None:
            settings["ADMIN_OTP_SECRET"] = secret
        app = make_app(**settings)
        start_up(app)
        return app

    return run


def admin() -> Usuario:
    return db.session.scalars(select(Usuario).where(Usuario.email == EMAIL)).one()


def enrol(app: Flask, clock: Any, secret: str) -> None:
    length = app.extensions["settings"].session_length
    outcome = login.confirm_enrolment(
        admin(), totp.code_at(secret, clock.now), length=length, origin=HERE, agora=clock.now
    )
    assert isinstance(outcome, login.Enrolled)


def test_the_administrator_is_made_once(start: Callable[..., Flask]) -> None:
    start()
    with start().app_context():
        assert admin().papel is Papel.ADMIN
        assert not login.is_enrolled(admin())


def test_the_first_code_is_that_of_the_setting(start: Callable[..., Flask], clock: Any) -> None:
    app = start()
    with app.app_context():
        enrol(app, clock, SECRET)
        assert login.is_enrolled(admin())


def test_starting_again_changes_nothing(start: Callable[..., Flask], clock: Any) -> None:
    app = start()
    with app.app_context():
        enrol(app, clock, SECRET)
        before = admin().fs_uniquifier, admin().password
    with start().app_context():
        assert login.is_enrolled(admin())
        assert (admin().fs_uniquifier, admin().password) == before


def test_a_changed_secret_enrols_again_and_ends_every_login(start: Callable[..., Flask], clock: Any) -> None:
    app = start()
    with app.app_context():
        enrol(app, clock, SECRET)
        before = admin().fs_uniquifier
    with start(secret=OTHER_SECRET).app_context():
        assert not login.is_enrolled(admin())
        assert account_keys().otp.open(admin().tf_totp_secret or "", usuario_id=admin().id) == OTHER_SECRET
        assert admin().fs_uniquifier != before
        assert db.session.scalars(select(CodigoRecuperacao)).all() == []


def test_a_phone_enrolled_since_is_not_undone_by_a_restart(start: Callable[..., Flask], clock: Any) -> None:
    with start().app_context():
        admin().tf_totp_secret = account_keys().otp.seal(OTHER_SECRET, usuario_id=admin().id)
        db.session.commit()
    with start().app_context():
        assert account_keys().otp.open(admin().tf_totp_secret or "", usuario_id=admin().id) == OTHER_SECRET


def test_a_changed_password_is_applied_and_ends_every_login(start: Callable[..., Flask], clock: Any) -> None:
    with start().app_context():
        before = admin().fs_uniquifier
    with start(password=OTHER_PASSWORD).app_context():
        assert isinstance(login.check_password(EMAIL, OTHER_PASSWORD, origin=HERE, agora=clock.now), login.Passed)
        assert isinstance(login.check_password(EMAIL, PASSWORD, origin=HERE, agora=clock.now), login.Refused)
        assert admin().fs_uniquifier != before


def test_settings_taken_away_leave_the_administrator(start: Callable[..., Flask], clock: Any) -> None:
    start()
    production = {"CONTROLES_ENV": "production", "SECRET_KEY": "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5"}
    with start(password=None, secret=None, **production).app_context():
        assert isinstance(login.check_password(EMAIL, PASSWORD, origin=HERE, agora=clock.now), login.Passed)


def test_a_new_key_with_the_former_one_kept_changes_nothing(start: Callable[..., Flask], clock: Any) -> None:
    old, new = "the-former-key-of-these-tests-0123456789ab", "the-present-key-of-these-tests-0123456789"
    app = start(SECRET_KEY=old)
    with app.app_context():
        enrol(app, clock, SECRET)
    with start(SECRET_KEY=new, SECRET_KEY_FALLBACKS=old).app_context():
        assert login.is_enrolled(admin())
    # The digests were renewed, so the former key can go.
    with start(SECRET_KEY=new).app_context():
        assert login.is_enrolled(admin())


def test_production_asks_for_what_is_missing_all_at_once(start: Callable[..., Flask]) -> None:
    with pytest.raises(ConfigError) as error:
        start(password=None, secret=None, CONTROLES_ENV="production")
    assert [problem.split(":")[0] for problem in error.value.problems] == ["ADMIN_PASSWORD", "ADMIN_OTP_SECRET"]


def test_the_address_of_somebody_else_is_refused(start: Callable[..., Flask]) -> None:
    app = start()
    with app.app_context():
        create_user(
            db.session,
            email="ana@exemplo.org",
            nome="Ana",
            papel=Papel.LEITURA,
            nucleo_id=None,
            password=PASSWORD,
            totp_secret=None,
        )
        db.session.commit()
    with pytest.raises(ConfigError, match="outro papel"):
        start(ADMIN_EMAIL="ana@exemplo.org")


def test_a_database_without_tables_is_said_so(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/vazio.db")
    with pytest.raises(ConfigError, match="db-upgrade"):
        start_up(app)


def test_a_database_that_does_not_answer_is_said_so(make_app: MakeApp) -> None:
    app = make_app(DATABASE_URL="postgresql://ninguem@127.0.0.1:1/nada")
    with pytest.raises(ConfigError, match="não respondeu"):
        start_up(app)


def test_development_keeps_what_it_made_for_its_owner_alone(tmp_path: Path) -> None:
    settings = read_settings({"CONTROLES_ENV": "development", "CONTROLES_DATA": str(tmp_path)})
    first, second = admin_credentials(settings), admin_credentials(settings)
    assert first == second
    assert first.password
    assert first.otp_secret
    for name in ("admin-password", "admin-otp-secret", "secret-key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_kept_secret_that_was_edited_wrongly_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "admin-otp-secret").write_text("não é base32")
    with pytest.raises(ConfigError, match="apague o arquivo"):
        admin_credentials(read_settings({"CONTROLES_ENV": "development", "CONTROLES_DATA": str(tmp_path)}))


def test_a_password_is_stored_as_argon2id(start: Callable[..., Flask]) -> None:
    with start().app_context():
        assert (admin().password or "").startswith("$argon2id$")


def test_a_start_with_nothing_new_writes_nothing(start: Callable[..., Flask]) -> None:
    app = start()
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    start_up(app)
    assert [statement for statement in statements if not statement.startswith(("SELECT", "PRAGMA"))] == []
