"""The panel's page: every figure leads to the list that it counts, for everybody who may see it."""

import datetime as dt
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel


@pytest.fixture
def filled(web: Flask, org: Any) -> dict[str, int]:
    """Three who owe, one who paid, one who left; in two núcleos."""
    with web.app_context():
        centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
        ids = {
            "centro": centro,
            "leste": leste,
            "ana": org.militante("Ana", nucleo_id=centro, valor_cota=3000, dia_vencimento=5),
            "bia": org.militante("Bia", nucleo_id=leste, valor_cota=2000, dia_vencimento=5),
            "caio": org.militante("Caio", nucleo_id=leste, data_filiacao=dt.date(2026, 3, 1), dia_vencimento=5),
        }
        org.cotas("2025-12", "2026-01", "2026-02", "2026-03")
        ids["pagamento"] = org.pay(ids["ana"], 12000)
        org.pay(ids["bia"], 2500)
        ids["estornado"] = org.pay(ids["caio"], 2000)
        org.reverse(ids["estornado"])
        duda = org.militante("Duda", nucleo_id=centro)
        org.end(duda, dt.date(2026, 3, 10))
    return ids


def link(page: str, text: str) -> str:
    found = re.search(rf'<a href="([^"]+)">{re.escape(text)}</a>', page)
    assert found is not None, text
    return unescape(found[1])


def figure(page: str, label: str) -> str:
    found = re.search(rf">{re.escape(label)}</a>.*?<span class=\"v\">([^<]+)<", page, re.DOTALL)
    assert found is not None, label
    return found[1]


def rows(page: str) -> int:
    return len(re.findall(r'class="row-link"', page))


@pytest.mark.parametrize("papel", list(Papel))
def test_everybody_who_is_logged_in_sees_the_panel(visit: Callable[..., Any], papel: Papel) -> None:
    assert "<h1>Painel</h1>" in visit(papel).get("/")


def test_nobody_else_does(web: Flask) -> None:
    answer = web.test_client().get("/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/entrar")


def test_an_empty_organisation_has_a_panel(visit: Callable[..., Any]) -> None:
    page = visit().get("/")
    assert "R$ 0,00" in page
    assert page.count('class="chart"') == 4


@pytest.mark.parametrize(
    "label", ["Devendo 1 mês ou mais", "Devendo 3 meses ou mais", "Ativos", "Licenciados", "Adesões", "Desligamentos"]
)
def test_a_count_equals_the_rows_of_its_list(visit: Callable[..., Any], filled: dict[str, int], label: str) -> None:
    visitor = visit()
    page = visitor.get("/")
    assert rows(visitor.get(link(page, label))) == int(figure(page, label))


def test_the_cash_of_the_month_equals_its_list_net_of_estornos(
    visit: Callable[..., Any], filled: dict[str, int]
) -> None:
    visitor = visit()
    page = visitor.get("/")
    assert figure(page, "Recebido em caixa") == "R$ 145,00"
    assert "R$ 145,00 menos estornos" in visitor.get(link(page, "Recebido em caixa"))


def test_what_is_open_equals_its_list(visit: Callable[..., Any], filled: dict[str, int]) -> None:
    visitor = visit()
    page = visitor.get("/")
    found = re.search(r'<a href="(/cotas\?[^"]*estado=aberta)">([^<]+)</a>', page)
    assert found is not None
    assert found[2] == "R$ 40,00"
    listed = visitor.get(unescape(found[1]))
    assert f"<dd>{found[2]}</dd>" in listed
    assert rows(listed) == 2


def test_what_is_overdue_equals_the_sum_of_its_list(visit: Callable[..., Any], filled: dict[str, int]) -> None:
    visitor = visit()
    page = visitor.get("/")
    assert figure(page, "Vencido e não pago") == "R$ 75,00"
    assert "2 militantes com este filtro, R$ 75,00 vencidos" in visitor.get(link(page, "Vencido e não pago"))


def test_each_ageing_band_equals_its_list(visit: Callable[..., Any], filled: dict[str, int]) -> None:
    visitor = visit()
    page = visitor.get("/")
    table = page[page.index("Cotas vencidas por número de meses devidos</caption>") :]
    bands = re.findall(r'<a href="(/militantes[^"]+)">[^<]+</a></th><td class="num">(\d+)</td>', table)
    assert len(bands) == 5
    assert sum(int(count) for _, count in bands) == 2
    for address, count in bands:
        assert rows(visitor.get(unescape(address))) == int(count)


def test_a_reader_of_a_nucleo_gets_that_nucleos_figures(visit: Callable[..., Any], filled: dict[str, int]) -> None:
    page = visit(Papel.LEITURA, filled["leste"]).get("/")
    assert "Só o seu núcleo" in page
    assert figure(page, "Recebido em caixa") == "R$ 25,00"


def test_every_chart_says_how_old_it_is_and_offers_to_compute_again(visit: Callable[..., Any]) -> None:
    page = visit().get("/")
    assert page.count("dados de 12:00") == 5
    assert page.count('form="atualizar"') == 4


def test_compute_again_makes_the_figures_new(visit: Callable[..., Any], clock: Any) -> None:
    visitor = visit()
    visitor.get("/")
    clock.advance(minutes=3)
    assert "dados de 12:00" in visitor.get("/")
    answer = visitor.submit("/atualizar")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert "dados de 12:03" in visitor.get("/")


def test_a_form_without_its_token_is_refused(visit: Callable[..., Any]) -> None:
    assert visit().client.post("/atualizar").status_code == 400


def test_nothing_on_the_page_needs_inline_code(visit: Callable[..., Any], filled: dict[str, int]) -> None:
    page = visit().get("/")
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)


def test_each_table_has_a_caption_and_each_heading_a_scope(visit: Callable[..., Any], filled: dict[str, int]) -> None:
    page = visit().get("/")
    assert page.count("<table>") == page.count("<caption") == 4
    assert len(re.findall(r"<th[ >]", page)) == len(re.findall(r'<th scope="(?:col|row)"', page))
