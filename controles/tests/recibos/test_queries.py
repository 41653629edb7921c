"""Which receipts and statements a reader sees, and what a code tells a stranger."""

import datetime as dt
from typing import Any

from flask import Flask

from controles.domain.escopo import Escopo
from controles.pagamentos.records import FiltroPagamentos
from controles.recibos.queries import (
    demonstrativos,
    find_by_code,
    ids_of_recibos,
    list_recibos,
    payments_for_recibos,
    recibo_of_payment,
)
from controles.recibos.records import FiltroRecibos
from controles.recibos.services import cancel_recibo

from .conftest import WHOLE, name_organisation


def test_a_nucleo_sees_no_statement_of_another(sqlite_app: Flask, org: Any) -> None:
    near, far = org.nucleo("Perto"), org.nucleo("Longe")
    org.pay(org.militante("Ana", nucleo_id=near), 1000)
    bia = org.militante("Bia", nucleo_id=far)
    org.pay(bia, 1000)
    assert [one.militante for one in demonstrativos(Escopo(near), 2026, limit=10)] == ["Ana"]
    assert demonstrativos(Escopo(near), 2026, militante_id=bia, limit=10) == ()
    assert [one.militante for one in demonstrativos(WHOLE, 2026, nucleo_id=far, limit=10)] == ["Bia"]


def test_the_list_goes_on_where_a_page_ended_and_holds_what_the_filter_says(
    sqlite_app: Flask, org: Any, issue: Any
) -> None:
    maria, joana = org.militante("Maria"), org.militante("Joana")
    issue(*(org.pay(maria, 1000 + n) for n in range(3)), org.pay(joana, 2000))
    cancel_recibo(WHOLE, 2, motivo="nome errado", autor_id=None, agora=org.clock.now)
    first = list_recibos(WHOLE, FiltroRecibos(), limit=3)
    rest = list_recibos(WHOLE, FiltroRecibos(), limit=3, cursor=first.proximo)
    assert [line.numero for line in first.linhas + rest.linhas] == [4, 3, 2, 1]
    assert [line.numero for line in list_recibos(WHOLE, FiltroRecibos(cancelados=True)).linhas] == [2]
    assert [line.numero for line in list_recibos(WHOLE, FiltroRecibos(militante_id=joana)).linhas] == [4]
    assert ids_of_recibos(WHOLE, FiltroRecibos(ano=2026, de_numero=2, ate_numero=3), limit=9) == (2, 3)
    assert ids_of_recibos(WHOLE, FiltroRecibos(ano=2025), limit=9) == ()


def test_payments_of_a_span_are_those_that_can_have_a_receipt(sqlite_app: Flask, org: Any) -> None:
    near = org.nucleo("Perto")
    ana = org.militante("Ana", nucleo_id=near)
    day = dt.date(2026, 2, 3)
    paid = org.pay(ana, 1000, data_credito=day)
    org.reverse(org.pay(ana, 1100, data_credito=day))
    org.pay(None, 1200, data_credito=day)
    other = org.pay(org.militante("Bia"), 1300, data_credito=day)
    org.pay(ana, 1400, data_credito=dt.date(2026, 3, 3))
    filtro = FiltroPagamentos(de=dt.date(2026, 2, 1), ate=dt.date(2026, 2, 28))
    assert payments_for_recibos(WHOLE, filtro, limit=9) == (paid, other)
    assert payments_for_recibos(Escopo(near), filtro, limit=9) == (paid,)
    assert payments_for_recibos(WHOLE, filtro, limit=1) == (paid,)


def test_a_payment_shows_the_receipt_that_stands_before_a_cancelled_one(
    sqlite_app: Flask, org: Any, issue: Any
) -> None:
    pagamento_id = org.pay(org.militante(), 1000)
    assert recibo_of_payment(pagamento_id) is None
    issue(pagamento_id)
    cancel_recibo(WHOLE, 1, motivo="nome errado", autor_id=None, agora=org.clock.now)
    cancelled = recibo_of_payment(pagamento_id)
    issue(pagamento_id)
    standing = recibo_of_payment(pagamento_id)
    assert cancelled is not None
    assert standing is not None
    assert (cancelled.nome, standing.nome) == ("2026/000001", "2026/000002")


def test_a_code_is_found_however_it_is_typed_and_names_nobody(sqlite_app: Flask, org: Any, issue: Any) -> None:
    name_organisation()
    (recibo,) = issue(org.pay(org.militante("Maria da Silva"), 1000))
    found = find_by_code(f" {recibo.codigo[:5].lower()}-{recibo.codigo[5:]} ")
    assert found is not None
    assert (found.nome, found.valor, found.organizacao) == ("2026/000001", 1000, "Associação do Bairro")
    assert "Maria" not in repr(found)
    assert find_by_code("") is None
