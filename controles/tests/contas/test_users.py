"""Throwing somebody out: by the page, by a command, and by SQL from outside."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from controles.contas.models import Papel, Usuario
from controles.db import db
from controles.militantes.models import Nucleo
from frescor.sqlalchemy._tracking.triggers import installed_triggers

NewBrowser = Callable[[], Any]


@pytest.fixture
def admin(browser: Any, new_person: Any, clock: Any) -> Any:
    """An administrator's browser, both factors shown again; `admin.person` is who it is."""
    boss = new_person(papel=Papel.ADMIN)
    browser.log_in(boss)
    clock.advance(seconds=30)
    browser.person = boss
    assert browser.submit("/conta/confirmar", senha=boss.password, codigo=boss.code()).status_code == 303
    return browser


@pytest.fixture
def somebody(new_person: Any, new_browser: NewBrowser, clock: Any) -> Any:
    """A treasurer who is logged in; `somebody.person` is who it is."""
    visitor = new_browser()
    visitor.person = new_person()
    visitor.log_in(visitor.person)
    return visitor


def act(admin: Any, target: Any, acao: str, **data: str) -> Any:
    answer = admin.submit(f"/usuarios/{target.person.id}", acao=acao, **data)
    return admin.get(answer.location) if answer.status_code == 303 else answer


def test_the_list_says_who_there_is_and_who_is_inside(admin: Any, somebody: Any) -> None:
    page = admin.get("/usuarios").text
    row = re.search(rf"<tr>(?:(?!</tr>).)*{somebody.person.email}.*?</tr>", page, re.S)
    assert row is not None
    assert "Tesouraria" in row[0]
    assert re.search(r'class="num c-2">1<', row[0])


def test_a_blocked_user_is_out_at_once_and_stays_out(admin: Any, somebody: Any, clock: Any, audited: Any) -> None:
    assert "Escreva o motivo" in act(admin, somebody, "bloquear", motivo=" ").text
    assert somebody.is_logged_in()
    assert "A conta foi bloqueada" in act(admin, somebody, "bloquear", motivo="saiu da tesouraria").text
    assert audited()[-1] == "usuario.bloquear"
    assert not somebody.is_logged_in()
    clock.advance(seconds=30)
    assert somebody.password(somebody.person).status_code == 401
    assert "já está bloqueada" in act(admin, somebody, "bloquear", motivo="de novo").text

    assert "desbloqueada" in act(admin, somebody, "desbloquear").text
    assert not somebody.is_logged_in()
    somebody.log_in(somebody.person)
    assert somebody.is_logged_in()


def test_ended_sessions_end_and_the_user_may_come_back(admin: Any, somebody: Any, clock: Any) -> None:
    assert "As sessões foram encerradas" in act(admin, somebody, "encerrar").text
    assert not somebody.is_logged_in()
    clock.advance(seconds=30)
    somebody.log_in(somebody.person)
    assert somebody.is_logged_in()


def test_another_role_and_scope_hold_in_the_sessions_that_are_open(app: Flask, admin: Any, somebody: Any) -> None:
    with app.app_context():
        db.session.add(Nucleo(nome="Centro", uf="SP", municipio="São Paulo"))
        db.session.commit()
        nucleo_id = db.session.scalars(select(Nucleo.id)).one()
    assert somebody.get("/cotas/gerar").status_code == 200
    assert "O papel foi alterado" in act(admin, somebody, "papel", papel="leitura", nucleo_id=str(nucleo_id)).text
    assert somebody.get("/cotas/gerar").status_code == 403
    assert "Só o seu núcleo" in somebody.get("/").text


@pytest.mark.parametrize(
    ("papel", "nucleo_id"), [("rei", ""), ("leitura", "99999"), ("leitura", "x"), ("leitura", "9" * 30), ("", "")]
)
def test_a_role_that_is_none_is_refused(admin: Any, somebody: Any, papel: str, nucleo_id: str) -> None:
    assert "Escolha um papel" in act(admin, somebody, "papel", papel=papel, nucleo_id=nucleo_id).text


def test_the_access_starts_anew_with_a_new_password_and_a_new_phone(
    admin: Any, somebody: Any, new_browser: NewBrowser, clock: Any
) -> None:
    page = act(admin, somebody, "refazer", motivo="perdeu o celular").text
    password = re.search(r'class="key">([^<]+)<', page)
    assert password is not None
    assert not somebody.is_logged_in()
    # Whoever knew the old password enrols nothing.
    assert new_browser().password(somebody.person).status_code == 401
    assert somebody.password(somebody.person, password[1]).location == "/segundo-fator"
    assert somebody.get("/segundo-fator").location == "/primeiro-acesso"


def test_one_administers_others_not_oneself(admin: Any) -> None:
    admin_id = admin.person.id
    for acao in ("bloquear", "papel", "refazer"):
        answer = admin.submit(f"/usuarios/{admin_id}", acao=acao, motivo="x", papel="leitura", nucleo_id="")
        assert "a sua própria conta" in admin.get(answer.location).text
    assert admin.is_logged_in()


