"""Arrears: who is listed in which band, and that the list, its totals and the panel say the same."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask

from controles.cotas.records import EstadoCota
from controles.domain.escopo import Escopo
from controles.inadimplencia.queries import (
    all_arrears,
    all_months,
    arrears_by_band,
    list_arrears,
    list_months,
    total_of,
)
from controles.inadimplencia.records import FiltroInadimplencia, FiltroMatriz, Grupo
from controles.painel.bands import FAIXAS
from controles.painel.queries import get_dashboard_stats
from controles.services.cache_service import cache_service

WHOLE = Escopo()


@pytest.fixture
def people(app: Flask, org: Any, hoje: dt.date) -> dict[str, int]:
    """Today is 17 March 2026: cotas of January to March are overdue, April's is not."""
    centro = org.nucleo("Centro")
    ids = {
        "ana": org.militante("Ana", nucleo_id=centro, telefone="11987654321"),
        "bia": org.militante("Bia"),
        "caio": org.militante("Caio", nucleo_id=centro),
        "isenta": org.militante("Isenta", isento=True),
    }
    org.cotas("2026-01", "2026-02", "2026-03", "2026-04")
    org.pay(ids["bia"], 5000)
    org.end(ids["caio"], hoje - dt.timedelta(days=1))
    return {**ids, "centro": centro}


def test_a_line_counts_overdue_cotas_only_and_names_the_oldest(people: dict[str, int], hoje: dt.date) -> None:
    ana, bia = list_arrears(WHOLE, FiltroInadimplencia(), hoje=hoje).linhas
    assert (ana.id, ana.meses, ana.valor, ana.mais_antiga) == (people["ana"], 3, 6000, dt.date(2026, 1, 1))
    assert (ana.telefone, ana.nucleo) == ("11987654321", "Centro")
    assert (bia.id, bia.meses, bia.valor, bia.mais_antiga) == (people["bia"], 1, 1000, dt.date(2026, 3, 1))


@pytest.mark.parametrize(
    ("filtro", "names"),
    [
        (FiltroInadimplencia(), ["Ana", "Bia"]),
        (FiltroInadimplencia(grupo=Grupo.DESLIGADOS), ["Caio"]),
        (FiltroInadimplencia(grupo=Grupo.TODOS), ["Ana", "Bia", "Caio"]),
        (FiltroInadimplencia(meses_min=3, meses_max=5), ["Ana"]),
        (FiltroInadimplencia(meses_min=1, meses_max=1), ["Bia"]),
        (FiltroInadimplencia(meses_min=0), ["Ana", "Bia"]),
        (FiltroInadimplencia(meses_min=-5, meses_max=-1), []),
        (FiltroInadimplencia(nucleo_id=2**31 - 1), []),
    ],
)
def test_the_filter_narrows_to_a_group_and_a_band(
    people: dict[str, int], hoje: dt.date, filtro: FiltroInadimplencia, names: list[str]
) -> None:
    assert [linha.nome for linha in list_arrears(WHOLE, filtro, hoje=hoje).linhas] == names


def test_each_total_is_the_sum_of_its_list_and_all_together_the_panels(people: dict[str, int], hoje: dt.date) -> None:
    for escopo in (WHOLE, Escopo(people["centro"])):
        faixas = arrears_by_band(escopo, None, hoje=hoje)
        for grupo in Grupo:
            for name, fewest, most in FAIXAS:
                filtro = FiltroInadimplencia(grupo=grupo, meses_min=fewest, meses_max=most)
                listed = list(all_arrears(escopo, filtro, hoje=hoje))
                total = total_of(faixas, grupo, name)
                assert (total.militantes, total.valor) == (len(listed), sum(linha.valor for linha in listed))
        for faixa in get_dashboard_stats(escopo, hoje=hoje).atraso:
            total = total_of(faixas, Grupo.TODOS, faixa.faixa)
            assert (total.militantes, total.valor) == (faixa.militantes, faixa.valor)


def test_a_reader_of_one_nucleo_is_shown_that_one(people: dict[str, int], hoje: dt.date) -> None:
    near = Escopo(people["centro"])
    assert [linha.nome for linha in list_arrears(near, FiltroInadimplencia(), hoje=hoje).linhas] == ["Ana"]
    assert [linha.nome for linha in list_months(near, FiltroMatriz(), hoje=hoje).linhas] == ["Ana", "Caio"]


def test_the_matrix_has_everybody_with_each_months_state(people: dict[str, int], hoje: dt.date) -> None:
    ana, bia, caio, isenta = list_months(WHOLE, FiltroMatriz(ano=2026), hoje=hoje).linhas
    late, paid = EstadoCota.VENCIDA, EstadoCota.QUITADA
    assert [c.estado for c in ana.celulas[:5]] == [late, late, late, EstadoCota.A_VENCER, EstadoCota.SEM_COTA]
    assert [c.estado for c in bia.celulas[:4]] == [paid, paid, late, EstadoCota.A_VENCER]
    assert caio.celulas[3].estado is EstadoCota.DISPENSADA
    assert {c.estado for c in isenta.celulas} == {EstadoCota.SEM_COTA}
    assert len(ana.celulas) == 12


@pytest.mark.parametrize("ano", [0, -4, 10_000])
def test_a_year_that_no_calendar_has_is_this_one(people: dict[str, int], hoje: dt.date, ano: int) -> None:
    (ana, *_) = list_months(WHOLE, FiltroMatriz(ano=ano), hoje=hoje).linhas
    assert ana.celulas[0].competencia == dt.date(2026, 1, 1)


def test_no_statement_is_run_per_row(app: Flask, org: Any, hoje: dt.date, statements: Any) -> None:
    counts = []
    for more in (1, 12):
        for number in range(more):
            org.militante(f"Pessoa {more} {number}")
        org.cotas("2026-02")
        cache_service().clear_all()
        with statements() as seen:
            list_arrears(WHOLE, FiltroInadimplencia(), hoje=hoje)
            list_months(WHOLE, FiltroMatriz(), hoje=hoje)
            arrears_by_band(WHOLE, None, hoje=hoje)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 5


def test_all_pages_hold_each_militante_once(app: Flask, org: Any, hoje: dt.date) -> None:
    for number in range(7):
        org.militante(f"Igual {number % 2}")
    org.cotas("2026-02")
    cursor, seen = None, []
    while True:
        page = list_arrears(WHOLE, FiltroInadimplencia(), hoje=hoje, cursor=cursor, limit=2)
        seen += [linha.id for linha in page.linhas]
        cursor = page.proximo
        if cursor is None:
            break
    assert sorted(seen) == sorted(linha.id for linha in all_months(WHOLE, FiltroMatriz(), hoje=hoje))
    assert len(set(seen)) == 7
