"""The list of cotas, and generating a month's."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel
from controles.cotas.queries import preview_cotas
from controles.cotas.services import generate_cotas
from controles.domain.escopo import Escopo

GENERATE = "/cotas/gerar"


@pytest.fixture
def people(web: Flask, org: Any) -> dict[str, int]:
    with web.app_context():
        leste = org.nucleo("Leste")
        ids = {"leste": leste, "ana": org.militante("Ana", valor_cota=3000)}
        org.militante("Bia", nucleo_id=leste)
        org.militante("Isenta", isento=True)
        org.on_leave(org.militante("Fora"), dt.date(2026, 3, 1))
    return ids


@pytest.mark.parametrize("papel", list(Papel))
def test_everybody_may_look(visit: Callable[..., Any], people: dict[str, int], papel: Papel) -> None:
    assert "Nenhuma cota com este filtro" in visit(papel).get("/cotas")


@pytest.mark.parametrize("papel", [Papel.SECRETARIA, Papel.LEITURA])
def test_who_may_not_generate_is_told_so(visit: Callable[..., Any], papel: Papel) -> None:
    visitor = visit(papel)
    visitor.get(GENERATE, status=403)
    assert visitor.submit(GENERATE, competencia="2026-03-01").status_code == 403
    assert GENERATE not in visitor.get("/cotas")


def test_the_preview_counts_and_writes_nothing(visit: Callable[..., Any], people: dict[str, int]) -> None:
    visitor = visit(Papel.TESOURARIA)
    page = visitor.get(f"{GENERATE}?competencia=2026-03-01")
    assert "Gerar 2 cotas de mar/2026" in page
    assert "R$ 50,00" in page
    assert "1 isento, 1 licenciado" in page
    assert "Nenhuma cota" in visitor.get("/cotas")


def test_generating_again_says_zero_new(visit: Callable[..., Any], people: dict[str, int]) -> None:
    visitor = visit(Papel.TESOURARIA)
    for expected in ("2 novas, R$ 50,00; 0 já existiam.", "0 novas, R$ 0,00; 2 já existiam."):
        answer = visitor.submit(GENERATE, competencia="2026-03-01")
        page = visitor.get(answer.headers["Location"])
        assert expected in page
        assert "Nada a gerar" in page
    listed = visitor.get("/cotas?competencia=2026-03-01")
    assert len(re.findall('class="row-link"', listed)) == 2
    assert "Cotas de março de 2026" in listed


def test_a_nucleo_generates_only_its_own(visit: Callable[..., Any], people: dict[str, int]) -> None:
    visitor = visit(Papel.TESOURARIA, people["leste"])
    answer = visitor.submit(GENERATE, competencia="2026-03-01")
    assert "1 nova, R$ 20,00" in visitor.get(answer.headers["Location"])


def test_a_month_too_far_is_refused_in_words(visit: Callable[..., Any]) -> None:
    page = visit().send(GENERATE, competencia="2031-01-01")
    assert "confira o ano" in page


@pytest.mark.parametrize("written", ["", "marco", "2026-99-01"])
def test_no_address_is_an_error(visit: Callable[..., Any], written: str) -> None:
    visit().get(f"{GENERATE}?competencia={written}")
    visit().get(f"/cotas?competencia={written}&estado={written}&cursor={written}")


def test_the_list_is_filtered_by_its_address(visit: Callable[..., Any], web: Flask, org: Any, people: Any) -> None:
    with web.app_context():
        org.cotas("2026-02", "2026-03")
        org.pay(people["ana"], 3000)
    visitor = visit()
    paid = visitor.get("/cotas?estado=quitada")
    assert "1 cota quitada," in paid
    assert len(re.findall('class="row-link"', paid)) == 1
    assert len(re.findall('class="row-link"', visitor.get(f"/cotas?militante_id={people['ana']}"))) == 2


def test_the_preview_is_what_generating_does(sqlite_app: Flask, org: Any, clock: Any) -> None:
    month = clock.today.replace(day=1)
    ana = org.militante("Ana", valor_cota=1000)
    preview = preview_cotas(Escopo(), month)
    lote = generate_cotas(Escopo(), month, autor_id=None, agora=clock.now)
    assert (
        (preview.novas, preview.existentes, preview.total) == (lote.novas, lote.existentes, lote.total) == (1, 0, 1000)
    )
    org.militante("Bia", valor_cota=2000)
    org.end(ana, clock.today)
    preview = preview_cotas(Escopo(), month)
    lote = generate_cotas(Escopo(), month, autor_id=None, agora=clock.now)
    assert (
        (preview.novas, preview.existentes, preview.total) == (lote.novas, lote.existentes, lote.total) == (1, 1, 2000)
    )
