"""The screens of receipts: from a payment, of a period, and the page where a stranger checks a code."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.contas.models import Papel
from controles.db import db
from controles.recibos.models import Recibo

from .conftest import pages_of, text_of

Visit = Callable[..., Any]


def pdf_of(visitor: Any, path: str) -> bytes:
    answer = visitor.client.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    content: bytes = answer.get_data()
    return content


def test_a_receipt_is_issued_from_its_payment_and_opened(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        pagamento_id = org.pay(org.militante("Maria da Silva"), 2000)
    visitor = visit(Papel.TESOURARIA)
    assert "Emitir recibo" in visitor.get(f"/pagamentos/{pagamento_id}")
    page = visitor.send(f"/recibos/de-pagamento/{pagamento_id}")
    assert "Recibo 2026/000001" in page
    assert "Recibo 2026/000001" in visitor.get(f"/pagamentos/{pagamento_id}")
    assert "Maria da Silva" in text_of(pdf_of(visitor, "/recibos/1/pdf"))
    assert "2026/000001" in visitor.get("/recibos")


def test_a_cancelled_receipt_is_marked_wherever_it_stands(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        pagamento_id = org.pay(org.militante(), 2000)
    visitor = visit(Papel.TESOURARIA)
    visitor.send(f"/recibos/de-pagamento/{pagamento_id}")
    assert "Escreva por que" in visitor.send("/recibos/1/cancelar", motivo="")
    assert "cancelado: o número fica" in visitor.send("/recibos/1/cancelar", motivo="nome errado")
    assert "Cancelado" in visitor.get(f"/pagamentos/{pagamento_id}")
    assert "nome errado" in visitor.get("/recibos/1")
    assert "já foi cancelado" in visitor.open("/recibos/1/cancelar")


def test_a_whole_month_is_issued_at_once_and_printed_as_one_file(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        for n in range(3):
            org.pay(org.militante(f"Pessoa {n}"), 1000 + n, data_credito=dt.date(2026, 2, 3 + n))
        org.pay(None, 999, data_credito=dt.date(2026, 2, 9))
        org.pay(org.militante("Outro mês"), 1000, data_credito=dt.date(2026, 3, 3))
    visitor = visit(Papel.TESOURARIA)
    # The month before this one, unless other days are asked for.
    assert "3 recibos novos" in visitor.get("/recibos/emitir")
    page = visitor.send("/recibos/emitir", de="2026-02-01", ate="2026-02-28")
    assert "3 recibos emitidos, de 2026/000001 a 2026/000003" in page
    assert "todos já com recibo" in visitor.get("/recibos/emitir")
    assert pages_of(pdf_of(visitor, "/recibos/pdf?ano=2026&de_numero=1&ate_numero=3")) == 2
    assert pages_of(pdf_of(visitor, "/recibos/pdf?de_numero=3")) == 1
    assert "Nenhum recibo com este filtro" in visitor.open("/recibos/pdf?ano=2020")


def test_an_annual_statement_is_a_link_on_the_ficha(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        maria = org.militante("Maria da Silva")
        org.pay(maria, 2000)
    visitor = visit(Papel.TESOURARIA)
    assert f"/recibos/contribuicoes/{maria}?ano=2026" in visitor.get(f"/militantes/{maria}")
    assert "R$ 20,00" in text_of(pdf_of(visitor, f"/recibos/contribuicoes/{maria}?ano=2026"))
    assert "Nenhum pagamento recebido em 2025" in visitor.open(f"/recibos/contribuicoes/{maria}?ano=2025")
    assert pages_of(pdf_of(visitor, "/recibos/contribuicoes?ano=2026&pdf=1")) == 1
    assert "Ninguém pagou em 2024" in visitor.open("/recibos/contribuicoes?ano=2024&pdf=1")


def test_a_stranger_learns_whether_a_receipt_stands_and_nobodys_name(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        pagamento_id = org.pay(org.militante("Maria da Silva"), 2000)
    visit(Papel.TESOURARIA).send(f"/recibos/de-pagamento/{pagamento_id}")
    with web.app_context():
        codigo = db.session.get_one(Recibo, 1).codigo
    stranger = web.test_client()
    typed = f"{codigo[:5].lower()} - {codigo[5:]}"
    page = stranger.get("/recibos/conferir", query_string={"codigo": typed}, follow_redirects=True).text
    assert "é autêntico e vale" in page
    assert "R$ 20,00" in page
    assert "Maria" not in page
    with web.app_context():
        org.reverse(pagamento_id)
    assert "cancelado" in stranger.get(f"/recibos/conferir/{codigo}").text
    assert "Nenhum recibo tem o código" in stranger.get("/recibos/conferir/AAAAAAAAAA").text
    assert stranger.get("/recibos/conferir?codigo=%2F..%2F").status_code == 303


def test_who_may_not_register_payments_gets_no_receipts(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        pagamento_id = org.pay(org.militante(), 2000)
    reader = visit(Papel.LEITURA)
    assert "Emitir recibo" not in reader.get(f"/pagamentos/{pagamento_id}")
    reader.get("/recibos", status=403)
    assert reader.submit(f"/recibos/de-pagamento/{pagamento_id}").status_code == 403
