"""Leave, return, the end of a membership, its undoing, joining again: each with history, audit, and its cotas."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.models import Situacao
from controles.militantes.queries import get_militante
from controles.militantes.standing import end_leave, end_membership, rejoin, start_leave, undo_end
from controles.painel.queries import get_dashboard_stats

WHOLE = Escopo()
MARCH_1 = dt.date(2026, 3, 1)


def open_months(militante_id: int) -> list[int]:
    db.session.expire_all()
    rows = db.session.scalars(
        sa.select(Cota.competencia)
        .where(Cota.militante_id == militante_id, Cota.dispensada_em.is_(None), Cota.pago < Cota.valor)
        .order_by(Cota.competencia)
    )
    return [row.month for row in rows]


def standing(militante_id: int, hoje: dt.date) -> list[tuple[Situacao, dt.date]]:
    ficha = get_militante(WHOLE, militante_id, hoje=hoje)
    assert ficha is not None
    return [(row.situacao, row.desde) for row in ficha.historico]


@pytest.fixture
def ana(app: Flask, org: Any) -> int:
    """Owes February, March and April 2026, each due on the 10th."""
    militante_id: int = org.militante("Ana")
    org.cotas("2026-02", "2026-03", "2026-04")
    return militante_id


def test_a_leave_waives_what_falls_due_from_its_first_day_and_the_return_opens_it(
    ana: int, org: Any, hoje: dt.date
) -> None:
    back = dt.date(2026, 6, 1)
    assert start_leave(WHOLE, org.change(ana, dt.date(2026, 3, 10), "estudos"), prevista_ate=back) == 2
    assert open_months(ana) == [2]
    ficha = get_militante(WHOLE, ana, hoje=hoje)
    assert ficha is not None
    assert (ficha.situacao, ficha.historico[-1].prevista_ate) == (Situacao.LICENCIADO, back)
    assert end_leave(WHOLE, org.change(ana, dt.date(2026, 3, 17))) == 1
    assert open_months(ana) == [2, 4]
    assert standing(ana, hoje)[1:] == [
        (Situacao.LICENCIADO, dt.date(2026, 3, 10)),
        (Situacao.ATIVO, dt.date(2026, 3, 17)),
    ]


def test_leaving_waives_what_falls_due_later_and_keeps_what_was_due(ana: int, org: Any) -> None:
    assert end_membership(WHOLE, org.change(ana, MARCH_1)) == 2
    assert open_months(ana) == [2]
    waived = db.session.scalars(sa.select(Cota.dispensa_motivo).where(Cota.dispensada_em.is_not(None))).all()
    assert set(waived) == {"desligamento em 01/03/2026"}


def test_undoing_an_end_brings_back_the_standing_and_the_cotas_of_before(ana: int, org: Any, hoje: dt.date) -> None:
    start_leave(WHOLE, org.change(ana, dt.date(2026, 3, 12)), prevista_ate=None)
    end_membership(WHOLE, org.change(ana, dt.date(2026, 3, 16)))
    undo_end(WHOLE, org.change(ana, motivo="pessoa errada"))
    ficha = get_militante(WHOLE, ana, hoje=hoje)
    assert ficha is not None
    assert (ficha.situacao, ficha.data_desligamento) == (Situacao.LICENCIADO, None)
    assert ficha.historico[-1].motivo == "desligamento desfeito: pessoa errada"
    assert [row[0] for row in standing(ana, hoje)][-2:] == [Situacao.DESLIGADO, Situacao.LICENCIADO]


def test_undoing_an_end_opens_all_that_it_waived_even_what_is_overdue_by_now(ana: int, org: Any) -> None:
    end_membership(WHOLE, org.change(ana, MARCH_1))
    undo_end(WHOLE, org.change(ana))
    assert open_months(ana) == [2, 3, 4]


def test_joining_again_keeps_the_person_and_owes_from_that_day_on(ana: int, org: Any, hoje: dt.date) -> None:
    end_membership(WHOLE, org.change(ana, dt.date(2026, 2, 15)))
    assert rejoin(WHOLE, org.change(ana, dt.date(2026, 3, 15))) == 1
    assert open_months(ana) == [2, 4]
    assert standing(ana, hoje) == [
        (Situacao.ATIVO, dt.date(2020, 1, 15)),
        (Situacao.DESLIGADO, dt.date(2026, 2, 15)),
        (Situacao.ATIVO, dt.date(2026, 3, 15)),
    ]
    members = {month.mes.month: month.ativos for month in get_dashboard_stats(WHOLE, hoje=hoje).membros}
    assert (members[1], members[2], members[3]) == (1, 0, 1)


def test_each_change_is_one_audit_row_with_before_and_after(ana: int, org: Any) -> None:
    start_leave(WHOLE, org.change(ana, MARCH_1), prevista_ate=None)
    end_leave(WHOLE, org.change(ana, MARCH_1))
    end_membership(WHOLE, org.change(ana, MARCH_1))
    undo_end(WHOLE, org.change(ana))
    end_membership(WHOLE, org.change(ana, MARCH_1))
    rejoin(WHOLE, org.change(ana, dt.date(2026, 3, 2)))
    rows = db.session.scalars(sa.select(Auditoria).where(Auditoria.tabela == "militante").order_by(Auditoria.id)).all()
    assert [(row.acao, (row.antes or {}).get("situacao"), (row.depois or {}).get("situacao")) for row in rows[1:]] == [
        ("militante.licenciar", "ativo", "licenciado"),
        ("militante.retornar", "licenciado", "ativo"),
        ("militante.desligar", "ativo", "desligado"),
        ("militante.desfazer_desligamento", "desligado", "ativo"),
        ("militante.desligar", "ativo", "desligado"),
        ("militante.readmitir", "desligado", "ativo"),
    ]
    assert audit.verify_chain(db.session).ok


@pytest.mark.parametrize(
    ("state", "attempt"),
    [
        ("ativo", end_leave),
        ("ativo", undo_end),
        ("ativo", rejoin),
        ("licenciado", undo_end),
        ("licenciado", rejoin),
        ("desligado", end_leave),
        ("desligado", end_membership),
        ("desligado", lambda escopo, mudanca: start_leave(escopo, mudanca, prevista_ate=None)),
        ("licenciado", lambda escopo, mudanca: start_leave(escopo, mudanca, prevista_ate=None)),
    ],
)
def test_a_change_that_the_standing_does_not_allow_writes_nothing(ana: int, org: Any, state: str, attempt: Any) -> None:
    if state == "licenciado":
        start_leave(WHOLE, org.change(ana, MARCH_1), prevista_ate=None)
    if state == "desligado":
        end_membership(WHOLE, org.change(ana, MARCH_1))
    before = db.session.scalars(sa.select(sa.func.count()).select_from(Auditoria)).one()
    with pytest.raises(Conflict):
        attempt(WHOLE, org.change(ana, dt.date(2026, 3, 2)))
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Auditoria)).one() == before


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (lambda org, ana: start_leave(WHOLE, org.change(ana, dt.date(2026, 3, 18)), prevista_ate=None), Invalid),
        (lambda org, ana: start_leave(WHOLE, org.change(ana, MARCH_1), prevista_ate=MARCH_1), Invalid),
        (lambda org, ana: start_leave(WHOLE, org.change(ana, MARCH_1), prevista_ate=dt.date(2046, 3, 1)), Invalid),
        (lambda org, ana: start_leave(WHOLE, org.change(ana, dt.date(2019, 1, 1)), prevista_ate=None), Invalid),
        (lambda org, ana: end_membership(Escopo(99), org.change(ana, MARCH_1)), NotFound),
    ],
)
def test_a_day_that_makes_no_sense_is_refused(ana: int, org: Any, attempt: Any, error: type[DomainError]) -> None:
    with pytest.raises(error):
        attempt(org, ana)


def test_nobody_joins_again_before_having_left(ana: int, org: Any) -> None:
    end_membership(WHOLE, org.change(ana, MARCH_1))
    with pytest.raises(Invalid, match="desfaça o desligamento"):
        rejoin(WHOLE, org.change(ana, MARCH_1))


def test_a_change_that_was_decided_on_an_old_page_is_a_conflict(ana: int, org: Any) -> None:
    old = org.change(ana, MARCH_1)
    start_leave(WHOLE, org.change(ana, MARCH_1), prevista_ate=None)
    with pytest.raises(Conflict):
        end_membership(WHOLE, old)
