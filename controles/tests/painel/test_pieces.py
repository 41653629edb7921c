"""Figures over the whole organisation are sums of pieces: equal to one statement over all, and ended one by one."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.cotas import pieces as cotas_pieces
from controles.cotas import queries as cotas_queries
from controles.cotas.queries import FiltroCotas, FiltroEstado, matrix, open_cotas, totals_cotas, years_of_cotas
from controles.domain.escopo import Escopo
from controles.militantes.queries import FiltroMilitantes, get_militante, list_militantes, search_militantes
from controles.pagamentos import pieces as pagamentos_pieces
from controles.pagamentos import queries as pagamentos_queries
from controles.pagamentos.models import Metodo
from controles.pagamentos.queries import FiltroPagamentos, get_pagamento, list_pagamentos, totals_pagamentos
from controles.painel import pieces
from controles.painel.queries import get_dashboard_stats
from controles.painel.views import refresh_painel
from controles.services.cache_service import cache_service

Warm = Callable[..., None]

WHOLE = Escopo()


@pytest.fixture
def people(app: Flask, org: Any, hoje: dt.date) -> list[int]:
    """Seven militantes with cotas of some months, and payments: by several methods, in several months, one reversed."""
    people = [org.militante(f"M {letter}") for letter in "abcdefg"]
    org.cotas("2025-03", "2025-11", "2026-01", "2026-02", "2026-03")
    org.pay(people[0], 6000, data_credito=dt.date(2025, 12, 31))
    org.pay(people[1], 2500, metodo=Metodo.BOLETO, data_credito=dt.date(2026, 1, 1))
    org.reverse(org.pay(people[2], 3000, data_credito=dt.date(2026, 2, 27)))
    org.pay(people[3], 9000, metodo=Metodo.DINHEIRO)
    org.waive(open_cotas(WHOLE, people[4], hoje=hoje)[0].id)
    return people


def test_sums_of_pieces_equal_one_statement_over_all(
    people: list[int], hoje: dt.date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cotas_pieces, "PEOPLE_IN_A_PIECE", 2)
    cache_service().clear_all()
    cotas = [
        FiltroCotas(competencia=competencia, estado=estado)
        for competencia in (None, dt.date(2026, 1, 1), dt.date(2025, 12, 1))
        for estado in (None, *FiltroEstado)
    ]
    payments = [
        FiltroPagamentos(de=de, ate=ate, metodo=metodo)
        for de in (None, dt.date(2025, 12, 31), dt.date(2026, 2, 1), dt.date(2030, 1, 1))
        for ate in (None, dt.date(2026, 2, 28), dt.date(2026, 3, 2), dt.date(2020, 1, 1))
        for metodo in (None, Metodo.BOLETO, Metodo.CARTAO)
    ]

    def everything() -> list[object]:
        painel = get_dashboard_stats.uncached(WHOLE, hoje=hoje)
        return [
            painel,
            *(totals_cotas.uncached(WHOLE, filtro) for filtro in cotas),
            *(totals_pagamentos.uncached(WHOLE, filtro) for filtro in payments),
        ]

    in_pieces = everything()
    assert len(cotas_pieces.people_pieces()) > 3
    for module in (pieces, cotas_queries, pagamentos_queries):
        monkeypatch.setattr(module, "IN_PIECES", False)
    assert in_pieces == everything()


def test_after_a_payment_the_panel_sums_two_pieces_anew(
    people: list[int], org: Any, hoje: dt.date, statements: Any, warm: Warm
) -> None:
    warm(lambda: get_dashboard_stats(WHOLE, hoje=hoje))
    before = get_dashboard_stats(WHOLE, hoje=hoje)
    org.pay(people[5], 2000)
    with statements() as seen:
        after = get_dashboard_stats(WHOLE, hoje=hoje)
    # The range of the payer, and the day.
    assert len(seen) <= 2, seen
    assert after.financeiro.recebido_caixa_mes == before.financeiro.recebido_caixa_mes + 2000
    assert after.financeiro.valor_vencido == before.financeiro.valor_vencido - 2000


def test_after_a_payment_the_totals_of_payments_sum_one_day_anew(
    people: list[int], org: Any, statements: Any, warm: Warm
) -> None:
    warm(lambda: totals_pagamentos(WHOLE, FiltroPagamentos()))
    before = totals_pagamentos(WHOLE, FiltroPagamentos())
    org.pay(people[5], 2000)
    with statements() as seen:
        after = totals_pagamentos(WHOLE, FiltroPagamentos())
    # Which days there are payments of, and the day.
    assert len(seen) <= 2, seen
    assert after.valor == before.valor + 2000


def test_after_a_payment_the_totals_of_a_month_that_it_does_not_pay_stay(
    people: list[int], org: Any, statements: Any, warm: Warm
) -> None:
    paid, other = FiltroCotas(competencia=dt.date(2025, 3, 1)), FiltroCotas(competencia=dt.date(2026, 3, 1))
    warm(lambda: totals_cotas(WHOLE, paid), lambda: totals_cotas(WHOLE, other))
    org.pay(people[5], 2000)
    with statements() as seen:
        totals_cotas(WHOLE, other)
    assert seen == []
    assert totals_cotas(WHOLE, paid).recebido > 0


def test_a_payment_of_another_ends_nothing_of_a_militantes_pages(
    people: list[int], org: Any, hoje: dt.date, statements: Any, warm: Warm
) -> None:
    ana, bia = people[0], people[5]
    number = org.pay(ana, 1000)

    def pages_of_ana() -> list[object]:
        return [
            get_militante(WHOLE, ana, hoje=hoje),
            years_of_cotas(WHOLE, ana),
            matrix(WHOLE, ana, 2026, hoje=hoje),
            open_cotas(WHOLE, ana, hoje=hoje),
            list_pagamentos(WHOLE, FiltroPagamentos(militante_id=ana), limit=8),
            get_pagamento(WHOLE, number),
        ]

    warm(pages_of_ana)
    org.reverse(org.pay(bia, 2000))
    with statements() as seen:
        pages_of_ana()
    assert seen == []
    before = pages_of_ana()
    org.pay(ana, 500)
    assert pages_of_ana()[0] != before[0]


def test_a_payment_of_another_ends_neither_a_long_history_nor_a_list_with_somebody_near(
    people: list[int], org: Any, hoje: dt.date, statements: Any, monkeypatch: pytest.MonkeyPatch, warm: Warm
) -> None:
    ana, bia = people[0], people[5]
    for day in range(1, 6):
        org.pay(ana, 100, data_credito=dt.date(2026, 3, day))
    monkeypatch.setattr(pagamentos_pieces, "ASKED_AT_ONCE", 2)
    nucleo = org.nucleo("Norte")
    for letter in "xyz":
        org.militante(f"N {letter}", nucleo_id=nucleo)
    here = FiltroMilitantes(nucleo_id=nucleo)

    def pages() -> list[object]:
        return [get_militante(WHOLE, ana, hoje=hoje), list_militantes(WHOLE, here, hoje=hoje)]

    warm(pages)
    org.pay(bia, 2000)
    with statements() as seen:
        pages()
    assert seen == []


def test_refreshing_the_panel_reads_every_piece_from_the_database(
    people: list[int], app: Flask, hoje: dt.date, statements: Any, warm: Warm
) -> None:
    warm(lambda: get_dashboard_stats(WHOLE, hoje=hoje))
    with statements() as seen:
        refresh_painel(WHOLE, hoje)
    assert len(seen) > 40


def test_a_search_is_asked_of_the_database_once_and_finds_who_is_new(
    people: list[int], org: Any, hoje: dt.date, statements: Any, warm: Warm
) -> None:
    warm(lambda: search_militantes(WHOLE, "m ", hoje=hoje))
    with statements() as seen:
        found = search_militantes(WHOLE, "m ", hoje=hoje)
    assert (len(found), seen) == (len(people), [])
    org.militante("M nova")
    assert len(search_militantes(WHOLE, "m ", hoje=hoje)) == len(people) + 1
