"""A filter goes into an address and comes back."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.cotas.records import FiltroCotas
from controles.militantes.models import Situacao
from controles.militantes.records import FiltroMilitantes, OrdemMilitantes
from controles.pagamentos.records import FiltroPagamentos
from controles.web.query_string import MAX_TEXT, address, read_filter, write_filter

WORDS = st.text(st.characters(codec="utf-8"), max_size=MAX_TEXT).map(str.strip)
FILTERS = st.builds(
    FiltroMilitantes,
    busca=WORDS,
    situacao=st.none() | st.sampled_from(Situacao),
    nucleo_id=st.none() | st.integers(1, 10**6),
    devendo=st.booleans(),
    ordem=st.sampled_from(OrdemMilitantes),
    meses_min=st.integers(0, 99),
    meses_max=st.none() | st.integers(0, 99),
    filiado_de=st.none() | st.dates(),
)


@given(FILTERS)
def test_a_filter_comes_back_as_it_was(filtro: FiltroMilitantes) -> None:
    assert read_filter(FiltroMilitantes, write_filter(filtro)) == filtro


@pytest.mark.parametrize("kind", [FiltroMilitantes, FiltroPagamentos, FiltroCotas])
def test_a_filter_that_asks_for_nothing_leaves_the_address_clean(kind: type) -> None:
    assert write_filter(kind()) == {}
    assert read_filter(kind, {}) == kind()


@pytest.mark.parametrize(
    "args",
    [
        {"situacao": "rei"},
        {"nucleo_id": "um"},
        {"nucleo_id": "1.5"},
        {"filiado_de": "31/02/2026"},
        {"meses_min": "muitos"},
        {"ordem": "salario"},
        {"devendo": "talvez"},
        {"inexistente": "1"},
        {"busca": "   "},
    ],
)
def test_what_makes_no_sense_is_left_out(args: dict[str, str]) -> None:
    assert read_filter(FiltroMilitantes, args) == FiltroMilitantes()


@given(st.dictionaries(st.sampled_from(["busca", "situacao", "nucleo_id", "devendo", "meses_min"]), st.text()))
def test_no_address_makes_an_error(args: dict[str, str]) -> None:
    read_filter(FiltroMilitantes, args)


def test_a_text_is_cut_where_no_name_is_longer() -> None:
    assert len(read_filter(FiltroMilitantes, {"busca": "a" * 10_000}).busca) == MAX_TEXT


def test_values_are_read_as_what_they_are() -> None:
    args = {"de": "2026-03-01", "metodo": "pix", "militante_id": "7"}
    filtro = read_filter(FiltroPagamentos, args)
    assert (filtro.de, filtro.metodo, filtro.militante_id) == (dt.date(2026, 3, 1), "pix", 7)


def test_an_address_is_quoted() -> None:
    assert address("/militantes", {"busca": "a&b=ç"}) == "/militantes?busca=a%26b%3D%C3%A7"
    assert address("/militantes", {}) == "/militantes"
