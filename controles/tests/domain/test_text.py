import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.domain.text import search_form


@pytest.mark.parametrize(
    ("nome", "form"),
    [
        ("José da Conceição", "jose da conceicao"),
        ("  MARIA   Aparecida ", "maria aparecida"),
        ("D'Ávila", "davila"),
        ("D’Ávila", "davila"),
        ("D´Ávila", "davila"),
        ("Ana-Clara", "ana clara"),
        ("Søren Łukasz Strauß", "soren lukasz strauss"),
        ("Nun\u0303ez", "nunez"),
        ("J. P. Sartre", "j p sartre"),
        ("", ""),
    ],
)
def test_two_spellings_of_a_name_have_one_form(nome: str, form: str) -> None:
    assert search_form(nome) == form


@given(st.text())
def test_the_form_of_a_form_is_itself(nome: str) -> None:
    assert search_form(search_form(nome)) == search_form(nome)
