"""A cancelled receipt stays, with its reason; a payment is reversed or has a standing receipt, and never both."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError
from controles.pagamentos.models import Pagamento
from controles.recibos.models import Recibo
from controles.recibos.queries import get_recibo
from controles.recibos.services import cancel_recibo, issue_recibos

from .conftest import WHOLE, numbers


def test_a_reversal_cancels_the_receipt_in_the_same_transaction(app: Flask, org: Any, issue: Any) -> None:
    pagamento_id = org.pay(org.militante(), 1000)
    (recibo,) = issue(pagamento_id)
    org.reverse(pagamento_id)
    after = get_recibo(WHOLE, recibo.id)
    assert after is not None
    assert after.motivo == "Pagamento estornado: valor errado"
    assert after.cancelado_em == org.clock.now
    with pytest.raises(Conflict, match="foi estornado"):
        issue(pagamento_id)


def test_reversed_or_with_a_standing_receipt_but_never_both(app: Flask, org: Any) -> None:
    maria = org.militante()
    for n in range(6):
        pagamento_id = org.pay(maria, 1000 + n)
        db.session.rollback()
        together = Barrier(2)

        def run(action: Callable[[], object], together: Barrier = together) -> object:
            with app.app_context():
                together.wait()
                try:
                    return action()
                except DomainError as refused:
                    return refused

        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    run,
                    (
                        lambda one=pagamento_id: org.reverse(one),
                        lambda one=pagamento_id: issue_recibos(WHOLE, (one,), autor_id=None, agora=org.clock.now),
                    ),
                )
            )
        db.session.rollback()
        standing = sa.select(sa.func.count()).where(Recibo.pagamento_id == pagamento_id, Recibo.cancelado_em.is_(None))
        reversed_ = db.session.scalars(sa.select(Pagamento.estornado).where(Pagamento.id == pagamento_id)).one()
        assert reversed_
        assert db.session.scalars(standing).one() == 0


def test_a_cancelled_receipt_stays_and_another_one_may_follow(app: Flask, org: Any, issue: Any) -> None:
    pagamento_id = org.pay(org.militante(), 1000)
    (recibo,) = issue(pagamento_id)
    cancel_recibo(WHOLE, recibo.id, motivo=" nome errado ", autor_id=None, agora=org.clock.now)
    with pytest.raises(Conflict, match="já foi cancelado"):
        cancel_recibo(WHOLE, recibo.id, motivo="de novo", autor_id=None, agora=org.clock.now)
    (other,) = issue(pagamento_id)
    assert numbers() == [(2026, 1), (2026, 2)]
    assert (other.cancelado_em, other.codigo == recibo.codigo) == (None, False)
    actions = db.session.scalars(sa.select(Auditoria.acao).where(Auditoria.tabela == "recibo")).all()
    assert actions == ["recibo.emitir", "recibo.cancelar", "recibo.emitir"]
