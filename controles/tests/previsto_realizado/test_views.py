"""The page of previsto × realizado: what it shows to whom, where its figures lead, and what leaves as a file."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel


@pytest.fixture
def centro(web: Flask, org: Any) -> int:
    with web.app_context():
        nucleo_id: int = org.nucleo("Centro")
        org.militante("Ana", nucleo_id=nucleo_id)
        org.militante("Bia")
        org.cotas("2026-02", "2026-03")
        org.pay(1, 2500)
    return nucleo_id


@pytest.mark.parametrize("papel", list(Papel))
def test_everybody_may_look_and_each_sum_leads_to_its_list(
    visit: Callable[..., Any], centro: int, papel: Papel
) -> None:
    visitor = visit(papel)
    page = visitor.get("/previsto-realizado")
    assert 'href="/cotas?competencia=2026-02-01"' in page
    # 25,00 of 80,00
    assert "31,2%" in page
    of_month = visitor.get("/previsto-realizado?mes=3")
    assert f'href="/cotas?competencia=2026-03-01&amp;nucleo_id={centro}"' in of_month
    assert "Por núcleo em março de 2026" in of_month
    of_nucleo = visitor.get(f"/previsto-realizado?nucleo_id={centro}")
    assert f'href="/cotas?competencia=2026-02-01&amp;nucleo_id={centro}"' in of_nucleo
    assert "62,5%" in of_nucleo


def test_a_month_without_cotas_leads_back_to_the_year(visit: Callable[..., Any], centro: int) -> None:
    page = visit().get("/previsto-realizado?mes=7")
    assert "Nenhuma cota em julho de 2026" in page
    assert 'href="/previsto-realizado">Ver o ano todo' in page


def test_a_nucleo_reader_has_no_table_of_nucleos(visit: Callable[..., Any], centro: int) -> None:
    page = visit(Papel.LEITURA, centro).get("/previsto-realizado?mes=3")
    assert "Por núcleo" not in page
    assert "Sem núcleo" not in page
    assert "62,5%" in page


def test_without_cotas_the_page_says_what_comes_next(visit: Callable[..., Any]) -> None:
    assert "/cotas/gerar" in visit().get("/previsto-realizado")
    assert "/cotas/gerar" not in visit(Papel.LEITURA).get("/previsto-realizado?ano=2024")


def test_what_leaves_as_a_file_is_what_the_page_shows(visit: Callable[..., Any], centro: int) -> None:
    treasurer = visit(Papel.TESOURARIA)
    written = treasurer.get("/previsto-realizado/lista/csv?ano=2026").splitlines()
    assert written[0].removeprefix("\ufeff") == (
        "Competência;Núcleo;Cotas;Quitadas;Previsto;Recebido;Dispensado;Em aberto"
    )
    assert written[1:] == [
        "02/2026;Centro;1;1;20,00;20,00;0,00;0,00",
        "02/2026;Sem núcleo;1;0;20,00;0,00;0,00;20,00",
        "03/2026;Centro;1;0;20,00;5,00;0,00;15,00",
        "03/2026;Sem núcleo;1;0;20,00;0,00;0,00;20,00",
    ]
    printed = treasurer.get(f"/previsto-realizado/lista/imprimir?mes=3&nucleo_id={centro}")
    assert "março de 2026; núcleo Centro · 1 linha" in re.sub(r"\s+", " ", printed)
    assert visit(Papel.LEITURA).client.get("/previsto-realizado/lista/xlsx").status_code == 403
