"""Who is at the keyboard: asked of the database at every request, since a cache's server can be rolled back."""

import copy
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from controles.contas.models import Papel, Sessao, Usuario
from controles.contas.queries import get_leitor
from controles.db import db
from controles.militantes.models import Nucleo
from controles.services.cache_service import service_of
from frescor._store import MemoryStore


@pytest.fixture
def reader(web: Flask, visit: Any) -> Any:
    """Somebody who has looked at the panel."""
    found = visit(Papel.LEITURA)
    found.get("/")
    return found


def change(web: Flask, usuario_papel: Papel, **values: Any) -> None:
    with web.app_context():
        db.session.execute(update(Usuario).where(Usuario.papel == usuario_papel).values(**values))
        db.session.commit()


def are_of_the_login(statements: list[str]) -> list[bool]:
    return ["FROM usuario JOIN sessao" in statement for statement in statements]


def test_a_page_that_is_cached_asks_the_database_for_the_login_alone(web: Flask, reader: Any, statements: Any) -> None:
    with web.app_context(), statements() as seen:
        reader.get("/")
    assert are_of_the_login(seen) == [True]


def test_somebody_elses_login_and_logout_leave_it_at_that(web: Flask, visit: Any, reader: Any, statements: Any) -> None:
    visit(Papel.TESOURARIA).submit("/sair")
    with web.app_context(), statements() as seen:
        reader.get("/")
    assert are_of_the_login(seen) == [True]


def test_a_cache_that_is_put_back_to_before_a_logout_lets_nobody_in(web: Flask, visit: Any) -> None:
    person = visit(Papel.TESOURARIA)
    person.get("/")
    cookies = copy.deepcopy(person.client._cookies)
    with web.app_context():
        store = service_of(web).cache.store
        assert isinstance(store, MemoryStore)
        kept = store._items
        before = copy.deepcopy(kept)
    person.submit("/sair")
    # All that the server held when the login was good: entries, tags, the clock; and the browser's cookies.
    kept.clear()
    kept.update(before)
    person.client._cookies = cookies
    assert person.client.get("/").location == "/entrar"


def test_another_role_counts_from_the_next_page_on(web: Flask, reader: Any) -> None:
    def asked() -> int:
        return int(reader.client.get("/pagamentos/novo").status_code)

    assert asked() == 403
    change(web, Papel.LEITURA, papel=Papel.TESOURARIA)
    assert asked() == 200


def test_a_nucleo_that_was_given_limits_the_next_page(web: Flask, reader: Any) -> None:
    with web.app_context():
        db.session.add(Nucleo(id=7, nome="Centro", uf="SP", municipio="São Paulo"))
        db.session.commit()
    assert "Toda a organização" in reader.get("/")
    change(web, Papel.LEITURA, nucleo_id=7)
    assert "Só o seu núcleo" in reader.get("/")


def test_who_may_not_come_in_any_more_is_out_at_once(web: Flask, reader: Any) -> None:
    change(web, Papel.LEITURA, active=False)
    assert reader.client.get("/").location == "/entrar"


def test_a_login_that_was_ended_elsewhere_is_out_at_once(web: Flask, reader: Any) -> None:
    with web.app_context():
        db.session.execute(update(Sessao).values(encerrada_em=Sessao.criada_em))
        db.session.commit()
    assert reader.client.get("/").location == "/entrar"


def test_a_login_is_its_users_alone(web: Flask, visit: Any, reader: Any) -> None:
    visit(Papel.ADMIN)
    with web.app_context():
        logins = dict(iter(db.session.execute(select(Usuario.papel, Sessao.id).join(Sessao))))
        ids = dict(iter(db.session.execute(select(Usuario.papel, Usuario.id))))
        own = get_leitor(ids[Papel.ADMIN], logins[Papel.ADMIN])
        assert own is not None
        assert own.papel is Papel.ADMIN
        assert get_leitor(ids[Papel.ADMIN], logins[Papel.LEITURA]) is None
        assert get_leitor(ids[Papel.ADMIN], b"no such login") is None
