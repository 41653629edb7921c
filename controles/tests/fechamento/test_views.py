"""The screens of closing: led to the next month, what is left to do, one wins, and the way back."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

Visit = Callable[..., Any]


@pytest.fixture
def treasurer(visit: Visit) -> Any:
    return visit(Papel.TESOURARIA)


def test_the_list_leads_to_the_month_that_is_next(treasurer: Any) -> None:
    page = treasurer.get("/fechamento")
    assert "Nenhum mês foi fechado ainda" in page
    assert "Fechar fev/2026" in page
    page = treasurer.send("/fechamento/2026-02")
    assert "O mês de fevereiro de 2026 está fechado." in page
    page = treasurer.get("/fechamento")
    assert "Fechado até fevereiro de 2026" in page
    # March runs still.
    assert "Fechar mar/2026" not in page
    assert "com um mês posterior" in page


def test_what_is_left_to_do_is_shown_and_has_to_be_ticked(web: Flask, org: Any, treasurer: Any) -> None:
    with web.app_context():
        org.pay(None, 500, data_credito=org.clock.today.replace(month=2))
    assert "1 pagamento sem identificação" in treasurer.get("/fechamento/2026-02")
    page = treasurer.send("/fechamento/2026-02")
    assert "Ainda há o que fazer até este mês; marque" in page
    assert "está fechado" in treasurer.send("/fechamento/2026-02", com_pendencias="y")
    assert "já está fechado" in treasurer.send("/fechamento/2026-02", com_pendencias="y")


def test_only_the_administration_opens_again_and_says_why(visit: Visit, treasurer: Any) -> None:
    treasurer.send("/fechamento/2026-02")
    assert "Reabrir" not in treasurer.get("/fechamento/2026-02")
    treasurer.get("/fechamento/2026-02/reabrir", status=403)
    admin = visit(Papel.ADMIN)
    assert "Reabrir" in admin.get("/fechamento/2026-02")
    assert "Escreva por que" in admin.send("/fechamento/2026-02/reabrir", motivo=" ")
    page = admin.send("/fechamento/2026-02/reabrir", motivo="faltou um extrato")
    assert "aberto de novo" in page
    assert "faltou um extrato" in page
    assert "último mês fechado" in admin.open("/fechamento/2026-02/reabrir")


def test_a_month_that_runs_still_offers_no_button(treasurer: Any) -> None:
    page = treasurer.get("/fechamento/2026-03")
    assert "ainda não acabou" in page
    assert 'type="submit">' not in page.split("<main")[1]


@pytest.mark.parametrize("path", ["2026-13", "2026-1", "1700-01", "9999-01", "x", "2026-02-01"])
def test_a_month_that_there_cannot_be_is_no_page(treasurer: Any, path: str) -> None:
    treasurer.get(f"/fechamento/{path}", status=404)


def test_the_payment_form_says_that_the_month_is_closed(web: Flask, org: Any, treasurer: Any) -> None:
    with web.app_context():
        ana = org.militante("Ana")
    treasurer.send("/fechamento/2026-02")
    form = {"militante_id": str(ana), "valor": "10,00", "data_credito": "2026-02-03", "metodo": "pix"}
    page = treasurer.send("/pagamentos/novo", **form, etapa="conferir", chave_idempotencia="k" * 20)
    assert "O mês 02/2026 está fechado" in page
    assert "a partir de 01/03/2026" in page


def test_a_nucleo_and_a_reader_see_no_closing(web: Flask, org: Any, visit: Visit) -> None:
    with web.app_context():
        nucleo = org.nucleo()
    for visitor in (visit(Papel.TESOURARIA, nucleo), visit(Papel.LEITURA), visit(Papel.SECRETARIA)):
        visitor.get("/fechamento", status=403)
        assert 'href="/fechamento"' not in visitor.get("/")
