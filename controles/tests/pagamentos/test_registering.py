"""Registering a payment, step by step: who, what, check, save."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

NEW = "/pagamentos/novo"
FORM = {"valor": "50,00", "data_credito": "2026-03-17", "metodo": "pix", "chave_idempotencia": "uma-chave"}


@pytest.fixture
def ana(web: Flask, org: Any) -> int:
    """She owes January to March, R$ 20,00 each."""
    with web.app_context():
        militante_id: int = org.militante("Ana Souza", matricula="A-1", nucleo_id=org.nucleo("Centro"))
        org.cotas("2026-01", "2026-02", "2026-03")
    return militante_id


def offered(page: str) -> dict[str, bool]:
    """Cota id → whether it is ticked."""
    return {
        value: bool(ticked) for value, ticked in re.findall(r'name="cota_ids" value="(\d+)"[^>]*?( checked)?>', page)
    }


def payments(page: str) -> list[str]:
    return re.findall(r'<a class="row-link" href="/pagamentos/(\d+)"', page)


def test_who_paid_is_found_by_a_part_of_the_name(visit: Callable[..., Any], ana: int) -> None:
    page = visit(Papel.TESOURARIA).search(f"{NEW}/busca", busca="souz")
    assert f'href="{NEW}?militante_id={ana}"' in page
    assert "R$ 60,00" in page


@pytest.mark.parametrize("papel", [Papel.SECRETARIA, Papel.LEITURA])
def test_who_may_not_register_is_told_so(visit: Callable[..., Any], ana: int, papel: Papel) -> None:
    visitor = visit(papel)
    visitor.get(NEW, status=403)
    assert visitor.submit(NEW, **FORM, militante_id=ana, etapa="salvar").status_code == 403
    assert NEW not in visitor.get("/pagamentos")


def test_the_oldest_open_months_are_ticked_and_their_sum_is_offered(visit: Callable[..., Any], ana: int) -> None:
    page = visit().open(f"{NEW}?militante_id={ana}")
    assert list(offered(page).values()) == [True, True, True]
    assert 'value="60,00"' in page
    assert '<input checked id="metodo-0"' in page


def test_who_owes_many_months_gets_only_the_oldest_ticked(visit: Callable[..., Any], web: Flask, org: Any) -> None:
    with web.app_context():
        bia = org.militante("Bia")
        org.cotas(*(f"2025-{month:02d}" for month in range(1, 13)))
    page = visit().open(f"{NEW}?militante_id={bia}")
    assert list(offered(page).values()) == [True] * 3 + [False] * 9
    assert "Mais 4 meses em aberto" in page


def test_the_preview_shows_where_the_money_goes_and_writes_nothing(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    cotas = list(offered(visitor.open(f"{NEW}?militante_id={ana}")))
    page = visitor.send(NEW, **FORM, militante_id=ana, cota_ids=cotas, etapa="conferir")
    assert "Conferir pagamento" in page
    assert page.count(">quita<") == 2
    assert "em parte" in page
    assert "ficam R$ 10,00 em aberto" in page
    assert payments(visitor.get("/pagamentos")) == []


def test_what_no_month_takes_is_credit(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    oldest = next(iter(offered(visitor.open(f"{NEW}?militante_id={ana}"))))
    page = visitor.send(NEW, **FORM, militante_id=ana, cota_ids=oldest, etapa="conferir")
    assert re.search(r"Crédito.*?R\$ 30,00", page, re.S)


def test_correcting_goes_back_with_everything_that_was_typed(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    oldest = next(iter(offered(visitor.open(f"{NEW}?militante_id={ana}"))))
    sent = {**FORM, "metodo": "dinheiro", "observacao": "pago na assembleia"}
    page = visitor.send(NEW, **sent, militante_id=ana, cota_ids=oldest, etapa="corrigir")
    assert 'value="50,00"' in page
    assert 'value="pago na assembleia"' in page
    assert 'value="uma-chave"' in page
    assert re.search(r'<input checked[^>]*value="dinheiro"', page)
    assert [cota for cota, ticked in offered(page).items() if ticked] == [oldest]


def test_saving_writes_it_and_shows_it(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit(Papel.TESOURARIA)
    cotas = list(offered(visitor.open(f"{NEW}?militante_id={ana}")))
    answer = visitor.submit(NEW, **FORM, militante_id=ana, cota_ids=cotas, etapa="salvar")
    page = visitor.get(answer.headers["Location"])
    for shown in ("R$ 50,00", "Ana Souza", "jan/2026", "R$ 10,00", "PIX", "por tesouraria"):
        assert shown in page


def test_a_payment_takes_few_statements_through_its_pages(
    visit: Callable[..., Any], web: Flask, ana: int, statements: Any
) -> None:
    visitor = visit(Papel.TESOURARIA)
    visitor.get("/pagamentos")
    with web.app_context(), statements() as seen:
        cotas = list(offered(visitor.open(f"{NEW}?militante_id={ana}")))
        sent = {**FORM, "militante_id": ana, "cota_ids": cotas}
        assert "Conferir pagamento" in visitor.send(NEW, **sent, etapa="conferir")
        assert visitor.submit(NEW, **sent, etapa="salvar").status_code == 303
    # Who is logged in is asked at each request, and SQLite is told that a transaction begins.
    own = [one for one in seen if "FROM usuario JOIN sessao" not in one.replace("\n", "") and "BEGIN" not in one]
    # 2 for the payer and what is open, 2 for the form's number, 3 and 2 for the check, the rest saves.
    assert len(own) <= 22, own
    # Nothing is asked twice within one request, and nothing read again that was just written.
    assert sum("auditoria_ponta" in one for one in own) == 2
    assert sum(one.startswith("SELECT alocacao") for one in own) == 0


def test_sent_twice_it_is_written_once(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    cotas = list(offered(visitor.open(f"{NEW}?militante_id={ana}")))
    answers = [visitor.submit(NEW, **FORM, militante_id=ana, cota_ids=cotas, etapa="salvar") for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert len(payments(visitor.get("/pagamentos"))) == 1


def test_every_opened_form_has_a_key_of_its_own(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    keys = {
        found[1]
        for _ in range(3)
        if (
            found := re.search(
                r'name="chave_idempotencia"[^>]*value="([^"]+)"', visitor.open(f"{NEW}?militante_id={ana}")
            )
        )
    }
    assert len(keys) == 3


def test_save_and_next_asks_who_paid_next(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    answer = visitor.submit(NEW, **FORM, militante_id=ana, etapa="proximo")
    assert answer.headers["Location"] == NEW
    page = visitor.get(NEW)
    assert "registrado: R$ 50,00." in page
    assert "Quem pagou?" in page


@pytest.mark.parametrize("etapa", ["conferir", "salvar"])
@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("valor", "cinquenta", "não é um valor em reais"),
        ("valor", "", "Informe o valor recebido."),
        ("valor", "0", "maior que zero"),
        ("data_credito", "2026-02-30", "Esta data não existe"),
        ("metodo", "cheque", "Escolha uma das opções"),
    ],
)
def test_a_wrong_value_is_named_at_its_field(
    visit: Callable[..., Any], ana: int, etapa: str, field: str, written: str, message: str
) -> None:
    visitor = visit()
    sent = {**FORM, "observacao": "fica", field: written}
    page = visitor.send(NEW, **sent, militante_id=ana, etapa=etapa)
    assert f'id="{field}-erro"' in page
    assert message in page
    assert 'value="fica"' in page
    assert payments(visitor.get("/pagamentos")) == []


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [("data_credito", "2026-03-18", "ainda não chegou"), ("e2eid", "E123", "identificador do PIX tem 32")],
)
def test_what_the_service_refuses_is_named_at_its_field(
    visit: Callable[..., Any], ana: int, field: str, written: str, message: str
) -> None:
    page = visit().send(NEW, **{**FORM, field: written}, militante_id=ana, etapa="salvar")
    assert f'id="{field}-erro"' in page
    assert message in page


@pytest.mark.parametrize("etapa", ["conferir", "salvar"])
def test_a_month_that_was_paid_meanwhile_is_told_before_anything_is_written(
    visit: Callable[..., Any], web: Flask, org: Any, ana: int, etapa: str
) -> None:
    visitor = visit()
    cotas = list(offered(visitor.open(f"{NEW}?militante_id={ana}")))
    with web.app_context():
        org.pay(ana, 2000)
    page = visitor.send(NEW, **FORM, militante_id=ana, cota_ids=cotas, etapa=etapa)
    assert 'role="alert"' in page
    assert list(offered(page)) == cotas[1:]
    assert 'value="50,00"' in page
    assert len(payments(visitor.get("/pagamentos"))) == 1


def test_money_nobody_claims_is_registered_without_a_name(visit: Callable[..., Any]) -> None:
    visitor = visit(Papel.TESOURARIA)
    assert "Sem identificação" in visitor.open(f"{NEW}?militante_id=nenhum")
    answer = visitor.submit(NEW, **FORM, militante_id="nenhum", etapa="salvar")
    assert "Sem identificação" in visitor.get(answer.headers["Location"])


def test_a_nucleo_sees_nobody_elses_payer_and_registers_none_without_a_name(
    visit: Callable[..., Any], web: Flask, org: Any, ana: int
) -> None:
    with web.app_context():
        leste = org.nucleo("Leste")
    visitor = visit(Papel.TESOURARIA, leste)
    assert "sem identificar" not in visitor.get(NEW)
    visitor.get(f"{NEW}?militante_id={ana}", status=404)
    assert visitor.submit(NEW, **FORM, militante_id=ana, etapa="salvar").status_code == 404
    refused = visitor.send(NEW, **FORM, militante_id="nenhum", etapa="salvar")
    assert "Escolha o militante" in refused


@pytest.mark.parametrize("chosen", ["", "x", "-1", "9" * 40, "²"])
def test_a_payer_that_makes_no_sense_asks_again_or_is_not_found(visit: Callable[..., Any], chosen: str) -> None:
    assert visit().client.get(NEW, query_string={"militante_id": chosen}, follow_redirects=True).status_code in {
        200,
        404,
    }


def test_a_cota_that_is_no_number_is_left_out(visit: Callable[..., Any], ana: int) -> None:
    assert "Crédito" in visit().send(NEW, **FORM, militante_id=ana, cota_ids="x", etapa="conferir")
