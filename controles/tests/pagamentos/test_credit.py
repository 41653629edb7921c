"""Credit is used on request; money without a name finds its owner later; a PIX is free after its estorno."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.cotas.models import Cota
from controles.cotas.queries import open_cotas
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.queries import get_militante
from controles.pagamentos.credit import identify_pagamento, use_credit
from controles.pagamentos.models import Pagamento
from controles.pagamentos.services import Alike

WHOLE = Escopo()
PIX = "E" + "1" * 31


def credit(militante_id: int, hoje: dt.date) -> int:
    ficha = get_militante(WHOLE, militante_id, hoje=hoje)
    assert ficha is not None
    return ficha.credito


@pytest.fixture
def use(app: Flask, agora: dt.datetime, hoje: dt.date) -> Any:
    def run(militante_id: int, cota_ids: tuple[int, ...] | None = None, escopo: Escopo = WHOLE) -> int:
        return use_credit(escopo, militante_id, cota_ids=cota_ids, autor_id=None, agora=agora, hoje=hoje)

    return run


@pytest.fixture
def identify(app: Flask, agora: dt.datetime, hoje: dt.date) -> Any:
    def run(pagamento_id: int, militante_id: int, escopo: Escopo = WHOLE, **more: Any) -> None:
        asked = {"cota_ids": None} | more
        identify_pagamento(escopo, pagamento_id, militante_id, autor_id=None, agora=agora, hoje=hoje, **asked)

    return run


def test_credit_pays_the_oldest_cotas_from_the_oldest_money(use: Any, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    first, second = org.pay(ana, 2500), org.pay(ana, 1000)
    org.cotas("2026-02", "2026-03")
    assert use(ana) == 3500
    assert credit(ana, hoje) == 0
    (left,) = open_cotas(WHOLE, ana, hoje=hoje)
    assert (left.competencia, left.em_aberto) == (dt.date(2026, 3, 1), 500)
    # Taking the older money back opens exactly what it paid.
    org.reverse(first)
    assert [cota.em_aberto for cota in open_cotas(WHOLE, ana, hoje=hoje)] == [2000, 1000]
    org.reverse(second)
    assert db.session.scalars(sa.select(sa.func.sum(Cota.pago))).one() == 0
    assert audit.verify_chain(db.session).ok


def test_credit_pays_exactly_the_cotas_that_were_chosen(use: Any, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    org.pay(ana, 3000)
    org.cotas("2026-02", "2026-03")
    newest = open_cotas(WHOLE, ana, hoje=hoje)[-1]
    assert use(ana, (newest.id,)) == 2000
    assert credit(ana, hoje) == 1000
    assert [cota.competencia.month for cota in open_cotas(WHOLE, ana, hoje=hoje)] == [2]


def test_reversed_money_and_that_of_others_is_no_credit(use: Any, org: Any) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    org.reverse(org.pay(ana, 3000))
    org.pay(bia, 3000)
    org.pay(None, 3000)
    org.cotas("2026-03")
    with pytest.raises(Conflict, match="não tem crédito"):
        use(ana)
    use(bia)
    with pytest.raises(Conflict, match="Nenhuma cota"):
        use(bia)
    with pytest.raises(NotFound):
        use(ana, escopo=Escopo(99))


def test_money_without_a_name_finds_its_owner(identify: Any, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    unknown = org.pay(None, 2500)
    org.cotas("2026-03")
    identify(unknown, ana)
    assert credit(ana, hoje) == 500
    assert open_cotas(WHOLE, ana, hoje=hoje) == ()
    with pytest.raises(Conflict, match="já foi identificado"):
        identify(unknown, org.militante("Bia"))
    org.reverse(unknown)
    assert credit(ana, hoje) == 0
    assert len(open_cotas(WHOLE, ana, hoje=hoje)) == 1


def test_what_was_given_back_has_no_owner_to_find(identify: Any, org: Any) -> None:
    ana = org.militante("Ana")
    unknown = org.pay(None, 2500)
    estorno = org.reverse(unknown)
    for number in (unknown, estorno):
        with pytest.raises(Conflict, match="estornado"):
            identify(number, ana)
    with pytest.raises(Invalid):
        identify(org.pay(None, 1), ana, Escopo(org.nucleo()))


def test_a_pix_on_the_wrong_person_is_registered_on_the_right_one_after_its_estorno(app: Flask, org: Any) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    wrong = org.pay(ana, 2000, e2eid=PIX)
    with pytest.raises(Invalid, match=f"já foi registrado: é o pagamento nº {wrong}"):
        org.pay(bia, 2000, e2eid=PIX)
    org.reverse(wrong)
    right = org.pay(bia, 2000, e2eid=PIX)
    with pytest.raises(Invalid, match=f"é o pagamento nº {right}"):
        org.pay(ana, 2000, e2eid=PIX)
    org.reverse(right)
    assert org.pay(ana, 2000, e2eid=PIX) > right


def test_a_form_whose_payment_was_reversed_writes_nothing_in_silence(app: Flask, org: Any) -> None:
    ana = org.militante("Ana")
    first = org.pay(ana, 2000, chave_idempotencia="k")
    assert org.pay(ana, 2000, chave_idempotencia="k") == first
    org.reverse(first)
    with pytest.raises(Conflict, match="foi estornado depois"):
        org.pay(ana, 2000, chave_idempotencia="k")


def test_a_second_payment_like_the_first_is_asked_about_and_not_refused(app: Flask, org: Any) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    first = org.pay(ana, 2000)
    with pytest.raises(Alike) as asked:
        org.pay(ana, 2000, ask_if_alike=True)
    assert asked.value.pagamento_id == first
    for other in (
        {"militante_id": bia, "valor": 2000},
        {"militante_id": ana, "valor": 2001},
        {"militante_id": ana, "valor": 2000, "data_credito": dt.date(2026, 3, 16)},
        {"militante_id": ana, "valor": 2000, "ask_if_alike": False},
    ):
        org.pay(**{"ask_if_alike": True, **other})
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Pagamento)).one() == 5


def test_two_pix_with_numbers_of_their_own_are_two_and_a_reversed_one_is_none(app: Flask, org: Any) -> None:
    ana = org.militante("Ana")
    org.pay(ana, 2000, e2eid=PIX)
    other = org.pay(ana, 2000, e2eid="E" + "2" * 31, ask_if_alike=True)
    org.reverse(other)
    org.reverse(org.pay(ana, 700))
    org.pay(ana, 700, ask_if_alike=True)
