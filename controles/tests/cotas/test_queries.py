"""What of a militante's cotas is open, and the lists that the panel's figures by competência lead to."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.cotas.models import Cota
from controles.cotas.queries import (
    EstadoCota,
    FiltroCotas,
    FiltroEstado,
    LinhaCota,
    TotaisCotas,
    list_cotas,
    matrix,
    open_cotas,
    totals_cotas,
)
from controles.db import db
from controles.domain.escopo import Escopo

WHOLE = Escopo()


def cota_of(militante_id: int, month: str) -> int:
    competencia = dt.date.fromisoformat(f"{month}-01")
    wanted = sa.select(Cota.id).where(Cota.militante_id == militante_id, Cota.competencia == competencia)
    return db.session.scalars(wanted).one()


def test_open_cotas_are_oldest_first_whatever_order_they_were_made_in(app: Flask, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana", dia_vencimento=17)
    org.cotas("2026-03", "2025-12", "2026-01", "2026-02")
    org.pay(ana, 2500)
    org.waive(cota_of(ana, "2026-02"))
    cotas = open_cotas(WHOLE, ana, hoje=hoje)
    assert [(cota.competencia.month, cota.em_aberto, cota.vencida) for cota in cotas] == [
        (1, 1500, True),
        (3, 2000, False),
    ]


def test_a_cota_is_overdue_the_day_after_it_fell_due(app: Flask, org: Any) -> None:
    ana = org.militante("Ana", dia_vencimento=17)
    org.cotas("2026-03")
    due = dt.date(2026, 3, 17)
    assert [cota.vencida for cota in open_cotas(WHOLE, ana, hoje=due)] == [False]
    assert [cota.vencida for cota in open_cotas(WHOLE, ana, hoje=due + dt.timedelta(days=1))] == [True]


def test_the_matrix_has_twelve_months_each_in_its_state(app: Flask, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana", dia_vencimento=20)
    org.cotas("2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2025-12")
    org.pay(ana, 2000, cota_ids=(cota_of(ana, "2026-01"),))
    org.pay(ana, 500, cota_ids=(cota_of(ana, "2026-03"),))
    org.waive(cota_of(ana, "2026-05"))
    cells = matrix(WHOLE, ana, 2026, hoje=hoje)
    assert [cell.competencia.month for cell in cells] == list(range(1, 13))
    assert [cell.estado for cell in cells] == [
        EstadoCota.QUITADA,
        EstadoCota.VENCIDA,
        EstadoCota.PARCIAL,
        EstadoCota.A_VENCER,
        EstadoCota.DISPENSADA,
        *[EstadoCota.SEM_COTA] * 7,
    ]
    assert (cells[2].pago, cells[2].valor, cells[6].cota_id) == (500, 2000, None)


@pytest.mark.parametrize("ano", [1, 9999])
def test_a_year_at_the_edge_of_the_calendar_is_empty(app: Flask, org: Any, hoje: dt.date, ano: int) -> None:
    cells = matrix(WHOLE, org.militante("Ana"), ano, hoje=hoje)
    assert {cell.estado for cell in cells} == {EstadoCota.SEM_COTA}


def test_the_list_shows_every_cota_once_page_by_page(app: Flask, org: Any, hoje: dt.date) -> None:
    for nome in ("Ana", "Bia", "Caio"):
        org.militante(nome)
    org.cotas("2026-01", "2026-02", "2026-03")
    shown: list[LinhaCota] = []
    cursor = None
    while True:
        page = list_cotas(WHOLE, FiltroCotas(), hoje=hoje, cursor=cursor, limit=2)
        shown += page.linhas
        if page.proximo is None:
            break
        cursor = page.proximo
    months = [linha.competencia.month for linha in shown]
    assert months == [3, 3, 3, 2, 2, 2, 1, 1, 1]
    assert len({linha.id for linha in shown}) == 9


def test_the_totals_are_those_of_the_list_and_split_into_three(app: Flask, org: Any, hoje: dt.date) -> None:
    centro = org.nucleo("Centro")
    ana, bia, _ = org.militante("Ana", nucleo_id=centro), org.militante("Bia"), org.militante("Caio")
    org.cotas("2026-02", "2026-03")
    org.pay(ana, 2000)
    org.pay(bia, 300)
    org.waive(cota_of(bia, "2026-02"))
    february = FiltroCotas(competencia=dt.date(2026, 2, 1))
    assert totals_cotas(WHOLE, february) == TotaisCotas(
        quantidade=3, previsto=6000, recebido=2300, dispensado=1700, aberto=2000
    )
    for estado, nomes in (
        (FiltroEstado.QUITADA, {"Ana"}),
        (FiltroEstado.ABERTA, {"Caio"}),
        (FiltroEstado.DISPENSADA, {"Bia"}),
    ):
        filtro = FiltroCotas(competencia=dt.date(2026, 2, 1), estado=estado)
        assert {linha.militante for linha in list_cotas(WHOLE, filtro, hoje=hoje).linhas} == nomes
        assert totals_cotas(WHOLE, filtro).quantidade == 1
    assert totals_cotas(Escopo(centro), FiltroCotas()).quantidade == 2
    assert totals_cotas(WHOLE, FiltroCotas(nucleo_id=centro)).quantidade == 2


def test_a_reader_of_one_nucleo_sees_no_other_cotas(app: Flask, org: Any, hoje: dt.date) -> None:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    bia = org.militante("Bia", nucleo_id=leste)
    org.cotas("2026-03")
    scoped = Escopo(centro)
    assert open_cotas(scoped, bia, hoje=hoje) == ()
    assert {cell.estado for cell in matrix(scoped, bia, 2026, hoje=hoje)} == {EstadoCota.SEM_COTA}
    assert list_cotas(scoped, FiltroCotas(militante_id=bia), hoje=hoje).linhas == ()
    assert totals_cotas(scoped, FiltroCotas(nucleo_id=leste)).quantidade == 0


@pytest.mark.parametrize("militante_id", [0, -1, 2**31, 10**30])
def test_a_number_that_is_no_id_has_no_cotas(app: Flask, hoje: dt.date, militante_id: int) -> None:
    assert open_cotas(WHOLE, militante_id, hoje=hoje) == ()
    assert len(matrix(WHOLE, militante_id, 2026, hoje=hoje)) == 12
    assert list_cotas(WHOLE, FiltroCotas(militante_id=militante_id), hoje=hoje).linhas == ()
