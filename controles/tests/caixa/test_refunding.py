"""Money that is given back: never more than the credit, out of an account, in an open month, and undone whole."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.banco.matching import match_refund, undo
from controles.caixa.records import NovaDevolucao
from controles.caixa.refunding import refund
from controles.caixa.services import reverse_lancamento
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.domain.escopo import Escopo
from controles.fechamento.balancete_queries import get_balancete
from controles.fechamento.services import close_month
from controles.militantes.queries import get_militante
from controles.pagamentos.credit import identify_pagamento, use_credit
from controles.pagamentos.models import Devolucao
from controles.pagamentos.queries import get_pagador, get_pagamento

from .conftest import saldos, take

WHOLE = Escopo()
DAY = dt.date(2026, 3, 10)


def credit(militante_id: int, hoje: dt.date) -> int:
    """As the ficha and the form for payments show it, which must agree."""
    ficha, payer = get_militante(WHOLE, militante_id, hoje=hoje), get_pagador(WHOLE, militante_id)
    assert ficha is not None
    assert payer is not None
    assert ficha.credito == payer.credito
    return ficha.credito


@pytest.fixture
def give_back(caixa: int, agora: dt.datetime, hoje: dt.date) -> Any:
    def run(valor: int, data: dt.date = DAY, **whose: Any) -> int:
        values: dict[str, Any] = {"conta_id": caixa, "data": data, "valor": valor, "descricao": "a mais"} | whose
        nova = NovaDevolucao(**values)
        return refund(nova, autor_id=None, agora=agora, hoje=hoje)

    return run


def test_credit_leaves_the_account_and_the_ficha_the_newest_money_first(
    give_back: Any, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    nucleo_id = org.nucleo()
    ana = org.militante("Ana", nucleo_id=nucleo_id)
    old, new = org.pay(ana, 1000, data_credito=dt.date(2026, 3, 1)), org.pay(ana, 500, data_credito=DAY)
    made = give_back(700, militante_id=ana)
    assert credit(ana, hoje) == 800
    assert saldos()["Caixa"] == 500 - 700
    assert {row.pagamento_id: row.centavos for row in db.session.scalars(sa.select(Devolucao))} == {new: 500, old: 200}
    detail = get_pagamento(WHOLE, old)
    assert detail is not None
    assert (detail.credito, detail.devolvido) == (800, 200)
    (nucleo,) = get_balancete(dt.date(2026, 3, 1)).nucleos
    assert (nucleo.nucleo_id, nucleo.contribuicoes, nucleo.despesas) == (nucleo_id, 1500, 700)
    # What is left, and no more, pays cotas.
    org.cotas("2026-03")
    assert use_credit(WHOLE, ana, cota_ids=None, autor_id=None, agora=agora, hoje=hoje) == 800
    assert {row.acao for row in db.session.scalars(sa.select(Auditoria)) if row.registro_id == made} >= {
        "lancamento.registrar",
        "pagamento.devolver",
    }


def test_no_more_than_the_credit_of_that_day_is_given_back(give_back: Any, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    org.cotas("2026-03")
    org.pay(ana, 2500, data_credito=DAY)
    for valor, day in ((501, DAY), (500, DAY - dt.timedelta(days=1))):
        with pytest.raises(Invalid, match="não se devolve mais") as refused:
            give_back(valor, day, militante_id=ana)
        assert refused.value.field == "valor"
    give_back(500, militante_id=ana)
    with pytest.raises(Invalid, match="R\\$ 0,00"):
        give_back(1, militante_id=ana)
    assert credit(ana, hoje) == 0


def test_a_form_sent_twice_gives_back_once(give_back: Any, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    org.pay(ana, 1000, data_credito=DAY)
    assert give_back(400, militante_id=ana, chave_idempotencia="k") == give_back(
        400, militante_id=ana, chave_idempotencia="k"
    )
    assert credit(ana, hoje) == 600


def test_a_payment_is_reversed_only_after_its_refund_was(
    give_back: Any, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    ana = org.militante("Ana")
    payment = org.pay(ana, 1000, data_credito=DAY)
    made = give_back(300, militante_id=ana)
    with pytest.raises(Conflict, match="estorne a devolução antes"):
        org.reverse(payment)
    reverse_lancamento(made, motivo="não saiu", data=hoje, autor_id=None, agora=agora)
    assert credit(ana, hoje) == 1000
    assert saldos()["Caixa"] == 500
    org.reverse(payment)
    assert credit(ana, hoje) == 0


def test_unidentified_money_is_given_back_whole_and_is_nobodys_then(
    give_back: Any, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    ana, payment = org.militante("Ana"), org.pay(None, 1000, data_credito=DAY)
    with pytest.raises(Invalid, match="inteiro"):
        give_back(999, pagamento_id=payment)
    with pytest.raises(Invalid, match="anterior"):
        give_back(1000, DAY - dt.timedelta(days=1), pagamento_id=payment)
    give_back(1000, pagamento_id=payment)
    for again in (
        lambda: give_back(1000, pagamento_id=payment),
        lambda: identify_pagamento(WHOLE, payment, ana, cota_ids=None, autor_id=None, agora=agora, hoje=hoje),
        lambda: org.reverse(payment),
    ):
        with pytest.raises(Conflict):
            again()
    with pytest.raises(Conflict):
        give_back(1000, pagamento_id=org.pay(ana, 1000, data_credito=DAY))
    assert credit(ana, hoje) == 1000


def test_a_line_of_the_statement_can_be_the_refund_and_undoing_it_brings_the_credit_back(
    banco: int, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    ana, unknown = org.militante("Ana"), org.pay(None, 300, data_credito=DAY)
    org.pay(ana, 1000, data_credito=DAY)
    first, second, third = take(banco, agora, (DAY, -400), (DAY, -300), (DAY, 700))
    by: dict[str, Any] = {"autor_id": None, "agora": agora}
    match_refund(first, militante_id=ana, **by)
    match_refund(second, pagamento_id=unknown, **by)
    with pytest.raises(Invalid, match="entrou"):
        match_refund(third, militante_id=ana, **by)
    with pytest.raises(Conflict):
        match_refund(first, militante_id=ana, **by)
    assert credit(ana, hoje) == 600
    for line in (first, second):
        undo(line, hoje=hoje, **by)
    assert credit(ana, hoje) == 1000
    # Once more: undoing it left nothing behind.
    match_refund(first, militante_id=ana, **by)
    undo(first, hoje=hoje, **by)
    assert credit(ana, hoje) == 1000
    assert db.session.scalars(sa.select(sa.func.sum(Devolucao.centavos))).one() == 0


def test_nothing_is_given_back_in_a_closed_month(give_back: Any, org: Any, agora: dt.datetime, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    org.pay(ana, 1000, data_credito=dt.date(2026, 2, 10))
    close_month(dt.date(2026, 2, 1), com_pendencias=True, autor_id=None, agora=agora, hoje=hoje)
    with pytest.raises(Invalid, match="fechado"):
        give_back(100, dt.date(2026, 2, 20), militante_id=ana)
    give_back(100, militante_id=ana)


def test_credit_given_back_and_used_at_one_moment_is_spent_once(
    app: Flask, give_back: Any, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    ana = org.militante("Ana")
    org.pay(ana, 1000, data_credito=DAY)
    org.cotas("2026-03")
    db.session.commit()

    def attempt(action: Any) -> bool:
        with app.app_context():
            try:
                action()
            except DomainError:
                return False
            return True

    def use() -> None:
        use_credit(WHOLE, ana, cota_ids=None, autor_id=None, agora=agora, hoje=hoje)

    tries = [lambda: give_back(1000, militante_id=ana), use] * 3
    with ThreadPoolExecutor(6) as threads:
        done = list(threads.map(attempt, tries))
    assert done.count(True) == 1
    db.session.rollback()
    paid = db.session.scalars(sa.select(sa.func.sum(Cota.pago))).one()
    assert paid + (db.session.scalars(sa.select(sa.func.sum(Devolucao.centavos))).one() or 0) == 1000
    assert credit(ana, hoje) == 0
