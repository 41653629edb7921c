"""No other site makes a browser write: every page that takes a form wants this session's token; no link writes."""

from collections.abc import Callable
from typing import Any

from controles.contas.models import Papel

from .conftest import World

Visit = Callable[..., Any]


def test_a_form_without_this_sessions_token_writes_nothing(world: World, visit_any: Visit) -> None:
    visitor, other = visit_any(), visit_any()
    foreign = other.client.get("/teste/token").text
    before = world.rows()
    for rule, method in world.rules():
        if method == "GET":
            continue
        path = world.address(rule, world.near.ids)
        for form in ({}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": foreign}):
            for headers in ({}, {"X-CSRFToken": foreign}, {"Origin": "https://mau.example"}):
                answer = visitor.client.open(path, method=method, data=form, headers=headers)
                refused = answer.status_code == 400 or (rule.endpoint == "contas.login" and answer.status_code == 302)
                assert refused, (method, path, form, headers, answer.status_code)
    assert world.rows() == before


def test_a_form_of_another_kind_is_no_way_around(world: World, visit_any: Visit) -> None:
    visitor = visit_any()
    token = visitor.client.get("/teste/token").text
    before = world.rows()
    for rule, method in world.rules():
        if method == "GET":
            continue
        path = world.address(rule, world.near.ids)
        assert visitor.client.post(path, json={"csrf_token": token, "nome": "x"}).status_code in {302, 400}
        assert visitor.client.post(f"{path}?csrf_token={token}", data={"nome": "x"}).status_code in {302, 400}
        text = visitor.client.post(path, data=f"csrf_token={token}", content_type="text/plain")
        assert text.status_code in {302, 400}
    assert world.rows() == before


def test_looking_at_pages_writes_nothing(world: World, visit_any: Visit) -> None:
    visitor = visit_any(Papel.ADMIN)
    before = _but_for_the_audit(world)
    for rule, method in world.rules():
        if method == "GET":
            path = world.address(rule, world.near.ids)
            assert visitor.client.get(path).status_code < 500, path
            assert visitor.client.head(path).status_code < 500, path
            assert visitor.client.options(path).status_code < 500, path
    assert _but_for_the_audit(world) == before


def test_other_methods_are_not_taken(world: World, visit_any: Visit) -> None:
    visitor = visit_any(Papel.ADMIN)
    for rule, _ in world.rules():
        path = world.address(rule, world.near.ids)
        for method in {"PUT", "PATCH", "DELETE", "TRACE"} - (rule.methods or set()):
            assert visitor.client.open(path, method=method).status_code in {400, 405}, (method, path)


def _but_for_the_audit(world: World) -> dict[str, list[Any]]:
    """A list that leaves as a file is looked at too, and is put on record."""
    return {name: rows for name, rows in world.rows().items() if not name.startswith("auditoria")}
