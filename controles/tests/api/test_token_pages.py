"""The pages of tokens: the token is shown once, only its owner revokes it, and each form ends in a redirect."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.contas.models import Papel

FORM = {"nome": "planilha", "acessos": ["cotas", "pagamentos"], "dias": "90"}


def shown(page: str) -> str | None:
    found = re.search(r'id="token" value="([^"]+)"', page)
    return found[1] if found else None


def test_a_token_is_shown_once_and_opens_what_was_ticked(web: Flask, visit: Callable[..., Any]) -> None:
    treasurer = visit(Papel.TESOURARIA)
    assert "Nenhum token ainda" in treasurer.get("/conta/tokens")
    assert "/conta/tokens" in treasurer.get("/conta")
    page = treasurer.send("/conta/tokens/novo", **FORM)
    token = shown(page)
    assert token is not None
    assert "Cotas, Pagamentos" in page
    again = treasurer.get("/conta/tokens")
    assert token not in again
    assert "nunca usado" in again

    def ask(path: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return web.test_client().get(f"/api/v1/{path}", headers=headers).status_code

    assert (ask("cotas"), ask("militantes")) == (200, 403)
    assert "17/03/2026 às 12:00" in treasurer.get("/conta/tokens")
    revoked = treasurer.send("/conta/tokens/1/revogar")
    assert "O token foi revogado" in revoked
    assert "Revogado" in revoked
    assert ask("cotas") == 401
    assert "já estava revogado" in treasurer.send("/conta/tokens/1/revogar")


def test_what_is_missing_is_said_with_what_was_typed(visit: Callable[..., Any]) -> None:
    secretary = visit(Papel.SECRETARIA)
    page = secretary.send("/conta/tokens/novo", nome="minha planilha", dias="90")
    assert "Marque ao menos uma" in page
    assert 'value="minha planilha"' in page
    assert "Marque ao menos uma" in secretary.send("/conta/tokens/novo", nome="x", acessos=["tudo"], dias="90")
    assert "Escolha uma das opções" in secretary.send("/conta/tokens/novo", **{**FORM, "dias": "9999"})
    assert "Nenhum token ainda" in secretary.get("/conta/tokens")


def test_only_its_owner_sees_and_revokes_a_token_and_the_administration_all_of_a_user(
    web: Flask, visit: Callable[..., Any]
) -> None:
    treasurer, other, boss = visit(Papel.TESOURARIA), visit(Papel.TESOURARIA), visit()
    treasurer.send("/conta/tokens/novo", **FORM)
    assert "/conta/tokens/1/revogar" not in other.get("/conta/tokens")
    assert other.submit("/conta/tokens/1/revogar").status_code == 404
    assert "1 token revogado" in boss.send("/usuarios/1", acao="tokens")
    assert "Não havia tokens" in boss.send("/usuarios/1", acao="tokens")
    assert "Revogado" in treasurer.get("/conta/tokens")


def test_whoever_may_not_export_has_no_tokens(visit: Callable[..., Any]) -> None:
    reader = visit(Papel.LEITURA)
    assert "Tokens da API" not in reader.get("/conta")
    reader.get("/conta/tokens", status=403)


def test_making_a_token_asks_for_both_factors_again(visit: Callable[..., Any]) -> None:
    treasurer = visit(Papel.TESOURARIA)
    with treasurer.client.session_transaction() as session:
        del session["confirmado"]
    for answer in (treasurer.client.get("/conta/tokens/novo"), treasurer.submit("/conta/tokens/novo", **FORM)):
        assert answer.status_code == 303
        assert answer.location.startswith("/conta/confirmar")
    assert "Nenhum token ainda" in treasurer.get("/conta/tokens")
