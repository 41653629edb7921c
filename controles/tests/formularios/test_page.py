"""Going back, coming again after the session has ended, and sending a form of another login: nothing typed is lost."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

NEW = "/pagamentos/novo"
FORM = {"valor": "50,00", "data_credito": "2026-03-17", "metodo": "dinheiro", "observacao": "na assembleia"}
PERSON = {"nome": "Ana Clara", "data_filiacao": "2026-03-01", "dia_vencimento": "10", "valor_cota": "35,50"}


@pytest.fixture
def ana(web: Flask, org: Any) -> int:
    with web.app_context():
        militante_id: int = org.militante("Ana Souza")
        org.cotas("2026-02", "2026-03")
    return militante_id


def key_of(page: str) -> str:
    found = re.search(r'name="chave_idempotencia"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found[1]


def mark_of(page: str) -> str:
    found = re.search(r'name="quem" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_back_from_checking_brings_the_amount_and_the_note_that_were_typed(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    address = visitor.client.get(f"{NEW}?militante_id={ana}").headers["Location"]
    key = key_of(visitor.get(address))
    checked = visitor.send(NEW, **FORM, militante_id=ana, chave_idempotencia=key, etapa="conferir")
    assert "Conferir pagamento" in checked
    back = visitor.get(address)
    assert 'value="50,00"' in back
    assert 'value="na assembleia"' in back
    assert key_of(back) == key
    assert "Souza" not in address


def test_back_after_saving_leads_to_the_payment_and_not_to_a_second_one(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    address = visitor.client.get(f"{NEW}?militante_id={ana}").headers["Location"]
    key = key_of(visitor.get(address))
    sent = {**FORM, "militante_id": ana, "chave_idempotencia": key}
    checking = visitor.submit(NEW, **sent, etapa="conferir").headers["Location"]
    visitor.send(NEW, **sent, etapa="salvar")
    for before in (checking, address):
        assert "Este formulário já foi salvo: é o pagamento nº 1." in visitor.open(before)


def test_every_refused_form_ends_in_a_redirect_to_a_page_that_can_be_loaded_again(
    visit: Callable[..., Any], ana: int
) -> None:
    visitor = visit()
    payment = re.findall(r"/pagamentos/(\d+)", visitor.submit(NEW, **FORM, militante_id=ana, etapa="salvar").location)
    for path, sent, words in (
        ("/militantes/novo", {**PERSON, "email": "x"}, 'value="Ana Clara"'),
        (f"/militantes/{ana}/editar", {**PERSON, "email": "x", "versao": "1"}, 'value="Ana Clara"'),
        (f"/militantes/{ana}/licenca", {"dia": "", "motivo": "estudos", "versao": "1"}, 'value="estudos"'),
        (f"/militantes/{ana}/desligar", {"data_desligamento": "", "motivo": "saiu", "versao": "1"}, 'value="saiu"'),
        (f"/pagamentos/{payment[0]}/estornar", {"motivo": "", "data_estorno": "2026-03-17"}, "Escreva o motivo"),
        ("/cotas/gerar", {"competencia": "2099-01-01"}, "confira o ano"),
        ("/cotas/dispensar", {"competencia": "2026-03-01", "modo": "dispensar", "motivo": ""}, "Escreva o motivo"),
        ("/cotas/2/dispensar", {"motivo": ""}, "Escreva o motivo"),
        ("/organizacao", {"nome": "", "tipo": "partido", "cnpj": "1"}, 'value="1"'),
        ("/organizacao/nucleos/novo", {"nome": "", "municipio": "Santos", "uf": "SP"}, 'value="Santos"'),
    ):
        answer = visitor.submit(path, **sent)
        assert answer.status_code == 303, path
        for _ in range(2):
            assert words in visitor.open(answer.headers["Location"]), path


def test_a_session_that_ended_keeps_the_form_for_its_user_alone(
    web: Flask, visit: Callable[..., Any], clock: Any
) -> None:
    visitor, other = visit(), visit()
    mark = mark_of(visitor.get("/militantes/novo"))
    with visitor.client.session_transaction() as session:
        usuario_id = session["usuario_id"]
    clock.advance(hours=13)
    answer = visitor.submit("/militantes/novo", **PERSON, quem=mark)
    assert answer.headers["Location"].startswith("/entrar?next=/militantes/novo?f%3D") or "f%3D" in answer.location
    assert "Ana" not in answer.location
    kept = re.search(r"f(?:%3D|=)([\w-]+)", answer.location)
    assert kept is not None
    visitor.client.get(f"/teste/entrar/{usuario_id}")
    page = visitor.get(f"/militantes/novo?f={kept[1]}")
    assert 'value="Ana Clara"' in page
    assert "A sessão tinha terminado, e nada foi salvo" in page
    assert "Ana Clara" not in other.open(f"/militantes/novo?f={kept[1]}")


def test_a_form_of_an_earlier_login_goes_on_in_the_present_one(visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.client.application.config["WTF_CSRF_ENABLED"] = True
    mark = mark_of(visitor.get("/militantes/novo"))
    answer = visitor.client.post("/militantes/novo", data={**PERSON, "quem": mark, "csrf_token": "of-another-login"})
    assert answer.status_code == 303
    assert 'value="Ana Clara"' in visitor.open(answer.headers["Location"])


def test_what_a_stranger_sends_is_not_kept(web: Flask, visit: Callable[..., Any]) -> None:
    client = web.test_client()
    for mark in ("", "1.forged"):
        answer = client.post("/militantes/novo", data={**PERSON, "quem": mark, "csrf_token": "x"})
        assert answer.status_code in (302, 400)
        assert "f%3D" not in answer.headers.get("Location", "")


def test_the_same_payment_twice_is_asked_about_where_it_is_checked(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit(Papel.TESOURARIA)
    visitor.send(NEW, **FORM, militante_id=ana, chave_idempotencia="um", etapa="salvar")
    sent = {**FORM, "militante_id": ana, "chave_idempotencia": "dois"}
    page = visitor.send(NEW, **sent, etapa="conferir")
    assert "Já há um pagamento com a mesma data e o mesmo valor" in page
    assert "nº 1</a>, registrado em 17/03/2026 às 12:00" in page
    asked = visitor.send(NEW, **sent, etapa="salvar")
    assert "Marque que é outro pagamento" in asked
    assert "Pagamento nº 2 registrado" in visitor.send(NEW, **sent, etapa="salvar", outro="1")


def test_a_pix_that_is_known_is_told_before_it_is_saved(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    pix = "E" + "1" * 31
    visitor.send(NEW, **FORM, militante_id=ana, chave_idempotencia="um", e2eid=pix, etapa="salvar")
    page = visitor.send(NEW, **FORM, militante_id=ana, chave_idempotencia="dois", e2eid=pix, etapa="conferir")
    assert "Este PIX já foi registrado: é o pagamento nº 1." in page
    late = visitor.send(NEW, **{**FORM, "data_credito": "2026-03-18"}, militante_id=ana, etapa="conferir")
    assert "ainda não chegou" in late


def test_a_form_whose_payment_was_reversed_goes_on_with_another_key(
    visit: Callable[..., Any], web: Flask, org: Any, ana: int, clock: Any
) -> None:
    visitor = visit()
    sent = {**FORM, "militante_id": ana, "chave_idempotencia": "um"}
    visitor.send(NEW, **sent, etapa="salvar")
    with web.app_context():
        org.reverse(1, dt.date(2026, 3, 17))
    page = visitor.send(NEW, **sent, etapa="salvar")
    assert "foi estornado depois" in page
    assert 'value="50,00"' in page
    assert key_of(page) != "um"
    assert "Pagamento nº 3 registrado" in visitor.send(
        NEW, **{**sent, "chave_idempotencia": key_of(page)}, etapa="salvar"
    )
