"""Every page × every role × both scopes: who may not, may not; and one núcleo learns nothing of the other."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from controles.contas.models import Papel
from controles.contas.permissions import PERMISSIONS, WHOLE_ORGANISATION, Permission

from .conftest import CPF, MARK, PIX_ID, PUBLIC, World, fields_of, said

Visit = Callable[..., Any]


def test_every_page_asks_for_a_permission_or_is_public(world: World) -> None:
    open_pages = {rule.endpoint for rule, _ in world.rules() if world.permission(rule) is None}
    assert open_pages | {"static"} == PUBLIC


def test_nobody_logged_in_sees_nothing(world: World) -> None:
    before = world.rows()
    client = world.app.test_client()
    token = client.get("/teste/token").text
    for rule, method in world.rules():
        if rule.endpoint in PUBLIC:
            continue
        path = world.address(rule, world.far.ids)
        answer = client.open(path, method=method, data={"csrf_token": token} if method != "GET" else None)
        assert answer.status_code == 302, (method, path)
        assert answer.location.startswith("/entrar"), (method, path)
    assert world.rows() == before


@pytest.mark.parametrize("papel", Papel)
def test_a_role_without_the_permission_is_told_so_and_does_nothing(
    world: World, visit_any: Visit, papel: Papel
) -> None:
    for nucleo_id in (None, world.near.nucleo_id):
        visitor = visit_any(papel, nucleo_id)
        # Before anything else: asked for with what would be right for who may.
        before = world.rows()
        for rule, method in world.rules():
            permission = world.permission(rule)
            if permission is None or _may(papel, nucleo_id, permission):
                continue
            path = world.address(rule, world.near.ids)
            answer = visitor.client.get(path) if method == "GET" else visitor.submit(path, **_form(world))
            assert answer.status_code == 403, (papel, nucleo_id, method, path)
            assert "Sem permissão" in answer.text
        assert world.rows() == before


@pytest.mark.parametrize("papel", Papel)
def test_what_belongs_to_the_other_nucleo_does_not_exist(world: World, visit_any: Visit, papel: Papel) -> None:
    visitor = visit_any(papel, world.near.nucleo_id)
    before = world.rows()
    for rule, method in world.rules():
        permission = world.permission(rule)
        numbered = any(name.endswith("_id") for name in rule.arguments)
        if permission is None or not numbered or not _may(papel, world.near.nucleo_id, permission):
            continue
        path = world.address(rule, world.far.ids)
        answer = visitor.client.get(path) if method == "GET" else visitor.submit(path, **_form(world))
        assert answer.status_code == 404, (papel, method, path)
        assert MARK not in said(answer)
    assert world.rows() == before


@pytest.mark.parametrize("papel", Papel)
def test_no_page_and_no_parameter_shows_the_other_nucleo(world: World, visit_any: Visit, papel: Papel) -> None:
    visitor = visit_any(papel, world.near.nucleo_id)
    cursors = [
        base64.urlsafe_b64encode(f"{order}|{way}|{number}".encode()).decode().rstrip("=")
        for order in ("nome", "-nome", "filiacao", "-filiacao", "data", "competencia")
        for way in "np"
        for number in (world.far.ids["militante_id"], world.far.ids["pagamento_id"], world.far.ids["cota_id"])
    ]
    queries: list[dict[str, Any]] = [
        {},
        {name: world.far.ids[name] for name in ("nucleo_id",)},
        {name: world.far.ids[name] for name in ("militante_id",)},
        *({"cursor": cursor, "ordem": base64.b64decode(f"{cursor}==").decode().split("|")[0]} for cursor in cursors),
    ]
    for rule, method in world.rules():
        permission = world.permission(rule)
        if permission is None or method != "GET" or not _may(papel, world.near.nucleo_id, permission):
            continue
        path = world.address(rule, world.near.ids)
        read = set(world.read_by(visitor.client, path, ["nucleo_id", "militante_id", "cursor"]))
        for query in queries:
            if query and not read & set(query):
                continue
            answer = visitor.client.get(path, query_string=query)
            assert answer.status_code < 500
            assert MARK not in said(answer), (papel, path, query)
            assert CPF not in said(answer)
    for path in ("/militantes", "/pagamentos", "/militantes/busca", "/pagamentos/novo/busca"):
        for text in (MARK, CPF, PIX_ID):
            answer = visitor.submit(path, busca=text)
            page = visitor.client.get(answer.location).text if answer.status_code == 303 else answer.text
            assert f"{MARK} Prado" not in page, (papel, path, text)


@pytest.mark.parametrize("papel", [Papel.ADMIN, Papel.TESOURARIA])
def test_a_form_with_numbers_of_the_other_nucleo_writes_nothing(world: World, visit_any: Visit, papel: Papel) -> None:
    visitor = visit_any(papel, world.near.nucleo_id)
    form = _form(world)
    before = world.rows()
    mixed = {**form, "militante_id": world.near.ids["militante_id"], "cota_ids": world.far.ids["cota_id"]}
    theirs = {**form, "militante_id": world.far.ids["militante_id"], "cota_ids": world.far.ids["cota_id"]}
    for etapa in ("conferir", "salvar", "proximo", "corrigir"):
        for data in (mixed, theirs, {**theirs, "cota_ids": world.near.ids["cota_id"]}):
            answer = visitor.submit("/pagamentos/novo", **{**data, "etapa": etapa})
            assert answer.status_code in {200, 303, 404}
            page = visitor.client.get(answer.location) if answer.status_code == 303 else answer
            assert MARK not in page.text
    assert world.rows() == before


def test_every_form_that_a_page_offers_was_thought_of(world: World, visit_any: Visit) -> None:
    """A new form with the number of something has to be known here, so that the other núcleo's is tried."""
    visitor = visit_any()
    known = set(world.far.ids)
    for rule, method in world.rules():
        if method == "GET" and world.permission(rule) is not None:
            page = said(visitor.client.get(world.address(rule, world.near.ids)))
            numbers = {name for name in fields_of(page) if name.endswith(("_id", "_ids"))}
            assert numbers <= known, f"{rule.rule}: add {numbers - known} to the ids of `_side` in conftest.py"


def _may(papel: Papel, nucleo_id: int | None, permission: Permission) -> bool:
    return permission in PERMISSIONS[papel] and (permission not in WHOLE_ORGANISATION or nucleo_id is None)


def _form(world: World) -> dict[str, Any]:
    """What somebody who may would send to any of the forms."""
    return {
        "nome": "Intrusa",
        "data_filiacao": "2026-01-15",
        "dia_vencimento": "10",
        "valor_cota": "20,00",
        "nucleo_id": world.near.nucleo_id,
        "versao": "1",
        "data_desligamento": "2026-03-10",
        "motivo": "engano",
        "data_estorno": "2026-03-17",
        "valor": "20,00",
        "data_credito": "2026-03-17",
        "metodo": "pix",
        "etapa": "salvar",
        "competencia": "2026-04-01",
        "acao": "bloquear",
        "papel": "admin",
        "senha": "x",
        "codigo": "123456",
        "militante_id": world.near.ids["militante_id"],
        "cota_ids": world.near.ids["cota_id"],
    }
