"""Numbers without gaps, one standing receipt for a payment, and nothing that is ever deleted."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.recibos.models import Recibo
from controles.recibos.queries import get_recibo
from controles.recibos.records import DetalheRecibo
from controles.recibos.services import MOST_AT_ONCE, cancel_recibo, issue_recibos

from .conftest import WHOLE, name_organisation, numbers

CPF = "52998224725"


def test_receipts_are_numbered_from_one_in_the_order_of_their_issue(app: Flask, org: Any, issue: Any) -> None:
    maria = org.militante()
    first, second, third = (org.pay(maria, 1000 + n) for n in range(3))
    assert [recibo.nome for recibo in issue(second)] == ["2026/000001"]
    assert [recibo.nome for recibo in issue(first, third)] == ["2026/000002", "2026/000003"]


def test_a_payment_keeps_the_receipt_that_it_has(app: Flask, org: Any, issue: Any) -> None:
    pagamento_id = org.pay(org.militante(), 1000)
    (recibo,) = issue(pagamento_id)
    assert issue(pagamento_id, pagamento_id) == [recibo]
    assert numbers() == [(2026, 1)]


def test_a_year_begins_at_one_again_by_the_local_clock(app: Flask, org: Any, issue: Any) -> None:
    maria = org.militante()
    # Still the 31st of December in Brazil, the 1st of January in Greenwich.
    org.clock.now = dt.datetime(2027, 1, 1, 2, 30, tzinfo=dt.UTC)
    issue(org.pay(maria, 1000))
    org.clock.now = dt.datetime(2027, 1, 1, 12, 0, tzinfo=dt.UTC)
    issue(org.pay(maria, 2000))
    assert numbers() == [(2026, 1), (2027, 1)]


def test_a_receipt_says_for_ever_what_was_known_when_it_was_issued(app: Flask, org: Any, issue: Any) -> None:
    name_organisation()
    maria = org.militante("Maria da Silva", cpf=CPF)
    org.cotas("2026-02")
    (before,) = issue(org.pay(maria, 2500))
    assert before.conteudo.partes == ((dt.date(2026, 2, 1), 2000),)
    assert (before.conteudo.militante, before.cpf) == ("Maria da Silva", CPF)
    name_organisation("Outro Nome")
    db.session.execute(sa.update(Militante).values(nome="Mariana de Souza", nome_busca="mariana", cpf_cifrado=None))
    db.session.commit()
    assert get_recibo(WHOLE, before.id) == before


def test_the_cpf_is_not_readable_in_the_row(app: Flask, org: Any, issue: Any) -> None:
    issue(org.pay(org.militante(cpf=CPF), 2500))
    row = db.session.execute(sa.select(sa.cast(Recibo.conteudo, sa.Text), Recibo.cpf_cifrado)).one()
    assert CPF not in row[0]
    assert CPF.encode() not in (row[1] or b"")


def test_many_who_issue_at_once_leave_no_gap_and_give_no_number_twice(app: Flask, org: Any) -> None:
    maria = org.militante()
    payments = [org.pay(maria, 1000 + n) for n in range(8)]
    db.session.rollback()
    together = Barrier(len(payments))

    def run(one: int) -> None:
        with app.app_context():
            together.wait()
            issue_recibos(WHOLE, (one, payments[0]), autor_id=None, agora=org.clock.now)

    with ThreadPoolExecutor(len(payments)) as pool:
        list(pool.map(run, payments))
    assert sorted(numbers()) == [(2026, n) for n in range(1, 9)]
    standing = db.session.scalars(sa.select(Recibo.pagamento_id)).all()
    assert sorted(standing) == payments


def test_an_issue_that_fails_uses_up_no_number(app: Flask, org: Any, issue: Any) -> None:
    maria = org.militante()
    good, bad = org.pay(maria, 1000), org.pay(maria, 2000)
    org.reverse(bad)
    with pytest.raises(Conflict, match=f"nº {bad}"):
        issue(good, bad)
    assert numbers() == []
    assert [recibo.numero for recibo in issue(good)] == [1]


def test_a_cancellation_has_a_reason(app: Flask, org: Any, issue: Any) -> None:
    (recibo,) = issue(org.pay(org.militante(), 1000))
    with pytest.raises(Invalid, match="por que o recibo"):
        cancel_recibo(WHOLE, recibo.id, motivo="  ", autor_id=None, agora=org.clock.now)


def test_money_of_nobody_gets_no_receipt(app: Flask, org: Any) -> None:
    known, unknown = org.pay(org.militante(), 1000), org.pay(None, 500)
    issued = issue_recibos(WHOLE, (known, unknown), autor_id=None, agora=org.clock.now)
    assert (len(issued.ids), issued.sem_militante) == (1, 1)


def test_a_nucleo_issues_and_cancels_for_its_own_alone(app: Flask, org: Any, issue: Any) -> None:
    near, far = org.nucleo("Perto"), org.nucleo("Longe")
    mine, other = (org.pay(org.militante(nome, nucleo_id=one), 1000) for nome, one in (("A", near), ("B", far)))
    escopo = Escopo(near)
    assert len(issue(mine, escopo=escopo)) == 1
    with pytest.raises(NotFound):
        issue(other, escopo=escopo)
    (recibo,) = issue(other)
    assert get_recibo(escopo, recibo.id) is None
    with pytest.raises(NotFound):
        cancel_recibo(escopo, recibo.id, motivo="x", autor_id=None, agora=org.clock.now)


def test_too_many_at_once_are_refused_before_anything_is_read(app: Flask, org: Any) -> None:
    with pytest.raises(Invalid, match="período menor"):
        issue_recibos(WHOLE, range(1, MOST_AT_ONCE + 2), autor_id=None, agora=org.clock.now)


def test_the_detail_names_who_issued_it(app: Flask, org: Any, issue: Any) -> None:
    (recibo,) = issue(org.pay(org.militante(), 1000))
    assert isinstance(recibo, DetalheRecibo)
    assert recibo.emitido_por is None
