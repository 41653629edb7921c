"""How values are written."""

import datetime as dt

import pytest

from controles.contas.models import Papel
from controles.militantes.models import Situacao
from controles.pagamentos.models import Metodo
from controles.web import formatting


def months(*written: str) -> list[dt.date]:
    return [dt.date.fromisoformat(f"{month}-01") for month in written]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "—"),
        (months("2026-03"), "mar/2026"),
        (months("2026-03", "2026-04", "2026-05"), "mar a mai/2026"),
        (months("2025-12", "2026-01"), "dez/2025 a jan/2026"),
        (months("2026-01", "2026-03"), "jan/2026, mar/2026"),
        (months("2026-02", "2026-01", "2026-01"), "jan a fev/2026"),
    ],
)
def test_months_in_a_row_are_written_as_a_span(values: list[dt.date], text: str) -> None:
    assert formatting.competencias(values) == text


def test_an_instant_is_shown_on_its_local_day_and_clock() -> None:
    late = dt.datetime(2026, 3, 18, 1, 30, tzinfo=dt.UTC)
    assert formatting.date(late) == "17/03/2026"
    assert formatting.hour(late) == "22:30"


def test_no_date_is_a_dash() -> None:
    assert formatting.date(None) == formatting.phone(None) == formatting.phone("") == "—"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("11987654321", "(11) 98765-4321"), ("1133334444", "(11) 3333-4444"), ("+44 20 7946", "+44 20 7946")],
)
def test_a_brazilian_phone_is_grouped_and_any_other_left_alone(written: str, shown: str) -> None:
    assert formatting.phone(written) == shown


def test_numbers() -> None:
    assert formatting.integer(1234567) == "1.234.567"
    assert formatting.percent(1000) == "100,0%"
    assert formatting.percent(874) == "87,4%"
    assert formatting.plural(1, "mês", "meses") == "1 mês"
    assert formatting.plural(1200, "mês", "meses") == "1.200 meses"


def test_every_word_of_the_domain_has_a_name_to_show() -> None:
    assert all(formatting.metodo(value) for value in Metodo)
    assert all(formatting.situacao(value) for value in Situacao)
    assert all(formatting.papel(value) for value in Papel)
    assert formatting.competencia_long(dt.date(2026, 3, 1)) == "março de 2026"
