"""What the API's parameters accept, and what they say of everything else."""

import datetime as dt

import pytest

from controles.api.operations import COTAS, MILITANTES
from controles.api.parameters import read_parameters
from controles.cotas.records import FiltroEstado


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("limite", "0", "de 1 a 200"),
        ("limite", "201", "de 1 a 200"),
        ("limite", "1.0", "de 1 a 200"),
        ("limite", " 5", "de 1 a 200"),
        ("limite", "+5", "de 1 a 200"),
        ("nucleo_id", "2147483648", "número inteiro"),
        ("nucleo_id", "٣", "número inteiro"),
        ("nucleo_id", "", "número inteiro"),
        ("situacao", "Ativo", "ativo, licenciado, desligado"),
        ("devendo", "1", "true ou false"),
        ("cursor", "a b", "sem mudança"),
        ("cursor", "a" * 81, "sem mudança"),
        ("cursor", "a\n", "sem mudança"),
        ("busca", "Ana", "situacao, devendo"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_send(name: str, written: str, said: str) -> None:
    _, (wrong,) = read_parameters(MILITANTES.parametros, [(name, written)])
    assert wrong.parametro == name
    assert said in wrong.mensagem


@pytest.mark.parametrize("written", ["2026-02-30", "2026-3-1", "20260301", "0000-01-01", "2026-03-01T00:00", "03/2026"])
def test_what_is_no_day_is_refused(written: str) -> None:
    _, (wrong,) = read_parameters(COTAS.parametros, [("competencia", written)])
    assert "2026-03-31" in wrong.mensagem


def test_what_is_right_is_read_as_what_it_means() -> None:
    sent = [("competencia", "2026-03-17"), ("estado", "aberta"), ("limite", "200"), ("nucleo_id", "7")]
    values, wrong = read_parameters(COTAS.parametros, sent)
    assert wrong == ()
    assert values == {
        "competencia": dt.date(2026, 3, 17),
        "estado": FiltroEstado.ABERTA,
        "limite": 200,
        "nucleo_id": 7,
    }


def test_a_parameter_that_comes_twice_is_refused_even_if_the_first_one_was_wrong() -> None:
    _, wrong = read_parameters(COTAS.parametros, [("limite", "0"), ("limite", "1")])
    assert [one.parametro for one in wrong] == ["limite", "limite"]
    assert "mais de uma vez" in wrong[1].mensagem
