"""The page with the one box."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel


@pytest.mark.parametrize("papel", Papel)
def test_the_term_goes_into_the_address_sealed_and_the_page_says_why(
    web: Flask, visit: Callable[..., Any], org: Any, papel: Papel
) -> None:
    with web.app_context():
        org.militante("Maria da Silva", telefone="11987654321")
    visitor = visit(papel)
    assert 'href="/busca"' in visitor.get("/")
    answer = visitor.submit("/busca", busca="(11) 98765-4321")
    assert answer.status_code == 303
    assert "98765" not in answer.location
    page = visitor.get(answer.location)
    assert "telefone (11) 98765-4321" in page
    assert re.search(r'href="/militantes/\d+"', page)
    assert "Nada com “zzz”" in visitor.search("/busca", busca="zzz")
    assert "Nada com" not in visitor.get("/busca")


def test_the_list_of_militantes_finds_by_telephone_and_email_too(
    web: Flask, visit: Callable[..., Any], org: Any
) -> None:
    with web.app_context():
        org.militante("Maria da Silva", telefone="+55 (11) 98765-4321", email="maria@exemplo.org")
        org.militante("José Souza")
    visitor = visit()
    for term in ("98765-4321", "11987654321", "Maria@exemplo"):
        page = visitor.search("/militantes", busca=term)
        assert "Maria da Silva" in page
        assert "José Souza" not in page
