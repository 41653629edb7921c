"""Pages of the list of cotas: the same however they are read, and ended by a payment only where it changes a row."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.cotas import list_queries
from controles.cotas.queries import FiltroCotas, FiltroEstado, PaginaCotas, list_cotas, open_cotas
from controles.db import db
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante

WHOLE = Escopo()
MONTHS = ("2025-11", "2026-01", "2026-02")
FILTERS = [
    FiltroCotas(competencia=competencia, estado=estado)
    for competencia in (None, dt.date(2026, 1, 1), dt.date(2025, 12, 1))
    for estado in (None, *FiltroEstado)
]


@pytest.fixture
def people(app: Flask, org: Any, hoje: dt.date) -> list[int]:
    """Nine militantes with cotas of three months: paid, paid in part, waived, open."""
    people = [org.militante(f"M {letter}") for letter in "abcdefghi"]
    org.cotas(*MONTHS)
    for person, valor in zip(people, (6000, 0, 2000, 0, 4500, 0, 500, 0, 2000), strict=True):
        if valor:
            org.pay(person, valor)
    org.waive(open_cotas(WHOLE, people[3], hoje=hoje)[0].id)
    return people


@pytest.fixture
def by_ranges(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def read(*ranges: int, people: int = 2) -> None:
        monkeypatch.setattr(list_queries, "FEWEST_MILITANTES", 0)
        monkeypatch.setattr(list_queries, "PEOPLE_IN_A_RANGE", people)
        monkeypatch.setattr(list_queries, "RANGES_READ", ranges)

    return read


def every_page(filtro: FiltroCotas, hoje: dt.date, limit: int) -> Iterator[PaginaCotas]:
    """From the first page on to the last, and back again."""
    page = list_cotas.uncached(WHOLE, filtro, hoje=hoje, limit=limit)
    yield page
    while page.proximo is not None:
        page = list_cotas.uncached(WHOLE, filtro, hoje=hoje, cursor=page.proximo, limit=limit)
        yield page
    while page.anterior is not None:
        page = list_cotas.uncached(WHOLE, filtro, hoje=hoje, cursor=page.anterior, limit=limit)
        yield page


@pytest.mark.parametrize("ranges", [(1,), (1, 1, 1, 1), (2, 1, 3), (1,) * 40])
def test_pages_that_are_read_by_ranges_are_the_pages_of_the_whole_list(
    people: list[int], hoje: dt.date, by_ranges: Callable[..., None], ranges: tuple[int, ...]
) -> None:
    def everything() -> list[list[PaginaCotas]]:
        return [list(every_page(filtro, hoje, limit)) for filtro in FILTERS for limit in (2, 5, 50)]

    whole = everything()
    assert any(len(pages) > 5 for pages in whole)
    by_ranges(*ranges)
    assert everything() == whole


def test_a_page_of_the_whole_list_is_found_where_the_ranges_do_not_fill_it(
    people: list[int], hoje: dt.date, by_ranges: Callable[..., None], statements: Any
) -> None:
    by_ranges(1, 1)
    waived = FiltroCotas(estado=FiltroEstado.QUITADA)
    with statements() as seen:
        page = list_cotas.uncached(WHOLE, waived, hoje=hoje)
    assert len(page.linhas) == 7
    # Where the numbers end, which months there are, two ranges, and the whole list.
    assert len(seen) <= 5, seen


@pytest.fixture
def far(people: list[int], org: Any) -> tuple[int, int]:
    """Two whose numbers lie some ranges above, with a cota of each month."""
    numbers = (2999, 3000)
    table = Militante.__table__
    like = db.session.execute(sa.select(table).where(table.c.id == people[0])).mappings().one()
    for number in numbers:
        db.session.execute(sa.insert(Militante).values({**like, "id": number, "matricula": f"M-{number}"}))
    db.session.commit()
    org.cotas(*MONTHS)
    return numbers


@pytest.mark.parametrize("estado", [None, *FiltroEstado])
@pytest.mark.parametrize("competencia", [None, dt.date(2026, 2, 1)])
def test_a_payment_of_somebody_who_is_not_on_a_page_does_not_end_it(
    far: tuple[int, int],
    people: list[int],
    org: Any,
    hoje: dt.date,
    by_ranges: Callable[..., None],
    statements: Any,
    warm: Callable[..., None],
    estado: FiltroEstado | None,
    competencia: dt.date | None,
) -> None:
    by_ranges(1, 4, 16, people=512)
    if estado is FiltroEstado.QUITADA:
        for number in far:
            org.pay(number, 6000)
    filtro = FiltroCotas(competencia=competencia, estado=estado)

    def page() -> PaginaCotas:
        return list_cotas(WHOLE, filtro, hoje=hoje, limit=1)

    warm(page)
    before = page()
    org.pay(people[1], 500)
    with statements() as seen:
        assert page() == before
    assert seen == []


@pytest.mark.parametrize("estado", [None, FiltroEstado.ABERTA, FiltroEstado.QUITADA])
def test_a_payment_of_somebody_who_is_on_a_page_is_on_it_at_once(
    far: tuple[int, int],
    org: Any,
    hoje: dt.date,
    by_ranges: Callable[..., None],
    warm: Callable[..., None],
    estado: FiltroEstado | None,
) -> None:
    by_ranges(1, 4, 16, people=512)
    filtro = FiltroCotas(competencia=dt.date(2025, 11, 1), estado=estado)
    warm(lambda: list_cotas(WHOLE, filtro, hoje=hoje))
    for valor in (500, 1500):
        before = list_cotas(WHOLE, filtro, hoje=hoje)
        org.pay(far[0], valor)
        after = list_cotas(WHOLE, filtro, hoje=hoje)
        assert after == list_cotas.uncached(WHOLE, filtro, hoje=hoje)
        assert after != before or estado is FiltroEstado.QUITADA
