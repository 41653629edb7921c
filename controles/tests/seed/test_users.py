from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from controles.auditoria.models import Auditoria
from controles.contas.keys import account_keys
from controles.contas.models import Papel, Usuario
from controles.contas.passwords import password_fits
from controles.db import db
from controles.domain.domain_errors import NotFound
from controles.militantes.models import Nucleo
from controles.seed.users import SeededUser, seed_users
from controles.settings.config_values import parse_otp_secret, parse_password
from controles.settings.published import known_users

Seeded = tuple[SeededUser, ...]


@pytest.fixture(scope="module")
def seeded(build_app: Callable[[str, Path], Flask], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """Three núcleos and the users, created once: hashing thirty passwords takes seconds."""
    app = build_app("sqlite", tmp_path_factory.mktemp("users"))
    with app.app_context():
        db.session.add_all(Nucleo(nome=f"Núcleo {number}", uf="SP", municipio="São Paulo") for number in range(1, 4))
        db.session.commit()
        yield seed_users()


def test_thirty_users_of_every_role_and_scope() -> None:
    users = known_users()
    assert len({user.email for user in users}) == len({user.totp_secret for user in users}) == 30
    scopes = Counter((user.papel, user.local is not None) for user in users)
    assert set(scopes) == {(papel, scoped) for papel in Papel for scoped in (False, True)} - {(Papel.ADMIN, True)}
    for user in users:
        assert parse_password(user.password) == user.password
        assert parse_otp_secret(user.totp_secret) == user.totp_secret


def test_creates_them_once_and_changes_nothing_the_second_time(seeded: Seeded) -> None:
    assert all(user.created for user in seeded)
    before = db.session.execute(select(Usuario.id, Usuario.password, Usuario.fs_uniquifier)).all()
    audited = db.session.scalar(select(func.count(Auditoria.id)))
    second = seed_users()
    assert not any(user.created for user in second)
    assert [(user.email, user.papel, user.nucleo) for user in second] == [
        (user.email, user.papel, user.nucleo) for user in seeded
    ]
    assert db.session.execute(select(Usuario.id, Usuario.password, Usuario.fs_uniquifier)).all() == before
    assert db.session.scalar(select(func.count(Auditoria.id))) == audited


def test_their_passwords_and_secrets_are_the_ones_that_are_shown(seeded: Seeded) -> None:
    for user in (seeded[0], seeded[-1]):
        usuario = db.session.scalars(select(Usuario).where(Usuario.email == user.email)).one()
        assert usuario.password is not None
        assert usuario.password.startswith("$argon2id$")
        assert password_fits(user.password, usuario.password)
        assert usuario.tf_totp_secret is not None
        assert account_keys().otp.open(usuario.tf_totp_secret, usuario_id=usuario.id) == user.totp_secret
        assert (usuario.nucleo.nome if usuario.nucleo else None) == user.nucleo


def test_without_nucleos_it_says_what_to_run_first(sqlite_app: Flask) -> None:
    with pytest.raises(NotFound, match="seed --profile demo"):
        seed_users()
    assert db.session.scalar(select(func.count(Usuario.id))) == 0
