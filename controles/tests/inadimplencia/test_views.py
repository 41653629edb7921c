"""The pages of arrears: what they show to whom, and what leaves as a file."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel


@pytest.fixture
def ana(web: Flask, org: Any) -> int:
    with web.app_context():
        militante_id: int = org.militante("Ana Souza", telefone="11987654321")
        org.cotas("2026-01", "2026-02")
    return militante_id


@pytest.mark.parametrize("papel", list(Papel))
def test_everybody_may_look(visit: Callable[..., Any], ana: int, papel: Papel) -> None:
    page = visit(papel).get("/inadimplencia")
    assert f'href="/militantes/{ana}"' in page
    assert "(11) 98765-4321" in page
    assert "jan/2026" in page
    assert "R$ 40,00" in page


def test_each_tab_says_how_many_its_list_has(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    page = visitor.get("/inadimplencia")
    assert re.search(r">2 meses <span>1 · R\$ 40,00</span>", page)
    assert re.search(r">12 ou mais <span>0 · R\$ 0,00</span>", page)
    assert "Nenhuma contribuição em aberto aqui" in visitor.get("/inadimplencia?grupo=desligados")


def test_nobody_owes_and_the_page_says_what_comes_next(visit: Callable[..., Any]) -> None:
    visitor = visit()
    assert "/cotas/gerar" in visitor.get("/inadimplencia")
    assert "/militantes/novo" in visitor.get("/inadimplencia/meses")


def test_the_matrix_names_each_months_state_in_words(visit: Callable[..., Any], ana: int) -> None:
    page = visit(Papel.LEITURA).get("/inadimplencia/meses?ano=2026")
    assert page.count('<span class="vh">em aberto</span>') == 2
    assert page.count('<span class="vh">sem cota</span>') == 10


@pytest.mark.parametrize("path", ["/inadimplencia/lista/", "/inadimplencia/meses/lista/"])
def test_the_whole_list_leaves_as_a_file_for_who_may_export(visit: Callable[..., Any], ana: int, path: str) -> None:
    assert "Ana Souza" in visit(Papel.LEITURA).get(f"{path}imprimir")
    visit(Papel.LEITURA).get(f"{path}csv", status=403)


@pytest.mark.parametrize(
    "query", ["ano=banana", "ano=99999", "meses_min=x&grupo=y", "meses_max=-3", "nucleo_id=999999999999", "cursor=zz"]
)
def test_an_address_that_makes_no_sense_is_a_page(visit: Callable[..., Any], ana: int, query: str) -> None:
    visitor = visit()
    visitor.get(f"/inadimplencia?{query}")
    visitor.get(f"/inadimplencia/meses?{query}")
