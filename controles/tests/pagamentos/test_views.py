"""The list of payments, one payment, and its estorno."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel
from controles.pagamentos.models import Metodo


@pytest.fixture
def world(web: Flask, org: Any) -> dict[str, int]:
    """Ana paid by PIX and in cash; the cash went back."""
    with web.app_context():
        ids = {"centro": org.nucleo("Centro")}
        ids["ana"] = org.militante("Ana Souza", nucleo_id=ids["centro"])
        org.cotas("2026-02", "2026-03")
        ids["pix"] = org.pay(ids["ana"], 2000, data_credito=dt.date(2026, 2, 10))
        ids["cash"] = org.pay(ids["ana"], 500, metodo=Metodo.DINHEIRO, data_credito=dt.date(2026, 3, 10))
        ids["estorno"] = org.reverse(ids["cash"])
    return ids


def listed(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'class="row-link" href="/pagamentos/(\d+)"', page)]


@pytest.mark.parametrize("papel", list(Papel))
def test_everybody_may_look(visit: Callable[..., Any], world: dict[str, int], papel: Papel) -> None:
    visitor = visit(papel)
    page = visitor.get("/pagamentos")
    assert listed(page) == [world["estorno"], world["cash"], world["pix"]]
    assert "3 lançamentos, R$ 20,00 menos estornos" in page
    assert "Ana Souza" in visitor.get(f"/pagamentos/{world['pix']}")


def test_totals_by_method_are_net_of_estornos(visit: Callable[..., Any], world: dict[str, int]) -> None:
    page = visit().get("/pagamentos")
    assert re.search(r"PIX</a></dt><dd>R\$ 20,00<small>1</small>", page)
    assert re.search(r"Dinheiro</a></dt><dd>R\$ 0,00<small>2</small>", page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("metodo=pix", ["pix"]),
        ("de=2026-03-01", ["estorno", "cash"]),
        ("ate=2026-02-28", ["pix"]),
        ("de=hoje&metodo=cheque", ["estorno", "cash", "pix"]),
    ],
)
def test_the_address_filters(visit: Callable[..., Any], world: dict[str, int], query: str, expected: list[str]) -> None:
    assert listed(visit().get(f"/pagamentos?{query}")) == [world[name] for name in expected]


def test_the_search_filters_with_the_rest(visit: Callable[..., Any], world: dict[str, int]) -> None:
    found = visit().search("/pagamentos", busca="souza", metodo="dinheiro")
    assert listed(found) == [world["estorno"], world["cash"]]


def test_one_militantes_payments_name_them_and_can_be_widened(visit: Callable[..., Any], world: dict[str, int]) -> None:
    page = visit().get(f"/pagamentos?militante_id={world['ana']}")
    assert re.search(r'<a href="/pagamentos">Ana Souza', page)
    assert len(listed(page)) == 3


def test_the_months_that_are_asked_for_most_are_a_click_away(visit: Callable[..., Any], world: dict[str, int]) -> None:
    visitor = visit()
    assert "/pagamentos?de=2026-03-01&amp;ate=2026-03-31" in visitor.get("/pagamentos")
    assert 'aria-current="true">Este mês' in visitor.get("/pagamentos?de=2026-03-01&ate=2026-03-31")


def test_another_nucleos_payment_does_not_exist(
    visit: Callable[..., Any], web: Flask, org: Any, world: dict[str, int]
) -> None:
    with web.app_context():
        leste = org.nucleo("Leste")
    visitor = visit(Papel.TESOURARIA, leste)
    visitor.get(f"/pagamentos/{world['pix']}", status=404)
    visitor.get(f"/pagamentos/{world['pix']}/estornar", status=404)
    assert listed(visitor.get("/pagamentos")) == []
    assert "Ana" not in visitor.get(f"/pagamentos?militante_id={world['ana']}")


def test_an_estorno_and_its_payment_name_each_other(visit: Callable[..., Any], world: dict[str, int]) -> None:
    visitor = visit()
    assert f'href="/pagamentos/{world["estorno"]}"' in visitor.get(f"/pagamentos/{world['cash']}")
    estorno = visitor.get(f"/pagamentos/{world['estorno']}")
    assert f'href="/pagamentos/{world["cash"]}"' in estorno
    assert "valor errado" in estorno
    assert "-R$ 5,00" in estorno


@pytest.mark.parametrize("papel", [Papel.SECRETARIA, Papel.LEITURA])
def test_who_may_not_reverse_is_told_so(visit: Callable[..., Any], world: dict[str, int], papel: Papel) -> None:
    visitor = visit(papel)
    path = f"/pagamentos/{world['pix']}/estornar"
    visitor.get(path, status=403)
    assert visitor.submit(path, motivo="x", data_estorno="2026-03-17").status_code == 403
    assert "/estornar" not in visitor.get(f"/pagamentos/{world['pix']}")


def test_an_estorno_needs_a_reason_and_a_day(visit: Callable[..., Any], world: dict[str, int]) -> None:
    visitor = visit(Papel.TESOURARIA)
    path = f"/pagamentos/{world['pix']}/estornar"
    assert "fev/2026" in visitor.get(path)
    refused = visitor.send(path, motivo=" ", data_estorno="2026-01-01")
    assert "Escreva o motivo do estorno." in refused
    assert 'value="2026-01-01"' in refused
    too_early = visitor.send(path, motivo="PIX devolvido", data_estorno="2026-01-01")
    assert "anterior ao pagamento" in too_early
    assert 'id="data_estorno-erro"' in too_early
    assert 'value="PIX devolvido"' in too_early
    answer = visitor.submit(path, motivo="PIX devolvido", data_estorno="2026-03-17")
    page = visitor.get(answer.headers["Location"])
    assert "Estornado em 17/03/2026" in page
    assert "/estornar" not in page
    assert "R$ 0,00 menos estornos" in visitor.get("/pagamentos")


@pytest.mark.parametrize("which", ["cash", "estorno"])
def test_what_was_reversed_is_not_reversed_again(visit: Callable[..., Any], world: dict[str, int], which: str) -> None:
    visitor = visit()
    answer = visitor.submit(f"/pagamentos/{world[which]}/estornar", motivo="de novo", data_estorno="2026-03-17")
    assert answer.headers["Location"] == f"/pagamentos/{world[which]}"
    assert "já é um estorno ou já foi estornado" in visitor.get(f"/pagamentos/{world[which]}")
    assert len(listed(visitor.get("/pagamentos"))) == 3
