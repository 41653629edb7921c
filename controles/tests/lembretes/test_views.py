"""The pages of reminders: preview, sending, WhatsApp, and what became of each."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

FEBRUARY = "2026-02-01"


@pytest.fixture
def people(web: Flask, org: Any) -> dict[str, int]:
    with web.app_context():
        ids = {
            "ana": org.militante("Ana Souza", email="ana@exemplo.org", telefone="11987654321"),
            "bia": org.militante("Bia Lima", telefone="21912345678"),
        }
        org.cotas("2026-02")
    return ids


@pytest.mark.parametrize("papel", [Papel.SECRETARIA, Papel.LEITURA])
def test_who_may_not_remind_sees_no_preview(visit: Callable[..., Any], people: dict[str, int], papel: Papel) -> None:
    visit(papel).get("/lembretes", status=403)


def test_the_preview_has_each_persons_whole_message_and_sends_nothing_yet(
    visit: Callable[..., Any], people: dict[str, int]
) -> None:
    page = visit(Papel.TESOURARIA).get(f"/lembretes?competencia={FEBRUARY}")
    assert "Olá, Ana." in page
    assert "Olá, Bia." in page
    assert "Mês incompleto" in page
    assert re.search(r'<button class="btn" type="submit" form="enviar" disabled>', page)
    assert f'value="{people["ana"]}" checked' in page
    assert f'value="{people["bia"]}" disabled' in page


def test_a_month_is_marked_the_ticked_are_sent_to_and_nobody_twice(
    visit: Callable[..., Any], people: dict[str, int]
) -> None:
    visitor = visit(Papel.TESOURARIA)
    refused = visitor.send("/lembretes/enviar", competencia=FEBRUARY, militante_ids=people["ana"])
    assert "ainda não está marcado como completo" in refused
    assert "Mês completo" in visitor.send("/lembretes/mes", competencia=FEBRUARY, completo="1")
    page = visitor.send("/lembretes/enviar", competencia=FEBRUARY, militante_ids=people["ana"])
    assert "1 lembrete enviado" in page
    assert "Olá, Ana." not in page
    again = visitor.send("/lembretes/enviar", competencia=FEBRUARY, militante_ids=people["ana"])
    assert "não foram lembradas" in again
    history = visitor.get("/lembretes/historico")
    assert history.count("Ana Souza") == 1
    assert "Enviado" in history


def test_whatsapp_is_recorded_and_then_opens_with_the_message(
    visit: Callable[..., Any], people: dict[str, int]
) -> None:
    visitor = visit(Papel.TESOURARIA)
    visitor.send("/lembretes/mes", competencia=FEBRUARY, completo="1")
    page = visitor.send(f"/lembretes/whatsapp/{people['bia']}", competencia=FEBRUARY)
    assert 'href="https://wa.me/5521912345678?text=Ol%C3%A1%2C%20Bia.' in page
    assert 'rel="noopener noreferrer"' in page
    twice = visitor.send(f"/lembretes/whatsapp/{people['bia']}", competencia=FEBRUARY)
    assert "já foi lembrada" in twice


def test_who_announced_leaving_is_left_out_until_asked_for(visit: Callable[..., Any], people: dict[str, int]) -> None:
    visitor = visit(Papel.TESOURARIA)
    page = visitor.send(f"/lembretes/silenciar/{people['ana']}", competencia=FEBRUARY, motivo="avisou que sai")
    assert "Olá, Ana." not in page
    asked = visitor.get(f"/lembretes?competencia={FEBRUARY}&avisaram=1")
    assert "Olá, Ana." in asked
    assert "Voltar a lembrar" in asked
    back = visitor.send(f"/lembretes/silenciar/{people['ana']}", competencia=FEBRUARY)
    assert "Olá, Ana." in back


def test_a_treasurer_of_one_nucleo_is_told_who_marks_the_month(visit: Callable[..., Any], web: Flask, org: Any) -> None:
    with web.app_context():
        nucleo_id = org.nucleo()
    visitor = visit(Papel.TESOURARIA, nucleo_id)
    assert "A tesouraria geral marca" in visitor.get("/lembretes")
    assert "Só a tesouraria geral" in visitor.send("/lembretes/mes", competencia=FEBRUARY, completo="1")


def test_nobody_ticked_is_said(visit: Callable[..., Any], people: dict[str, int]) -> None:
    assert "Ninguém está marcado" in visit(Papel.TESOURARIA).send("/lembretes/enviar", competencia=FEBRUARY)


@pytest.mark.parametrize("query", ["competencia=x", "competencia=0001-01-31", "regra=y", "cursor=z&desligados=q"])
def test_an_address_that_makes_no_sense_is_a_page(visit: Callable[..., Any], query: str) -> None:
    visit().get(f"/lembretes?{query}")
    visit().get("/lembretes/historico?estado=x&militante_id=99999999999999")
