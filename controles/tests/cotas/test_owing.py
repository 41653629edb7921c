"""A month is generated as of that month: who owed it on its due day, and what it was worth then."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.cotas.models import Cota
from controles.cotas.queries import preview_cotas
from controles.cotas.services import generate_cotas
from controles.db import db
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante, ValorCota
from controles.militantes.services import DadosMilitante, update_militante
from controles.militantes.standing import end_leave, rejoin, start_leave
from controles.organizacao.models import Organizacao
from controles.services.transaction import transaction

WHOLE = Escopo()


def owed(org: Any, month: str) -> list[tuple[int, int, dt.date]]:
    """Generates a month; whose cotas were written, at what amount, due when. The preview said the same."""
    competencia = dt.date.fromisoformat(f"{month}-01")
    seen = preview_cotas(WHOLE, competencia)
    lote = generate_cotas(WHOLE, competencia, autor_id=None, agora=org.clock.now)
    assert (seen.novas, seen.total) == (lote.novas, lote.total)
    rows = db.session.execute(
        sa.select(Cota.militante_id, Cota.valor, Cota.vencimento).where(
            Cota.competencia == competencia, Cota.dispensada_em.is_(None)
        )
    )
    return sorted((row[0], row[1], row[2]) for row in rows)


def change_amount(org: Any, militante_id: int, valor: int, *, isento: bool = False) -> None:
    now = db.session.get_one(Militante, militante_id, populate_existing=True)
    dados = DadosMilitante(nome=now.nome, data_filiacao=now.data_filiacao, valor_cota=valor, isento=isento)
    update_militante(WHOLE, militante_id, dados, versao=now.versao, autor_id=None, agora=org.clock.now)


@pytest.mark.parametrize(
    ("joined", "due", "owes"),
    [("2026-03-09", 10, True), ("2026-03-10", 10, True), ("2026-03-11", 10, False), ("2026-02-28", 1, True)],
)
def test_no_cota_falls_due_before_its_militante_joined(app: Flask, org: Any, joined: str, due: int, owes: bool) -> None:
    ana = org.militante("Ana", data_filiacao=dt.date.fromisoformat(joined), dia_vencimento=due)
    assert owed(org, "2026-03") == ([(ana, 2000, dt.date(2026, 3, due))] if owes else [])


def test_the_organisation_can_let_the_month_of_joining_go(sqlite_app: Flask, org: Any) -> None:
    with transaction() as session:
        session.add(Organizacao(id=1, nome="Associação", cota_no_mes_da_filiacao=False))
    ana = org.militante("Ana", data_filiacao=dt.date(2026, 2, 2))
    assert owed(org, "2026-02") == []
    assert [row[0] for row in owed(org, "2026-03")] == [ana]


@pytest.mark.parametrize(("left", "owes"), [("2026-03-09", False), ("2026-03-10", False), ("2026-03-11", True)])
def test_who_left_owes_what_fell_due_before(app: Flask, org: Any, left: str, owes: bool) -> None:
    ana = org.militante("Ana")
    org.end(ana, dt.date.fromisoformat(left))
    assert [row[0] for row in owed(org, "2026-03")] == ([ana] if owes else [])


def test_a_leave_counts_from_its_first_day_to_the_return(app: Flask, org: Any) -> None:
    ana = org.militante("Ana")
    start_leave(WHOLE, org.change(ana, dt.date(2025, 11, 10)), prevista_ate=None)
    end_leave(WHOLE, org.change(ana, dt.date(2026, 1, 10)))
    found = {month: bool(owed(org, month)) for month in ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02")}
    assert found == {"2025-10": True, "2025-11": False, "2025-12": False, "2026-01": True, "2026-02": True}


def test_between_leaving_and_joining_again_nothing_is_owed(app: Flask, org: Any) -> None:
    ana = org.militante("Ana")
    org.end(ana, dt.date(2025, 11, 10))
    rejoin(WHOLE, org.change(ana, dt.date(2026, 2, 1)))
    found = {month: bool(owed(org, month)) for month in ("2025-10", "2025-11", "2026-01", "2026-02")}
    assert found == {"2025-10": True, "2025-11": False, "2026-01": False, "2026-02": True}


def test_a_past_month_is_worth_what_it_was_worth_then(app: Flask, org: Any) -> None:
    ana = org.militante("Ana", valor_cota=1000)
    org.clock.now = dt.datetime(2026, 1, 20, 15, tzinfo=dt.UTC)
    change_amount(org, ana, 1500)
    change_amount(org, ana, 1600)
    org.clock.now = dt.datetime(2026, 3, 17, 15, tzinfo=dt.UTC)
    change_amount(org, ana, 3000)
    worth = {month: [row[1] for row in owed(org, month)] for month in ("2025-12", "2026-01", "2026-02", "2026-03")}
    assert worth == {"2025-12": [1000], "2026-01": [1600], "2026-02": [1600], "2026-03": [3000]}
    rows = db.session.execute(sa.select(ValorCota.ate, ValorCota.valor).order_by(ValorCota.ate)).all()
    assert [(row[0], row[1]) for row in rows] == [(dt.date(2026, 1, 1), 1000), (dt.date(2026, 3, 1), 1600)]


def test_who_is_exempt_now_owes_the_months_before(app: Flask, org: Any) -> None:
    ana = org.militante("Ana")
    change_amount(org, ana, 2000, isento=True)
    assert [row[0] for row in owed(org, "2026-02")] == [ana]
    assert owed(org, "2026-03") == []
    assert preview_cotas(WHOLE, dt.date(2026, 3, 1)).isentos == 1
    assert preview_cotas(WHOLE, dt.date(2026, 2, 1)).isentos == 0
