"""A waiver closes what is open, can be undone, and a cancelled month is asked for anew."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.cotas.models import Cota, Dispensa
from controles.cotas.queries import FiltroCotas, open_cotas, totals_cotas
from controles.cotas.services import generate_cotas
from controles.cotas.waiving import Dispensadas, reopen_cota, undo_waiver, waive_cota, waive_month
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.services.transaction import transaction

WHOLE = Escopo()
MARCH = dt.date(2026, 3, 1)


def cotas_of(militante_id: int) -> list[Cota]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Cota).where(Cota.militante_id == militante_id).order_by(Cota.competencia)))


def last_audit() -> Auditoria:
    return db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id.desc()).limit(1)).one()


def test_one_cota_is_waived_with_its_reason_and_opened_again(app: Flask, org: Any, agora: dt.datetime) -> None:
    ana = org.militante("Ana")
    org.cotas("2026-03")
    org.pay(ana, 500)
    (cota,) = cotas_of(ana)
    waived = waive_cota(WHOLE, cota.id, motivo=" sem  renda ", autor_id=None, agora=agora)
    assert (waived.quantidade, waived.total) == (1, 1500)
    assert (cotas_of(ana)[0].em_aberto, cotas_of(ana)[0].dispensa_motivo) == (0, "sem renda")
    assert last_audit().acao == "cotas.dispensar"
    totals = totals_cotas(WHOLE, FiltroCotas(competencia=MARCH))
    assert (totals.previsto, totals.recebido, totals.dispensado, totals.aberto) == (2000, 500, 1500, 0)
    with pytest.raises(Conflict):
        waive_cota(WHOLE, cota.id, motivo="de novo", autor_id=None, agora=agora)
    reopen_cota(WHOLE, cota.id, autor_id=None, agora=agora)
    assert cotas_of(ana)[0].em_aberto == 1500
    with pytest.raises(Conflict):
        reopen_cota(WHOLE, cota.id, autor_id=None, agora=agora)
    assert audit.verify_chain(db.session).ok


def test_a_month_is_waived_at_once_and_opened_at_once(app: Flask, org: Any, agora: dt.datetime) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    org.cotas("2026-02", "2026-03")
    org.pay(ana, 4000)
    waived = waive_month(WHOLE, MARCH, motivo="enchente", cancel=False, autor_id=None, agora=agora)
    assert (waived.quantidade, waived.total) == (1, 2000)
    assert [cota.em_aberto for cota in cotas_of(bia)] == [2000, 0]
    assert waived.dispensa_id is not None
    assert undo_waiver(WHOLE, waived.dispensa_id, autor_id=None, agora=agora) == 1
    assert [cota.em_aberto for cota in cotas_of(bia)] == [2000, 2000]
    with pytest.raises(Conflict, match="já foi desfeita"):
        undo_waiver(WHOLE, waived.dispensa_id, autor_id=None, agora=agora)


def test_a_month_that_was_cancelled_is_generated_anew_with_the_right_amount(
    app: Flask, org: Any, agora: dt.datetime
) -> None:
    ana, bia = org.militante("Ana", valor_cota=99000), org.militante("Bia")
    org.cotas("2026-03")
    org.pay(bia, 100)
    cancelled = waive_month(WHOLE, MARCH, motivo="valor errado", cancel=True, autor_id=None, agora=agora)
    assert cancelled.quantidade == 1
    with transaction() as session:
        session.execute(sa.update(Militante).where(Militante.id == ana).values(valor_cota=1000))
    lote = generate_cotas(WHOLE, MARCH, autor_id=None, agora=agora)
    assert (lote.novas, lote.total, lote.existentes) == (1, 1000, 1)
    assert [(cota.valor, cota.em_aberto) for cota in cotas_of(ana)] == [(1000, 1000)]
    again = generate_cotas(WHOLE, MARCH, autor_id=None, agora=agora)
    assert (again.novas, again.existentes) == (0, 2)


def test_what_was_only_waived_is_not_asked_for_again(app: Flask, org: Any, agora: dt.datetime) -> None:
    org.militante("Ana")
    org.cotas("2026-03")
    waive_month(WHOLE, MARCH, motivo="enchente", cancel=False, autor_id=None, agora=agora)
    assert generate_cotas(WHOLE, MARCH, autor_id=None, agora=agora).novas == 0


def test_a_waiver_needs_a_reason_and_something_open(app: Flask, org: Any, agora: dt.datetime) -> None:
    with pytest.raises(Conflict, match="Nenhuma cota"):
        waive_month(WHOLE, MARCH, motivo="x", cancel=False, autor_id=None, agora=agora)
    with pytest.raises(Invalid) as refused:
        waive_month(WHOLE, MARCH, motivo="  ", cancel=False, autor_id=None, agora=agora)
    assert refused.value.field == "motivo"
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Dispensa)).one() == 0


def test_an_author_of_one_nucleo_waives_only_its_own(app: Flask, org: Any, agora: dt.datetime) -> None:
    ours, theirs = org.nucleo("Centro"), org.nucleo("Leste")
    ana, bia = org.militante("Ana", nucleo_id=ours), org.militante("Bia", nucleo_id=theirs)
    org.cotas("2026-03")
    whole = waive_month(Escopo(ours), MARCH, motivo="x", cancel=False, autor_id=None, agora=agora)
    assert [cotas_of(ana)[0].em_aberto, cotas_of(bia)[0].em_aberto] == [0, 2000]
    assert whole.dispensa_id is not None
    for attempt in (
        lambda: waive_cota(Escopo(ours), cotas_of(bia)[0].id, motivo="x", autor_id=None, agora=agora),
        lambda: reopen_cota(Escopo(theirs), cotas_of(ana)[0].id, autor_id=None, agora=agora),
        lambda: undo_waiver(Escopo(theirs), whole.dispensa_id, autor_id=None, agora=agora),
        lambda: undo_waiver(WHOLE, 2**70, autor_id=None, agora=agora),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert open_cotas(WHOLE, bia, hoje=MARCH)
    assert Dispensadas(None, 0, 0) != whole
