"""Movements by hand: each counts once, in an account that is kept by hand on that day, and is undone by an estorno."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from controles.caixa.models import TipoLancamento
from controles.caixa.services import reverse_lancamento
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.fechamento.services import close_month

from .conftest import Register, saldos


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
