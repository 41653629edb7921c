"""Movements by hand: each counts once, in an account that is kept by hand on that day, and is undone by an estorno."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.banco import matching
from controles.banco.models import Destino, Formato, LinhaExtrato
from controles.banco.queries import list_contas
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.caixa.models import TipoLancamento
from controles.caixa.services import reverse_lancamento
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.fechamento.services import close_month
from controles.pagamentos.models import Metodo, Pagamento

from .conftest import Register


def saldos() -> dict[str, int]:
    return {conta.nome: conta.saldo for conta in list_contas()}


def take(conta_id: int, agora: dt.datetime, *lines: tuple[dt.date, int]) -> list[int]:
    read = tuple(LinhaLida(day, valor, "MOVIMENTO") for day, valor in lines)
    extrato = ExtratoLido(Formato.CSV, None, None, read)
    import_statement((extrato,), conta_id=conta_id, arquivo="x.csv", autor_id=None, agora=agora)
    return list(db.session.scalars(sa.select(LinhaExtrato.id).order_by(LinhaExtrato.id)))


def test_each_kind_moves_its_account_by_its_sign(register: Register, banco: int) -> None:
    register()
    register(TipoLancamento.RECEITA, valor=1000)
    register(TipoLancamento.REPASSE_ENVIADO, valor=200)
    register(TipoLancamento.REPASSE_RECEBIDO, valor=300)
    assert saldos() == {"Banco": 10000, "Caixa": 500 - 700 + 1000 - 200 + 300}
    register(TipoLancamento.TRANSFERENCIA, outra_conta_id=banco, valor=100)
    assert saldos() == {"Banco": 10100, "Caixa": 800}
    assert audit.verify_chain(db.session).ok


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


def test_an_estorno_takes_back_once_and_not_before_the_movement(register: Register, agora: dt.datetime) -> None:
    made = register()

    def reverse(data: dt.date) -> int:
        return reverse_lancamento(made, motivo="valor errado", data=data, autor_id=None, agora=agora)

    with pytest.raises(Invalid, match="anterior"):
        reverse(dt.date(2026, 3, 1))
    estorno = reverse(dt.date(2026, 3, 3))
    assert saldos()["Caixa"] == 500
    with pytest.raises(Conflict):
        reverse(dt.date(2026, 3, 3))
    with pytest.raises(Invalid, match="não se estorna"):
        reverse_lancamento(estorno, motivo="x", data=dt.date(2026, 3, 3), autor_id=None, agora=agora)


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


def test_money_fetched_from_the_bank_reaches_the_caixa_and_undoing_takes_it_back(
    caixa: int, banco: int, agora: dt.datetime, hoje: dt.date
) -> None:
    (linha,) = take(banco, agora, (dt.date(2026, 3, 1), -3000))
    for _ in range(2):
        matching.mark(linha, Destino.TRANSFERENCIA, "saque", outra_conta_id=caixa, autor_id=None, agora=agora)
        assert saldos() == {"Banco": 7000, "Caixa": 3500}
        matching.undo(linha, autor_id=None, agora=agora, hoje=hoje)
        assert saldos() == {"Banco": 7000, "Caixa": 500}
    with pytest.raises(Invalid, match="Só uma transferência"):
        matching.mark(linha, Destino.OUTRO, "x", outra_conta_id=caixa, autor_id=None, agora=agora)


def test_cash_is_no_line_of_a_statement(caixa: int, banco: int, org: Any, agora: dt.datetime) -> None:
    paid = org.pay(org.militante("Ana"), 2000, metodo=Metodo.DINHEIRO, data_credito=dt.date(2026, 3, 1))
    (linha,) = take(banco, agora, (dt.date(2026, 3, 1), 2000))
    with pytest.raises(Invalid, match="num caixa"):
        matching.match_pagamento(linha, paid, autor_id=None, agora=agora)


def test_nothing_by_hand_is_dated_in_a_closed_month(register: Register, agora: dt.datetime, hoje: dt.date) -> None:
    close_month(dt.date(2026, 2, 1), com_pendencias=False, autor_id=None, agora=agora, hoje=hoje)
    made = register()
    for day in (dt.date(2026, 2, 28), dt.date(2026, 1, 5)):
        with pytest.raises(Invalid, match="fechado"):
            register(data=day)
        with pytest.raises(Invalid, match="fechado"):
            reverse_lancamento(made, motivo="x", data=day, autor_id=None, agora=agora)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valor": 0},
        {"categoria": " "},
        {"data": dt.date(2026, 3, 18)},
        {"data": dt.date(2025, 12, 31)},
        {"conta_id": 99},
        {"nucleo_id": 99},
        {"tipo": TipoLancamento.TRANSFERENCIA},
    ],
)
def test_what_cannot_be_is_refused_at_its_field(register: Register, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        register(**wrong)
    assert refused.value.field in {*wrong, "outra_conta_id"}
    assert saldos()["Caixa"] == 500


def test_one_form_sent_several_times_at_once_is_one_movement(app: Flask, register: Register) -> None:
    def send(_: int) -> int | DomainError:
        with app.app_context():
            return register(chave_idempotencia="k")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(send, range(4)))) == 1
    assert saldos()["Caixa"] == -200


def test_an_estorno_of_cash_names_the_caixa_of_its_payment(caixa: int, org: Any) -> None:
    estorno = org.reverse(org.pay(org.militante("Ana"), 2000, metodo=Metodo.DINHEIRO))
    assert db.session.get_one(Pagamento, estorno).conta_id == caixa
