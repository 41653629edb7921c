"""Each figure of the panel is the one that its list shows: same escopo, same day."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask

from controles.cotas.queries import open_cotas
from controles.db import db
from controles.domain.escopo import Escopo
from controles.domain.periods import last_months
from controles.pagamentos.models import Metodo
from controles.painel.queries import (
    MesMembros,
    get_dashboard_stats,
)
from controles.services.cache_service import cache_service

WHOLE = Escopo()


def test_an_organisation_without_anything_has_a_panel_of_zeros(app: Flask, hoje: dt.date, agora: dt.datetime) -> None:
    painel = get_dashboard_stats(WHOLE, hoje=hoje)
    assert painel.gerado_em == agora
    assert (painel.financeiro.previsto, painel.financeiro.taxa_quitadas_milesimos, painel.caixa_por_metodo) == (
        0,
        0,
        (),
    )
    assert [mes.competencia for mes in painel.previsto_recebido] == list(last_months(hoje))
    assert [(faixa.faixa, faixa.militantes) for faixa in painel.atraso] == [
        ("1", 0),
        ("2", 0),
        ("3-5", 0),
        ("6-11", 0),
        ("12+", 0),
    ]
    assert painel.membros == tuple(MesMembros(mes, 0, 0, 0) for mes in last_months(hoje))


def test_the_whole_panel_reads_each_thing_once(app: Flask, org: Any, hoje: dt.date, statements: Any) -> None:
    centro = org.nucleo()
    people = [org.militante(f"M {letter}", nucleo_id=centro) for letter in "abc"]
    org.cotas("2026-01", "2026-03")
    org.reverse(org.pay(people[0], 3000))
    org.pay(people[1], 2500, metodo=Metodo.BOLETO, data_credito=dt.date(2026, 2, 3))
    for escopo in (WHOLE, Escopo(centro)):
        cache_service().clear_all()
        with statements() as seen:
            get_dashboard_stats(escopo, hoje=hoje)
        # Of the whole organisation: cash by 11 months and the days of March, cotas by ranges of militantes.
        assert len(seen) <= (7 if escopo.nucleo_id else 7 + 1 + 11 + 31), seen


def test_the_last_thirty_days_include_today_and_no_more(app: Flask, org: Any, hoje: dt.date) -> None:
    for days in (0, 29, 30):
        org.militante(f"M {days}", data_filiacao=hoje - dt.timedelta(days=days))
    for days in (0, 29, 30):
        org.end(org.militante(f"D {days}"), hoje - dt.timedelta(days=days))
    stats = get_dashboard_stats(WHOLE, hoje=hoje).militantes
    assert (stats.ativos, stats.adesoes_30d, stats.desligamentos_30d) == (3, 2, 2)


def test_the_two_axes_of_money_differ_and_both_add_up(app: Flask, org: Any, hoje: dt.date) -> None:
    ana, bia, _ = (org.militante(nome) for nome in ("Ana", "Bia", "Caio"))
    org.cotas("2026-02", "2026-03")
    # March's money for February's cota, and credit besides.
    org.pay(ana, 2000)
    org.pay(bia, 5000, metodo=Metodo.DINHEIRO, data_credito=dt.date(2026, 2, 20))
    (march,) = (cota.id for cota in open_cotas(WHOLE, ana, hoje=hoje))
    org.waive(march)
    stats = get_dashboard_stats(WHOLE, hoje=hoje).financeiro
    assert stats.competencia == dt.date(2026, 3, 1)
    assert (stats.previsto, stats.recebido, stats.dispensado, stats.aberto) == (6000, 2000, 2000, 2000)
    assert (stats.cotas, stats.quitadas, stats.taxa_quitadas_milesimos) == (2, 1, 500)
    assert stats.recebido_caixa_mes == 2000
    february = get_dashboard_stats(WHOLE, hoje=hoje).previsto_recebido[-2]
    assert (february.previsto, february.recebido, february.aberto) == (6000, 4000, 2000)
    cash = {
        (linha.mes.month, linha.metodo): linha.valor
        for linha in get_dashboard_stats(WHOLE, hoje=hoje).caixa_por_metodo[-4:]
    }
    assert cash == {
        (2, Metodo.PIX): 0,
        (2, Metodo.DINHEIRO): 5000,
        (3, Metodo.PIX): 2000,
        (3, Metodo.DINHEIRO): 0,
    }


def test_an_estorno_leaves_the_month_of_its_own_date(app: Flask, org: Any, hoje: dt.date) -> None:
    ana = org.militante("Ana")
    pagamento_id = org.pay(ana, 2000, data_credito=dt.date(2026, 2, 27))
    org.reverse(pagamento_id)
    assert [linha.valor for linha in get_dashboard_stats(WHOLE, hoje=hoje).caixa_por_metodo[-2:]] == [2000, -2000]
    assert get_dashboard_stats(WHOLE, hoje=hoje).financeiro.recebido_caixa_mes == -2000


def test_a_rate_is_full_only_when_every_cota_is_paid(app: Flask, org: Any, hoje: dt.date) -> None:
    ids = [org.militante(f"M {number}", matricula=f"M{number}", valor_cota=100) for number in range(3)]
    org.cotas("2026-03")
    for who in ids[:2]:
        org.pay(who, 100)
    assert get_dashboard_stats(WHOLE, hoje=hoje).financeiro.taxa_quitadas_milesimos == 666
    org.pay(ids[2], 100)
    assert get_dashboard_stats(WHOLE, hoje=hoje).financeiro.taxa_quitadas_milesimos == 1000


@pytest.mark.parametrize(
    ("months", "band"),
    [(1, "1"), (2, "2"), (3, "3-5"), (5, "3-5"), (6, "6-11"), (11, "6-11"), (12, "12+"), (14, "12+")],
)
def test_arrears_fall_into_their_band(app: Flask, org: Any, hoje: dt.date, months: int, band: str) -> None:
    org.militante("Ana")
    org.cotas(*[f"{month:%Y-%m}" for month in (*last_months(dt.date(2025, 3, 1)), *last_months(hoje))[-months:]])
    stats = get_dashboard_stats(WHOLE, hoje=hoje).financeiro
    assert {faixa.faixa: faixa.valor for faixa in get_dashboard_stats(WHOLE, hoje=hoje).atraso if faixa.militantes} == {
        band: months * 2000
    }
    assert (stats.inadimplentes_1m, stats.inadimplentes_3m, stats.valor_vencido) == (1, months >= 3, months * 2000)


def test_arrears_grow_at_midnight_without_a_write(app: Flask, org: Any) -> None:
    org.militante("Ana", dia_vencimento=17)
    org.cotas("2026-03")
    due = dt.date(2026, 3, 17)
    assert get_dashboard_stats(WHOLE, hoje=due).financeiro.inadimplentes_1m == 0
    assert get_dashboard_stats(WHOLE, hoje=due + dt.timedelta(days=1)).financeiro.inadimplentes_1m == 1


def test_members_of_past_months_are_counted_as_they_were(app: Flask, org: Any, hoje: dt.date) -> None:
    org.militante("always")
    org.militante("joined in January", data_filiacao=dt.date(2026, 1, 31))
    org.end(org.militante("left on the last of January"), dt.date(2026, 1, 31))
    org.end(org.militante("left in February"), dt.date(2026, 2, 1))
    org.on_leave(org.militante("on leave since February"), dt.date(2026, 2, 10))
    december, january, february, march = get_dashboard_stats(WHOLE, hoje=hoje).membros[-4:]
    assert (december.ativos, december.adesoes, december.desligamentos) == (4, 0, 0)
    assert (january.ativos, january.adesoes, january.desligamentos) == (4, 1, 1)
    assert (february.ativos, february.adesoes, february.desligamentos) == (2, 0, 1)
    assert march.ativos == get_dashboard_stats(WHOLE, hoje=hoje).militantes.ativos == 2


def test_a_leave_ends_when_the_history_or_the_membership_does(app: Flask, org: Any, hoje: dt.date) -> None:
    back = org.militante("came back")
    org.on_leave(back, dt.date(2025, 11, 5))
    with_end = org.militante("left while on leave")
    org.on_leave(with_end, dt.date(2025, 11, 5))
    org.end(with_end, dt.date(2026, 2, 5))
    org.back(back, dt.date(2026, 1, 20))
    assert [mes.ativos for mes in get_dashboard_stats(WHOLE, hoje=hoje).membros[-6:]] == [2, 0, 0, 1, 1, 1]


def test_a_reader_of_one_nucleo_never_gets_a_national_figure(app: Flask, org: Any, hoje: dt.date) -> None:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    ana = org.militante("Ana", nucleo_id=centro, valor_cota=1000)
    bia = org.militante("Bia", nucleo_id=leste)
    org.on_leave(org.militante("Caio", nucleo_id=leste, data_filiacao=hoje), dt.date(2026, 1, 5))
    org.end(org.militante("Davi", nucleo_id=leste), hoje)
    org.cotas("2026-02", "2026-03")
    org.pay(ana, 1000)
    org.pay(bia, 2000)
    org.pay(None, 9000)
    painel = get_dashboard_stats(Escopo(centro), hoje=hoje)
    assert (painel.militantes.ativos, painel.militantes.licenciados) == (1, 0)
    assert (painel.militantes.adesoes_30d, painel.militantes.desligamentos_30d) == (0, 0)
    assert (painel.financeiro.previsto, painel.financeiro.recebido_caixa_mes) == (1000, 1000)
    assert (painel.financeiro.inadimplentes_1m, painel.financeiro.valor_vencido) == (1, 1000)
    assert painel.membros[-1] == MesMembros(dt.date(2026, 3, 1), 1, 0, 0)
    empty = get_dashboard_stats(Escopo(org.nucleo("Novo")), hoje=hoje)
    assert (empty.financeiro.previsto, empty.militantes.ativos, empty.caixa_por_metodo) == (0, 0, ())


def test_each_statement_over_all_rows_reads_one_index_and_no_table(
    sqlite_app: Flask, hoje: dt.date, statements: Any
) -> None:
    # What Frescor asks of the schema, once for an engine, is not looked at.
    get_dashboard_stats(WHOLE, hoje=hoje)
    cache_service().clear_all()
    with statements() as seen:
        get_dashboard_stats(WHOLE, hoje=hoje)
    with db.engine.connect() as connection:
        plans = {
            statement: " / ".join(
                row[3]
                for row in connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", (hoje.isoformat(),) * statement.count("?")
                )
            )
            for statement in seen
        }
    for index in (
        "ix_cota_competencia",
        "ix_cota_aberta",
        "ix_pagamento_caixa",
        "ix_militante_situacao_nome_busca_id",
        "ix_militante_data_filiacao_id",
        "ix_militante_data_desligamento",
    ):
        # Cash is read by months and by days.
        wanted = 2 if index == "ix_pagamento_caixa" else 1
        assert sum(f"COVERING INDEX {index}" in plan for plan in plans.values()) == wanted, (index, plans)
    assert sum("INDEX ix_situacao_historico_licenca" in plan for plan in plans.values()) == 1, plans
