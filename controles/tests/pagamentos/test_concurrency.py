"""Several people at once: no cota is overpaid, nothing is counted or undone twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.cotas.models import Cota
from controles.cotas.queries import open_cotas
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.domain.escopo import Escopo
from controles.pagamentos.models import Alocacao, Pagamento

WHOLE = Escopo()
T = TypeVar("T")


def at_once(app: Flask, *actions: Callable[[], T]) -> list[T | DomainError]:
    """What each action returns, or the DomainError it raises, all started at the same moment."""
    together = threading.Barrier(len(actions))

    def run(action: Callable[[], T]) -> T | DomainError:
        with app.app_context():
            together.wait()
            try:
                return action()
            except DomainError as refused:
                return refused

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def sums() -> dict[int, int]:
    """Each cota's allocations; its `pago` is compared with them."""
    rows = db.session.execute(
        sa.select(Cota.id, Cota.pago, sa.func.coalesce(sa.func.sum(Alocacao.centavos), 0))
        .outerjoin(Alocacao, Alocacao.cota_id == Cota.id)
        .group_by(Cota.id, Cota.pago)
    ).all()
    assert all(pago == total for _, pago, total in rows)
    return {cota_id: pago for cota_id, pago, _ in rows}


@pytest.fixture
def ana(app: Flask, org: Any) -> int:
    militante_id: int = org.militante("Ana")
    org.cotas("2026-01", "2026-02")
    return militante_id


def test_payments_at_once_never_pay_a_cota_more_than_it_is_worth(app: Flask, ana: int, org: Any) -> None:
    results = at_once(app, *[lambda: org.pay(ana, 1500) for _ in range(6)])
    assert all(isinstance(result, int) for result in results), results
    assert sorted(sums().values()) == [2000, 2000]
    assert db.session.scalars(sa.select(sa.func.sum(Pagamento.valor))).one() == 9000
    assert audit.verify_chain(db.session).ok


def test_of_payments_at_once_for_one_chosen_month_one_is_taken(app: Flask, ana: int, org: Any, hoje: Any) -> None:
    january = open_cotas(WHOLE, ana, hoje=hoje)[0]
    results = at_once(app, *[lambda: org.pay(ana, 2000, cota_ids=(january.id,)) for _ in range(4)])
    assert [isinstance(result, Conflict) for result in results].count(True) == 3
    assert sums()[january.id] == 2000


def test_one_form_sent_several_times_at_once_is_one_payment(app: Flask, ana: int, org: Any) -> None:
    results = at_once(app, *[lambda: org.pay(ana, 2000, chave_idempotencia="k") for _ in range(5)])
    assert len(set(results)) == 1
    assert sorted(sums().values()) == [0, 2000]


def test_one_form_of_an_unknown_payer_sent_several_times_at_once_is_one_payment(app: Flask, org: Any) -> None:
    results = at_once(app, *[lambda: org.pay(None, 2000, chave_idempotencia="k") for _ in range(5)])
    assert len(set(results)) == 1
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Pagamento)).one() == 1


def test_one_pix_registered_for_two_people_at_once_is_taken_once(app: Flask, ana: int, org: Any) -> None:
    bia = org.militante("Bia")
    e2eid = "E18236120202603171200s0123456789"
    results = at_once(app, *[lambda who=who: org.pay(who, 2000, e2eid=e2eid) for who in (ana, bia, None)])
    assert [isinstance(result, Invalid) for result in results].count(True) == 2, results
    sums()


def test_of_estornos_at_once_one_succeeds(app: Flask, ana: int, org: Any) -> None:
    pagamento_id = org.pay(ana, 3000)
    results = at_once(app, *[lambda: org.reverse(pagamento_id) for _ in range(5)])
    assert [isinstance(result, Conflict) for result in results].count(True) == 4, results
    assert set(sums().values()) == {0}
    assert audit.verify_chain(db.session).ok


def test_payments_estornos_and_generations_at_once_neither_deadlock_nor_lose_a_centavo(
    app: Flask, ana: int, org: Any
) -> None:
    people = [ana, *(org.militante(f"B{number}", matricula=f"B{number}") for number in range(3))]
    first = [org.pay(who, 1000) for who in people]
    actions: list[Callable[[], Any]] = [lambda: org.cotas("2026-03"), lambda: org.cotas("2026-02")]
    for who, pagamento_id in zip(people, first, strict=True):
        actions.append(lambda who=who: [org.pay(who, 700) for _ in range(3)])  # type: ignore[misc]
        actions.append(lambda pagamento_id=pagamento_id: org.reverse(pagamento_id))  # type: ignore[misc]
    results = at_once(app, *actions)
    assert not any(isinstance(result, Exception) for result in results), results
    sums()
    net = db.session.execute(
        sa.select(Pagamento.estorna_id.is_(None), sa.func.sum(Pagamento.valor)).group_by(Pagamento.estorna_id.is_(None))
    )
    assert {bool(ordinary): int(valor) for ordinary, valor in net} == {True: 4 * 1000 + 12 * 700, False: 4 * 1000}
    assert audit.verify_chain(db.session).ok
