"""What the API answers, to whom: rights and scopes, pages, ETags, limits, problems."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.api.operations import OPERACOES
from controles.api.records import Acesso
from controles.auditoria.models import Auditoria
from controles.contas.models import Papel, Usuario
from controles.db import db

from .conftest import Program

PATHS = [operation.caminho.replace("{id}", "1") for operation in OPERACOES]


@pytest.fixture
def filled(web: Flask, org: Any) -> tuple[int, int]:
    """Two núcleos; militantes 1 to 3 in the first one, Zulmira (4) in the other; cotas and payments of all."""
    with web.app_context():
        near, far = org.nucleo("Perto"), org.nucleo("Longe")
        for nome in ("Ana", "Bia", "Caio"):
            org.militante(nome, nucleo_id=near)
        org.militante("Zulmira", nucleo_id=far, cpf="529.982.247-25", email="zulmira@exemplo.org")
        org.cotas("2026-02", "2026-03")
        for number in (1, 4):
            org.pay(number, 2500)
        org.reverse(org.pay(2, 700))
    return near, far


def change_user(app: Flask, usuario_id: int, **values: Any) -> None:
    with app.app_context():
        db.session.execute(sa.update(Usuario).where(Usuario.id == usuario_id).values(**values))
        db.session.commit()


def test_each_list_is_what_the_pages_show(program: Callable[..., Program], filled: tuple[int, int]) -> None:
    asked = program()
    assert [one["nome"] for one in asked.items("/militantes")] == ["Ana", "Bia", "Caio", "Zulmira"]
    assert [one["nome"] for one in asked.items(f"/militantes?devendo=true&nucleo_id={filled[0]}")] == [
        "Ana",
        "Bia",
        "Caio",
    ]
    whole = asked.ask("/militantes/4").get_json()
    assert (whole["nome"], whole["email"], whole["nucleo"]) == ("Zulmira", "zulmira@exemplo.org", "Longe")
    assert "529" not in asked.ask("/militantes/4").text
    months = asked.items("/cotas?competencia=2026-03-17&militante_id=1")
    assert [(one["competencia"], one["valor"], one["pago"], one["estado"]) for one in months] == [
        ("2026-03-01", 2000, 500, "vencida")
    ]
    assert sorted(one["valor"] for one in asked.items("/pagamentos")) == [-700, 700, 2500, 2500]
    assert [one["nome"] for one in asked.items("/nucleos")] == ["Longe", "Perto"]
    assert sum(one["previsto"] for one in asked.items("/previsto-realizado?ano=2026")) == 16000
    assert asked.items("/previsto-realizado") == asked.items("/previsto-realizado?ano=2026")
    assert asked.items("/previsto-realizado?ano=2090") == []


def test_only_a_valid_token_opens_it_and_no_login_does(
    program: Callable[..., Program], visit: Callable[..., Any], filled: tuple[int, int], clock: Any
) -> None:
    asked, visitor = program(), visit()
    wrong = ("", "Bearer", "Bearer x", f"Basic {asked.token}", f"Bearer {asked.token}x", f"Token {asked.token}")
    for path in PATHS:
        assert asked.ask(path).status_code == 200
        for value in wrong:
            answer = asked.ask(path, Authorization=value)
            assert answer.status_code == 401, value
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert "Tokens da API" in answer.get_json()["detail"]
        # A browser in which somebody is logged in sends its cookie wherever a page of somebody else tells it to.
        assert visitor.client.get(f"/api/v1{path}").status_code == 401
    clock.advance(days=30)
    assert {asked.ask(path).status_code for path in PATHS} == {401}


def test_a_token_reads_what_its_user_may_at_that_moment(
    program: Callable[..., Program], filled: tuple[int, int]
) -> None:
    near, _ = filled
    asked = program(Papel.ADMIN)
    for papel in Papel:
        expected = 401 if papel is Papel.LEITURA else 200
        change_user(asked.app, asked.usuario_id, papel=papel, nucleo_id=None)
        assert [asked.ask(path).status_code for path in PATHS] == [expected] * len(PATHS)
        change_user(asked.app, asked.usuario_id, nucleo_id=near)
        for path in PATHS:
            assert asked.ask(path).status_code == expected
            for query in ("", "?nucleo_id=2", "?militante_id=4", "?situacao=ativo", "?limite=200"):
                answer = asked.ask(path + query).text
                assert "Zulmira" not in answer
                assert "Longe" not in answer
        assert asked.ask("/militantes/4").status_code == (401 if papel is Papel.LEITURA else 404)
    change_user(asked.app, asked.usuario_id, papel=Papel.ADMIN, active=False)
    assert {asked.ask(path).status_code for path in PATHS} == {401}


def test_a_token_reads_only_what_was_ticked(program: Callable[..., Program], filled: tuple[int, int]) -> None:
    for acesso in Acesso:
        asked = program(acessos=frozenset({acesso}))
        for operation, path in zip(OPERACOES, PATHS, strict=True):
            answer = asked.ask(path)
            if operation.acesso is acesso:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 403
                assert f'scope="{operation.acesso}"' in answer.headers["WWW-Authenticate"]


def test_the_pages_together_are_the_list(program: Callable[..., Program], filled: tuple[int, int]) -> None:
    asked = program()
    for path in ("/militantes", "/cotas", "/pagamentos"):
        whole = asked.items(path)
        found: list[dict[str, Any]] = []
        following: str | None = f"/api/v1{path}?limite=3"
        while following is not None:
            answer = asked.ask(following.removeprefix("/api/v1"))
            found += answer.get_json()["itens"]
            link = answer.headers.get("Link")
            assert (link is None) == (answer.get_json()["proximo"] is None)
            following = None if link is None else link.removeprefix("<").partition(">")[0]
        assert found == whole
        assert len(whole) > 3


def test_a_cursor_that_leads_nowhere_is_a_problem_and_not_the_first_page(
    program: Callable[..., Program], filled: tuple[int, int]
) -> None:
    near, _ = filled
    asked = program()
    cursor = asked.ask("/militantes?limite=3").get_json()["proximo"]
    assert asked.ask(f"/militantes?cursor={cursor}").status_code == 200
    for wrong in (cursor[1:], "x", "bm9tZXxufDk5OQ"):
        answer = asked.ask(f"/militantes?cursor={wrong}")
        assert answer.status_code == 409
        assert "sem ele" in answer.get_json()["detail"]
    assert asked.ask(f"/cotas?cursor={cursor}").status_code == 409
    # At Zulmira, who is out of reach: where she stands among the names would tell something about her.
    change_user(asked.app, asked.usuario_id, nucleo_id=near)
    assert asked.ask("/militantes?cursor=bm9tZXxufDQ").status_code == 409


def test_an_answer_that_is_unchanged_is_not_sent_again(
    program: Callable[..., Program], filled: tuple[int, int], org: Any
) -> None:
    asked = program()
    for path in PATHS:
        first = asked.ask(path)
        again = asked.ask(path, **{"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), path
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in first.headers["Vary"]
    tag = asked.ask("/pagamentos").headers["ETag"]
    with asked.app.app_context():
        org.pay(3, 100)
    assert asked.ask("/pagamentos", **{"If-None-Match": tag}).status_code == 200


def test_what_is_wrong_with_an_address_is_named_with_what_to_send(program: Callable[..., Program]) -> None:
    answer = program().ask("/militantes?limite=0&busca=Ana")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert [one["parametro"] for one in answer.get_json()["erros"]] == ["limite", "busca"]


def test_whatever_goes_wrong_is_a_problem(program: Callable[..., Program]) -> None:
    asked = program()
    for path, status in (("/nada", 404), ("/militantes/999", 404), ("/militantes/x", 404), ("/militantes/0", 404)):
        answer = asked.ask(path)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.get_json()["status"] == status
        assert len(answer.get_json()["detail"]) > 20
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(asked.app.test_client(), method)("/api/v1/militantes")
        assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
        assert "GET" in answer.headers["Allow"]
    assert asked.ask("/militantes?situacao=%00").get_json()["status"] == 400


def test_beyond_a_limit_it_is_told_how_long_to_wait(make_app: Any, sqlite_url: str) -> None:
    app = make_app(DATABASE_URL=sqlite_url, API_RATE="3 per minute", LOGIN_RATE="2 per minute")
    client = app.test_client()
    tokens = [{"Authorization": f"Bearer {letter}"} for letter in "abcd"]
    # Tokens that are not valid count for their address, whichever they are.
    assert [client.get("/api/v1/cotas", headers=one).status_code for one in tokens] == [401, 401, 429, 429]
    other = {"REMOTE_ADDR": "203.0.113.9"}
    asked = [client.get("/api/v1/openapi.json", environ_base=other) for _ in range(4)]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 429]
    assert 0 < int(asked[-1].headers["Retry-After"]) <= 60
    assert asked[-1].mimetype == "application/problem+json"


def test_the_first_reading_of_a_day_is_audited_and_the_token_is_nowhere(
    program: Callable[..., Program], filled: tuple[int, int], clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = program()
    for _ in range(3):
        asked.ask("/militantes")
        asked.ask("/militantes/4")
        asked.ask("/cotas")
    clock.advance(days=1)
    asked.ask("/cotas")
    asked.ask("/cotas", Authorization=f"Bearer {asked.token}x")
    with asked.app.app_context():
        rows = db.session.scalars(sa.select(Auditoria).where(Auditoria.acao == "api.ler").order_by(Auditoria.id)).all()
        assert [(row.registro_id, row.usuario_id, row.depois["recurso"]) for row in rows if row.depois] == [
            (asked.token_id, asked.usuario_id, resource) for resource in ("militantes", "cotas", "cotas")
        ]
        tables = sa.inspect(db.engine).get_table_names()
        stored = [repr(db.session.execute(sa.text(f'SELECT * FROM "{table}"')).all()) for table in tables]
    assert not any(asked.token in text for text in stored)
    assert asked.token not in caplog.text
    assert "Zulmira" not in caplog.text
    assert f"'api_token': {asked.token_id}" in caplog.text


def test_each_operation_has_its_address(web: Flask) -> None:
    served = [view.operation for view in web.view_functions.values() if hasattr(view, "operation")]
    assert sorted(map(str, served)) == sorted(map(str, OPERACOES))
    rules = [rule for rule in web.url_map.iter_rules() if rule.rule.startswith("/api/")]
    assert len(rules) == len(OPERACOES) + 1
