"""What a caixa takes in, and that nothing is both in a statement and entered by hand."""

import datetime as dt
from typing import Any

import pytest

from controles.banco import matching
from controles.caixa.models import TipoLancamento
from controles.caixa.services import reverse_lancamento
from controles.db import db
from controles.domain.domain_errors import Invalid
from controles.pagamentos.models import Metodo, Pagamento

from .conftest import Register, saldos, take


def test_cash_goes_into_the_caixa_and_its_estorno_out_of_it(caixa: int, org: Any) -> None:
    ana = org.militante("Ana")
    paid = org.pay(ana, 2000, metodo=Metodo.DINHEIRO)
    org.pay(ana, 9000)
    org.pay(ana, 4000, metodo=Metodo.DINHEIRO, data_credito=dt.date(2025, 12, 31))
    assert saldos()["Caixa"] == 2500
    org.reverse(paid)
    assert saldos()["Caixa"] == 500
    with pytest.raises(Invalid, match="Só dinheiro entra num caixa"):
        org.pay(ana, 2000, conta_id=caixa)


def test_what_a_statement_has_is_not_entered_by_hand_and_the_other_way_round(
    register: Register, banco: int, agora: dt.datetime
) -> None:
    take(banco, agora, (dt.date(2026, 3, 1), -100), (dt.date(2026, 3, 5), -100))
    with pytest.raises(Invalid, match="já foi importado"):
        register(conta_id=banco)
    with pytest.raises(Invalid, match="já foi importado"):
        register(TipoLancamento.TRANSFERENCIA, outra_conta_id=banco)
    by_hand = register(conta_id=banco, data=dt.date(2026, 3, 10))
    with pytest.raises(Invalid, match="escritos à mão"):
        take(banco, agora, (dt.date(2026, 3, 9), -700), (dt.date(2026, 3, 12), 5))
    reverse_lancamento(by_hand, motivo="veio o extrato", data=dt.date(2026, 3, 11), autor_id=None, agora=agora)
    take(banco, agora, (dt.date(2026, 3, 9), -700), (dt.date(2026, 3, 12), 5))
    assert saldos()["Banco"] == 10000 - 200 - 700 + 5


def test_a_caixa_has_no_statement(caixa: int, agora: dt.datetime) -> None:
    with pytest.raises(Invalid, match="não tem extrato"):
        take(caixa, agora, (dt.date(2026, 3, 1), 100))


def test_cash_is_no_line_of_a_statement(caixa: int, banco: int, org: Any, agora: dt.datetime) -> None:
    paid = org.pay(org.militante("Ana"), 2000, metodo=Metodo.DINHEIRO, data_credito=dt.date(2026, 3, 1))
    (linha,) = take(banco, agora, (dt.date(2026, 3, 1), 2000))
    with pytest.raises(Invalid, match="num caixa"):
        matching.match_pagamento(linha, paid, autor_id=None, agora=agora)


def test_an_estorno_of_cash_names_the_caixa_of_its_payment(caixa: int, org: Any) -> None:
    estorno = org.reverse(org.pay(org.militante("Ana"), 2000, metodo=Metodo.DINHEIRO))
    assert db.session.get_one(Pagamento, estorno).conta_id == caixa