def test_administering_asks_again_whatever_the_login_showed(
    browser: Any, new_person: Any, somebody: Any, clock: Any
) -> None:
    boss = new_person(papel=Papel.ADMIN)
    browser.log_in(boss)
    path = f"/usuarios/{somebody.person.id}"
    for acao in ("bloquear", "desbloquear", "encerrar", "papel", "refazer"):
        answer = browser.submit(path, acao=acao, motivo="x", papel="leitura", nucleo_id="")
        assert answer.location == f"/conta/confirmar?next={path}"
    assert somebody.is_logged_in()
    clock.advance(seconds=30)
    shown = {"senha": boss.password, "codigo": boss.code()}
    assert browser.submit(f"/conta/confirmar?next={path}", **shown).location == path
    clock.advance(minutes=10)
    assert browser.submit(path, acao="encerrar").location.startswith("/conta/confirmar")
    assert somebody.is_logged_in()


@pytest.mark.parametrize("papel", [Papel.TESOURARIA, Papel.SECRETARIA, Papel.LEITURA])
def test_only_the_administration_sees_the_users(browser: Any, new_person: Any, papel: Papel) -> None:
    browser.log_in(new_person(papel=papel))
    assert browser.get("/usuarios").status_code == 403
    assert browser.submit("/usuarios/1", acao="encerrar").status_code == 403
    assert "/usuarios" not in browser.get("/conta").text


def test_an_administrator_of_one_nucleo_does_not_see_the_users(app: Flask, browser: Any, new_person: Any) -> None:
    with app.app_context():
        db.session.add(Nucleo(nome="Centro", uf="SP", municipio="São Paulo"))
        db.session.commit()
        nucleo_id = db.session.scalars(select(Nucleo.id)).one()
    browser.log_in(new_person(papel=Papel.ADMIN, nucleo_id=nucleo_id))
    assert browser.get("/usuarios").status_code == 403


@pytest.mark.parametrize("number", ["0", "99999", "99999999999999999999"])
def test_a_number_that_is_no_user_is_not_found(admin: Any, number: str) -> None:
    assert admin.get(f"/usuarios/{number}").status_code == 404
    assert admin.submit(f"/usuarios/{number}", acao="encerrar").status_code == 404


def run(app: Flask, *args: str) -> Any:
    return app.test_cli_runner().invoke(args=["users", *args])


def test_the_commands_do_the_same(app: Flask, somebody: Any, clock: Any, audited: Any) -> None:
    email = somebody.person.email
    assert f"{email}  tesouraria  toda a organização  ativa  1 sessões" in run(app, "list").output
    assert run(app, "end-sessions", email).exit_code == 0
    assert not somebody.is_logged_in()
    clock.advance(seconds=30)
    somebody.log_in(somebody.person)
    assert somebody.is_logged_in()
    assert run(app, "role", email, "leitura").exit_code == 0
    assert somebody.get("/cotas/gerar").status_code == 403
    assert run(app, "block", email.upper(), "--reason", "saiu").exit_code == 0
    assert not somebody.is_logged_in()
    assert run(app, "unblock", email).exit_code == 0
    assert "Senha nova: " in run(app, "reset", email, "--reason", "perdeu o celular").output
    acts = [acao for acao in audited() if acao.startswith("usuario.")]
    assert acts == [
        "usuario.criar",
        "usuario.encerrar_sessoes",
        "usuario.mudar_papel",
        "usuario.bloquear",
        "usuario.desbloquear",
        "usuario.refazer_acesso",
    ]


def test_a_command_that_cannot_be_done_says_why(app: Flask, new_person: Any) -> None:
    boss = new_person(papel=Papel.ADMIN)
    assert "Não há uma conta" in run(app, "block", "ninguem@exemplo.org", "--reason", "x").output
    assert "última conta de administração" in run(app, "block", boss.email, "--reason", "x").output
    assert "última conta de administração" in run(app, "role", boss.email, "leitura").output
    assert "Não há um núcleo" in run(app, "role", boss.email, "leitura", "--nucleo", "Lua").output


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usuario SET active = 0 WHERE id = {id}",
        "UPDATE usuario SET fs_uniquifier = 'outra' WHERE id = {id}",
        "UPDATE sessao SET encerrada_em = '2026-03-17 15:00:00' WHERE usuario_id = {id}",
        "DELETE FROM sessao WHERE usuario_id = {id}",
    ],
)
def test_sql_from_outside_ends_a_running_session(sqlite_url: str, somebody: Any, statement: str) -> None:
    assert somebody.is_logged_in()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(statement.format(id=somebody.person.id))
    assert not somebody.is_logged_in()


def test_sql_from_outside_changes_the_role_of_a_running_session(sqlite_url: str, somebody: Any) -> None:
    assert somebody.get("/cotas/gerar").status_code == 200
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE usuario SET papel = 'leitura' WHERE id = ?", (somebody.person.id,))
    assert somebody.get("/cotas/gerar").status_code == 403


def test_what_is_written_about_users_from_outside_reaches_the_cache(any_app: Flask) -> None:
    with any_app.app_context(), db.engine.connect() as connection:
        assert {"usuario", "sessao"} <= set(installed_triggers(connection))
        assert connection.scalar(select(Usuario.id)) is None
