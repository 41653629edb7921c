"""The same figures are drawn once, and no reader is shown another's or an older drawing."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.contas.models import Papel
from controles.painel.views import draw_figures


def drawings() -> int:
    return draw_figures.cache_info().misses


def test_the_same_figures_are_drawn_once_for_all_who_may_see_them(visit: Callable[..., Any]) -> None:
    first, second = visit(Papel.ADMIN), visit(Papel.LEITURA)
    first.get("/")
    drawn = drawings()
    assert "Recebido em caixa" in second.get("/")
    assert drawings() == drawn


def test_what_was_written_is_drawn(web: Flask, org: Any, visit: Callable[..., Any]) -> None:
    with web.app_context():
        ana = org.militante("Ana", valor_cota=3000, dia_vencimento=5)
        org.cotas("2026-03")
    browser = visit()
    assert "R$ 30,00" in browser.get("/")
    with web.app_context():
        org.pay(ana, 1234)
    assert "R$ 12,34" in browser.get("/")
