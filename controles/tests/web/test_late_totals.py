"""Totals that come after their page."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask

from controles.services.cache_service import service_of

LISTS = {
    "/cotas": ("Recebido</dt>", "6 cotas"),
    "/pagamentos": ("Total", "1 lançamento"),
    "/militantes": ("2 militantes", "2 militantes"),
    "/militantes?devendo=1": (" vencidos", "2 militantes"),
}


@pytest.fixture(params=sorted(LISTS))
def path(request: pytest.FixtureRequest, web: Flask, org: Any) -> str:
    with web.app_context():
        ana = org.militante("Ana Souza")
        org.militante("Bia Souza")
        org.cotas("2026-01", "2026-02", "2026-03")
        org.pay(ana, 1000)
    service_of(web).clear_all()
    found: str = request.param
    return found


def late_address(page: str) -> str:
    return unescape(re.findall(r'data-late="([^"]*)"', page)[0])


def test_a_browser_without_a_script_gets_the_totals_in_the_page(visit: Callable[..., Any], path: str) -> None:
    page = visit().get(path)
    assert all(words in page for words in LISTS[path])
    assert "data-late" not in page


def test_a_browser_with_a_script_gets_the_page_first_and_the_totals_after_it(
    visit: Callable[..., Any], path: str
) -> None:
    visitor = visit()
    visitor.client.set_cookie("controles_script", "1")
    page = visitor.get(path)
    assert not any(words in page for words in LISTS[path])
    assert "Ana Souza" in page
    answer = visitor.client.get(late_address(page), headers={"X-Requested-With": "fetch"})
    assert all(words in answer.text for words in LISTS[path])
    assert "<html" not in answer.text
    # Each part has its place on the page.
    places = re.findall(r' id="(resumo|totais)"', answer.text)
    assert places
    assert all(f'id="{place}"' in page for place in places)
    # Now they are there.
    assert "data-late" not in visitor.get(path)


def test_the_link_in_their_place_leads_to_the_page_with_its_totals(visit: Callable[..., Any], path: str) -> None:
    visitor = visit()
    visitor.client.set_cookie("controles_script", "1")
    address = late_address(visitor.get(path))
    page = visitor.get(address)
    assert all(words in page for words in LISTS[path])
    assert "Ana Souza" in page
