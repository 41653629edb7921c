"""Changing keys loses nothing and lets nothing in twice, before, while and after everything is written anew."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.commands import rotating
from controles.commands.rotating import rotate_keys
from controles.contas import recovery
from controles.contas.accounts import create_user
from controles.contas.keys import account_keys
from controles.contas.models import Papel, Usuario
from controles.db import db
from controles.domain import cpf
from controles.domain.domain_errors import Invalid
from controles.militantes.models import Militante
from controles.militantes.searching import matches
from controles.militantes.services import DadosMilitante, update_militante
from controles.services.transaction import transaction
from controles.settings.made_secrets import new_otp_secret

MakeApp = Callable[..., Flask]
OLD, NEW = "kV8rQ2mXs5WzL0tYb7NcJ4hGf1DpRe9UaTo3iSx6", "Zc4Tn8Lq1VyKj7Wd0RmXg3Hs6PbFe9UaQo2iSk5B"
CPFS = ("52998224725", "11144477735", "12345678909", "98765432100", "39053344705")


@pytest.fixture(params=["SECRET_KEY", "CPF_KEY"])
def changed(request: pytest.FixtureRequest) -> str:
    """Which key changes: CPFs are encrypted by the one, or by the other."""
    name: str = request.param
    return name


@pytest.fixture
def before(make_app: MakeApp, database_url: str, changed: str) -> Flask:
    return make_app(DATABASE_URL=database_url, **{changed: OLD})


@pytest.fixture
def during(make_app: MakeApp, database_url: str, changed: str) -> Flask:
    return make_app(DATABASE_URL=database_url, **{changed: NEW, f"{changed}_FALLBACKS": OLD})


@pytest.fixture
def after(make_app: MakeApp, database_url: str, changed: str) -> Flask:
    return make_app(DATABASE_URL=database_url, **{changed: NEW})


def found(number: str) -> list[int]:
    return list(db.session.scalars(sa.select(Militante.id).where(matches(number))))


def test_the_new_key_finds_and_refuses_what_the_former_one_wrote(before: Flask, during: Flask, org: Any) -> None:
    with before.app_context():
        militante_id = org.militante(cpf=CPFS[0])
    with during.app_context():
        assert found("529.982.247-25") == [militante_id]
        with pytest.raises(Invalid, match="Este CPF já é de outro militante"):
            org.militante("Outra Pessoa", cpf=CPFS[0])
        other = org.militante("Terceira Pessoa", cpf=CPFS[1])
        with pytest.raises(Invalid, match="Este CPF já é de outro militante"):
            org.militante("Quarta Pessoa", cpf=CPFS[1])
        assert found(CPFS[1]) == [other]


def test_editing_with_the_same_cpf_is_no_change_of_it(
    before: Flask, during: Flask, after: Flask, org: Any, clock: Any
) -> None:
    with before.app_context():
        militante_id = org.militante(cpf=CPFS[0])
    with during.app_context():
        militante = db.session.get_one(Militante, militante_id)
        dados = DadosMilitante(nome="Outro Nome", data_filiacao=militante.data_filiacao, cpf=CPFS[0])
        update_militante(org.escopo, militante_id, dados, versao=militante.versao, autor_id=None, agora=clock.now)
        row = db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id.desc())).first()
        assert row is not None
        assert "nome" in (row.depois or {})
        assert "cpf" not in (row.depois or {})
    with after.app_context():
        assert found(CPFS[0]) == [militante_id]


def test_after_the_rotation_the_former_key_is_not_needed(
    before: Flask, during: Flask, after: Flask, org: Any, clock: Any, changed: str
) -> None:
    secret = new_otp_secret()
    with before.app_context():
        ids = [org.militante(f"Pessoa {number}", cpf=number) for number in CPFS]
        without = org.militante("Sem CPF")
        versions = list(db.session.scalars(sa.select(Militante.versao).order_by(Militante.id)))
        usuario = create_user(
            db.session,
            email="ana@exemplo.org",
            nome="Ana",
            papel=Papel.ADMIN,
            nucleo_id=None,
            password="uma senha de verdade",
            totp_secret=secret,
        )
        recovery.renew_codes(db.session, usuario_id=usuario.id, key=account_keys().recovery[0])
        db.session.commit()
        usuario_id = usuario.id
    with during.app_context():
        rotated = rotate_keys(agora=clock.now)
        assert rotated.complete
        by_secret = changed == "SECRET_KEY"
        assert (rotated.militantes, rotated.usuarios, rotated.old_codes) == (5, int(by_secret), int(by_secret))
        again = rotate_keys(agora=clock.now)
        assert (again.militantes, again.usuarios) == (0, 0)
    with after.app_context():
        assert [found(number) for number in CPFS] == [[militante_id] for militante_id in ids]
        assert found(str(without)) != ids
        stored = db.session.scalars(sa.select(Militante.cpf_cifrado).order_by(Militante.id))
        assert [cpf.vault().decrypt(one) for one in stored if one] == list(CPFS)
        sealed = db.session.get_one(Usuario, usuario_id).tf_totp_secret
        assert account_keys().otp.open(sealed or "", usuario_id=usuario_id) == secret
        # Nobody who is editing one of them is told that somebody else changed it.
        assert list(db.session.scalars(sa.select(Militante.versao).order_by(Militante.id))) == versions
        assert audit.verify_chain(db.session).ok
        actions = list(db.session.scalars(sa.select(Auditoria.acao)))
        assert actions.count("chaves.trocar") == 1
        with pytest.raises(Invalid, match="Este CPF já é de outro militante"):
            org.militante("Outra Pessoa", cpf=CPFS[0])


def test_a_rotation_that_was_stopped_goes_on(
    before: Flask, during: Flask, after: Flask, org: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "AT_ONCE", 2)
    with before.app_context():
        ids = [org.militante(f"Pessoa {number}", cpf=number) for number in CPFS]

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    with during.app_context():
        with pytest.raises(KeyboardInterrupt):
            rotate_keys(agora=clock.now, progress=stop)
        # Half of it done: everything is found all the same, and nothing gets in twice.
        assert [found(number) for number in CPFS] == [[militante_id] for militante_id in ids]
        for number in CPFS:
            with pytest.raises(Invalid):
                org.militante("Outra Pessoa", cpf=number)
        assert rotate_keys(agora=clock.now).militantes == 3
    with after.app_context():
        assert [found(number) for number in CPFS] == [[militante_id] for militante_id in ids]


def test_what_is_written_while_it_runs_is_neither_lost_nor_doubled(
    before: Flask, during: Flask, after: Flask, org: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "AT_ONCE", 1)
    with before.app_context():
        ids = [org.militante(f"Pessoa {number}", cpf=number) for number in CPFS[:4]]
    written: list[int] = []
    refused: list[str] = []

    def write() -> None:
        with during.app_context():
            written.append(org.militante("Nova Pessoa", cpf=CPFS[4]))
            for number in CPFS:
                try:
                    org.militante("Outra Pessoa", cpf=number)
                except Invalid:
                    refused.append(number)

    writer = threading.Thread(target=write)

    def begin(_done: int) -> None:
        if writer.ident is None:
            writer.start()

    with during.app_context():
        rotate_keys(agora=clock.now, progress=begin)
        writer.join()
    assert refused == list(CPFS)
    with after.app_context():
        assert [found(number) for number in CPFS] == [[one] for one in [*ids, *written]]


def test_what_cannot_be_rotated_is_named_and_the_rest_goes_on(
    before: Flask, during: Flask, org: Any, clock: Any
) -> None:
    with before.app_context():
        first, second, third = (org.militante(f"Pessoa {number}", cpf=number) for number in CPFS[:3])
        matriculas = dict(db.session.execute(sa.select(Militante.id, Militante.matricula)).tuples().all())
        with transaction() as session:
            session.execute(sa.update(Militante).where(Militante.id == second).values(cpf_cifrado=b"nada que se abra"))
    with during.app_context():
        # As two processes would leave it of which one knew only the former key, and the other only the new one.
        vault = cpf.vault()
        with transaction() as session:
            session.execute(
                sa.update(Militante).where(Militante.id == first).values(cpf_cifrado=vault.encrypt(CPFS[2]))
            )
        rotated = rotate_keys(agora=clock.now)
        assert rotated.unreadable == [matriculas[second]]
        assert not rotated.complete
    answer = during.test_cli_runner().invoke(args=["rotate-keys"])
    assert answer.exit_code == 1
    assert matriculas[second] in answer.output
    assert matriculas[third] in answer.output
    assert "mantenha as chaves antigas" in answer.output


def test_the_command_says_when_the_former_keys_can_go(before: Flask, during: Flask, org: Any) -> None:
    with before.app_context():
        org.militante(cpf=CPFS[0])
    answer = during.test_cli_runner().invoke(args=["rotate-keys"])
    assert answer.exit_code == 0, answer.output
    assert "1 CPFs e 0 segundos fatores" in answer.output
    assert "As chaves antigas podem sair" in answer.output
    assert CPFS[0] not in answer.output
