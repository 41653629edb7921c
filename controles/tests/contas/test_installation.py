"""Published test users and real installations are kept apart."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas import lockout, login
from controles.contas.accounts import create_user
from controles.contas.installation import block_published_users, check_installation
from controles.contas.models import Papel, Usuario
from controles.db import db
from controles.settings.config import ConfigError
from controles.settings.made_secrets import new_otp_secret
from controles.settings.published import KnownUser, known_users

MakeApp = Callable[..., Flask]
HERE = lockout.Origin("203.0.113.7")


def add(email: str, password: str, secret: str) -> int:
    usuario = create_user(
        db.session, email=email, nome="X", papel=Papel.LEITURA, nucleo_id=None, password=password, totp_secret=secret
    )
    db.session.commit()
    return usuario.id


def add_known(user: KnownUser) -> int:
    return add(user.email, user.password, user.totp_secret)


def start_up(app: Flask) -> None:
    """What a start asks about the installation."""
    with app.app_context():
        check_installation(app.extensions["settings"])


@pytest.fixture
def production(make_app: MakeApp, database_url: str) -> Flask:
    # The tests' server asks for no password, which production takes for one that everybody knows.
    return make_app(DATABASE_URL=database_url.replace(":@", "@"), CONTROLES_ENV="production")


@pytest.mark.parametrize("position", [0, 13, 29])
def test_production_does_not_start_with_a_test_user(production: Flask, position: int) -> None:
    user = known_users()[position]
    with production.app_context():
        add_known(user)
    with pytest.raises(ConfigError) as error:
        start_up(production)
    (problem,) = error.value.problems
    assert user.email in problem
    assert "flask --app controles block-test-users" in problem


def test_a_test_user_is_known_by_the_second_factor_under_another_address(production: Flask) -> None:
    with production.app_context():
        add("outra@organizacao.org", "uma senha que é minha", known_users()[3].totp_secret)
    with pytest.raises(ConfigError, match=r"outra@organizacao\.org"):
        start_up(production)


def test_a_published_password_lets_nobody_in_while_it_runs(production: Flask, clock: Any) -> None:
    user = known_users()[4]
    with production.app_context():
        add("outra@organizacao.org", user.password, new_otp_secret())
        outcome = login.check_password("outra@organizacao.org", user.password, origin=HERE, agora=clock.now)
        assert isinstance(outcome, login.Refused)


def test_elsewhere_a_test_user_gets_in(app: Flask, clock: Any) -> None:
    user = known_users()[4]
    with app.app_context():
        add_known(user)
        outcome = login.check_password(user.email, user.password, origin=HERE, agora=clock.now)
        assert isinstance(outcome, login.Passed)
    start_up(app)


def test_the_command_blocks_them_and_production_starts(production: Flask) -> None:
    with production.app_context():
        ids = [add_known(user) for user in known_users()[:3]]
        mine = add("eu@organizacao.org", "uma senha que é minha", new_otp_secret())
        versions = {usuario.id: usuario.fs_uniquifier for usuario in db.session.query(Usuario)}
    answer = production.test_cli_runner().invoke(args=["block-test-users"])
    assert answer.exit_code == 0
    assert "admin-nacional-1@example.org" in answer.output
    start_up(production)
    with production.app_context():
        for usuario_id in ids:
            usuario = db.session.get_one(Usuario, usuario_id)
            assert not usuario.active
            assert (usuario.password, usuario.tf_totp_secret) == (None, None)
            assert usuario.fs_uniquifier != versions[usuario_id]
        assert db.session.get_one(Usuario, mine).active
        assert block_published_users() == ()


@pytest.mark.parametrize("environment", ["development", "test"])
def test_a_database_of_production_is_not_for_experiments(
    make_app: MakeApp, production: Flask, database_url: str, environment: str
) -> None:
    start_up(production)
    start_up(production)
    other = make_app(DATABASE_URL=database_url, CONTROLES_ENV=environment)
    with pytest.raises(ConfigError, match="este banco é de uma instalação em production"):
        start_up(other)
    for command in (["seed", "--replace"], ["seed-users"], ["demo"]):
        refused = other.test_cli_runner().invoke(args=command)
        assert refused.exit_code == 1, command
        assert "este banco é de uma instalação em production" in refused.output + str(refused.exception)
