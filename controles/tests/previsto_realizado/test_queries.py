"""Previsto × realizado: each sum is that of its list of cotas, and a payment ends the month that it pays."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.cotas.queries import list_cotas, open_cotas, totals_cotas
from controles.cotas.records import FiltroCotas
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.previsto_realizado.queries import get_previsto_realizado, whole_previsto_realizado, year_of
from controles.previsto_realizado.records import FiltroPrevisto, PrevistoRealizado, Somas
from controles.services.transaction import transaction

WHOLE = Escopo()


def is_its_list(somas: Somas, escopo: Escopo, filtro: FiltroCotas, hoje: dt.date) -> None:
    totals = totals_cotas(escopo, filtro)
    assert (somas.cotas, somas.previsto, somas.recebido, somas.dispensado, somas.aberto) == (
        totals.quantidade,
        totals.previsto,
        totals.recebido,
        totals.dispensado,
        totals.aberto,
    )
    lines = list_cotas(escopo, filtro, hoje=hoje, limit=200).linhas
    assert (somas.cotas, somas.previsto) == (len(lines), sum(line.valor for line in lines))


def equals_its_lists(escopo: Escopo, hoje: dt.date, ano: int) -> PrevistoRealizado:
    """Every figure of a year's report, month by month and núcleo by núcleo, is that of the list that it links to."""
    year = get_previsto_realizado(escopo, FiltroPrevisto(ano=ano), hoje=hoje)
    for month in year.meses:
        is_its_list(month.somas, escopo, FiltroCotas(competencia=month.competencia), hoje)
        filtro = FiltroPrevisto(ano=ano, mes=month.competencia.month)
        of_month = get_previsto_realizado(escopo, filtro, hoje=hoje)
        assert of_month.total == year.total
        assert of_month.total_dos_nucleos == month.somas
        for line in of_month.nucleos:
            if line.nucleo_id is not None:
                wanted = FiltroCotas(competencia=month.competencia, nucleo_id=line.nucleo_id)
                is_its_list(line.somas, escopo, wanted, hoje)
        written = whole_previsto_realizado(escopo, filtro, hoje=hoje)
        assert sum((line.somas for line in written), Somas()) == month.somas
    for nucleo in year.nucleos:
        if nucleo.nucleo_id is not None:
            filtro = FiltroPrevisto(ano=ano, nucleo_id=nucleo.nucleo_id)
            assert get_previsto_realizado(escopo, filtro, hoje=hoje).total == nucleo.somas
            assert get_previsto_realizado(Escopo(nucleo.nucleo_id), filtro, hoje=hoje).total == nucleo.somas
    assert year.total == year.total_dos_nucleos == sum((month.somas for month in year.meses), Somas())
    assert year.total == sum(
        (line.somas for line in whole_previsto_realizado(escopo, FiltroPrevisto(ano=ano), hoje=hoje)), Somas()
    )
    return year


@pytest.fixture
def nucleos(app: Flask, org: Any, hoje: dt.date) -> list[int]:
    """Two núcleos and somebody without one: paid, paid in part, reversed, waived, in two years."""
    nucleos = [org.nucleo("Centro"), org.nucleo("Zona Sul")]
    people = [org.militante(f"M{number}", nucleo_id=(*nucleos, None)[number % 3]) for number in range(7)]
    org.cotas("2025-11", "2026-01", "2026-02", "2026-03")
    org.pay(people[0], 4500)
    org.reverse(org.pay(people[1], 2000))
    org.pay(people[2], 700)
    waived = open_cotas(WHOLE, people[3], hoje=hoje)
    org.pay(people[3], 500, cota_ids=(waived[1].id,))
    org.waive(waived[1].id)
    org.waive(open_cotas(WHOLE, people[4], hoje=hoje)[0].id)
    return nucleos


def test_every_sum_is_that_of_its_list(nucleos: list[int], hoje: dt.date) -> None:
    year = equals_its_lists(WHOLE, hoje, 2026)
    assert [line.nome for line in year.nucleos] == ["Centro", "Zona Sul", "Sem núcleo"]
    assert year.total.dispensado == 1500
    assert [month.somas.cotas for month in year.meses] == [7, 7, 7] + [0] * 9
    equals_its_lists(WHOLE, hoje, 2025)
    for number in nucleos:
        equals_its_lists(Escopo(number), hoje, 2026)


def test_a_nucleo_sees_its_own_cotas_whatever_the_address_asks_for(nucleos: list[int], hoje: dt.date) -> None:
    centro, sul = nucleos
    own = get_previsto_realizado(Escopo(centro), FiltroPrevisto(), hoje=hoje)
    assert [line.nucleo_id for line in own.nucleos] == [centro]
    other = get_previsto_realizado(Escopo(centro), FiltroPrevisto(nucleo_id=sul), hoje=hoje)
    assert (other.total, other.nucleos) == (Somas(), ())
    assert whole_previsto_realizado(Escopo(centro), FiltroPrevisto(nucleo_id=sul), hoje=hoje) == ()


def test_a_militante_counts_in_the_present_nucleo(nucleos: list[int], hoje: dt.date) -> None:
    before = get_previsto_realizado(WHOLE, FiltroPrevisto(), hoje=hoje)
    with transaction() as session:
        session.get_one(Militante, 1).nucleo_id = nucleos[1]
    after = equals_its_lists(WHOLE, hoje, 2026)
    assert after.total == before.total
    assert after.nucleos[0].somas.cotas == before.nucleos[0].somas.cotas - 3


def test_a_payment_sums_only_the_months_that_it_pays_anew(
    nucleos: list[int], org: Any, hoje: dt.date, statements: Any, warm: Callable[..., None]
) -> None:
    def report() -> PrevistoRealizado:
        return get_previsto_realizado(WHOLE, FiltroPrevisto(), hoje=hoje)

    warm(report)
    before = report()
    org.pay(6, 1000, cota_ids=(open_cotas(WHOLE, 6, hoje=hoje)[-1].id,))
    with statements() as seen:
        after = report()
    # The month, and the núcleos' names.
    assert len(seen) <= 2, seen
    assert after.total.recebido == before.total.recebido + 1000


@pytest.mark.parametrize(
    ("asked", "shown"), [(None, 2026), (2025, 2025), (2027, 2027), (2028, 2026), (1, 2026), (-5, 2026)]
)
def test_a_year_that_cannot_have_cotas_is_the_current_one(asked: int | None, shown: int, hoje: dt.date) -> None:
    assert year_of(FiltroPrevisto(ano=asked), hoje) == shown


def test_no_share_is_received_of_nothing() -> None:
    assert Somas(cotas=1, previsto=2000, dispensado=2000).recebido_milesimos is None
    assert Somas(cotas=2, quitadas=1, previsto=4000, recebido=1333, dispensado=0).recebido_milesimos == 333
