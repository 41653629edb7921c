"""One movement of money for several people: all of it or nothing, once, and known as one when the statement comes."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.pagamentos.models import Metodo, Pagamento
from controles.pagamentos.queries import get_pagamento
from controles.pagamentos.services import Alike, NovoPagamento
from controles.pagamentos.together import register_together

WHOLE = Escopo()
COMMON = NovoPagamento(
    militante_id=None,
    data_credito=dt.date(2026, 3, 10),
    valor=0,
    metodo=Metodo.PIX,
    chave_idempotencia="form",
    grupo="form",
    pagador_nome="Dona  Nair",
    pagador_cpf="529.982.247-25",
    ask_if_alike=True,
)


@pytest.fixture
def together(app: Flask, agora: dt.datetime, hoje: dt.date) -> Any:
    def run(*partes: tuple[int, int], escopo: Escopo = WHOLE, comum: NovoPagamento = COMMON) -> tuple[int, ...]:
        return register_together(escopo, partes, comum, autor_id=None, agora=agora, hoje=hoje)

    return run


def count() -> int:
    return db.session.scalars(sa.select(sa.func.count()).select_from(Pagamento)).one()


def test_each_one_gets_a_payment_of_their_own_that_pays_their_cotas(together: Any, org: Any) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    org.cotas("2026-03")
    first, second = together((ana, 2000), (bia, 2500))
    assert db.session.scalars(sa.select(sa.func.sum(Cota.pago))).one() == 4000
    shown = get_pagamento(WHOLE, first)
    assert shown is not None
    assert shown.juntos == (second,)
    assert (shown.pagador_nome, shown.pagador_cpf) == ("Dona Nair", "***.982.247-**")
    # The number itself is in no column.
    stored = db.session.scalars(sa.select(Pagamento.pagador_cpf)).all()
    assert all(number and b"52998224725" not in number for number in stored)


def test_the_form_sent_twice_writes_once(together: Any, org: Any) -> None:
    parts = ((org.militante("Ana"), 2000), (org.militante("Bia"), 2500))
    assert together(*parts) == together(*parts)
    assert count() == 2


def test_if_one_part_is_refused_none_is_written(together: Any, org: Any) -> None:
    nucleo = org.nucleo()
    ana, far = org.militante("Ana", nucleo_id=nucleo), org.militante("Bia")
    with pytest.raises(NotFound):
        together((ana, 2000), (far, 2000), escopo=Escopo(nucleo))
    for wrong in (((ana, 2000), (ana, 500)), ((ana, 2000), (far, 0)), ()):
        with pytest.raises(Invalid):
            together(*wrong)
    assert count() == 0
    org.pay(far, 2000, data_credito=COMMON.data_credito)
    with pytest.raises(Alike):
        together((ana, 2000), (far, 2000))
    assert count() == 1


def test_the_same_form_with_another_amount_is_not_taken_for_the_first(together: Any, org: Any) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    together((ana, 2000), (bia, 2000))
    with pytest.raises(Conflict):
        together((ana, 2000), (bia, 2100))


@pytest.mark.parametrize(
    ("wrong", "field"), [({"pagador_cpf": "529.982.247-24"}, "pagador_cpf"), ({"pagador_nome": " "}, "pagador_nome")]
)
def test_a_payer_who_cannot_be_is_refused_at_the_field(together: Any, org: Any, wrong: Any, field: str) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    with pytest.raises(Invalid) as refused:
        together((ana, 2000), (bia, 2000), comum=replace(COMMON, **wrong))
    assert refused.value.field == field
