"""What is known when a payment is about to be written, in one statement."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from controles.db import db
from controles.fechamento.closed_months import last_closed
from controles.fechamento.models import Fechamento
from controles.pagamentos.known import look_up, written_by_key
from controles.pagamentos.models import Metodo
from controles.pagamentos.services import NovoPagamento
from controles.services.transaction import transaction


@pytest.fixture
def novo(app: Flask, org: Any, hoje: dt.date) -> NovoPagamento:
    return NovoPagamento(
        militante_id=org.militante("Ana"), data_credito=hoje, valor=2000, metodo=Metodo.PIX, chave_idempotencia="k"
    )


def test_of_nothing_nothing_is_known_in_one_statement(novo: NovoPagamento, statements: Any) -> None:
    with statements() as seen:
        known = look_up(db.session, novo)
    assert (known.closed, known.by_key, known.alike) == (None, None, None)
    assert len(seen) == 1


def test_what_the_key_has_written_is_known_and_is_what_is_like_it(novo: NovoPagamento, org: Any) -> None:
    number = org.pay(novo.militante_id, 2000, chave_idempotencia="k")
    known = look_up(db.session, novo)
    assert known.by_key is not None
    assert known.by_key == written_by_key(db.session, "k")
    assert known.by_key.pagamento_id == known.alike == number
    assert known.by_key.content == (novo.militante_id, novo.data_credito, 2000, Metodo.PIX)
    assert not known.by_key.estornado
    org.reverse(number)
    known = look_up(db.session, novo)
    assert known.by_key is not None
    assert known.by_key.estornado
    assert known.alike is None


def test_without_a_key_no_payment_that_has_none_is_taken_for_the_same(novo: NovoPagamento, org: Any) -> None:
    first = org.pay(novo.militante_id, 2000, chave_idempotencia=None)
    org.pay(novo.militante_id, 3000, chave_idempotencia=None)
    known = look_up(db.session, replace(novo, chave_idempotencia=None))
    assert known.by_key is None
    assert written_by_key(db.session, None) is None
    assert known.alike == first


def test_the_last_closed_month_is_known(novo: NovoPagamento, agora: dt.datetime) -> None:
    with transaction() as session:
        session.add(Fechamento(competencia=dt.date(2026, 2, 1), fechado_em=agora))
    assert look_up(db.session, novo).closed == last_closed(db.session) == dt.date(2026, 2, 1)
