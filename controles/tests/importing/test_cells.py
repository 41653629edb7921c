import datetime as dt

import pytest

from controles.importing.cells import read_cpf, read_date, read_day, read_flag, read_situacao
from controles.militantes.models import Situacao


@pytest.mark.parametrize(
    "text",
    ["05/03/2021", "5/3/2021", "05-03-2021", "05.03.2021", "2021-03-05", "2021-3-5", "2021-03-05 00:00:00",
     "2021-03-05T00:00", "05/03/2021 00:00"],
)  # fmt: skip
def test_reads_a_brazilian_or_an_iso_date(text: str) -> None:
    assert read_date(text) == dt.date(2021, 3, 5)


@pytest.mark.parametrize(
    "text", ["31/02/2020", "2020-13-01", "05/03/21", "44260", "março", "2021-03-05 10:30", "00/00/0000"]
)
def test_refuses_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match="dd/mm/aaaa"):
        read_date(text)


@pytest.mark.parametrize(
    ("text", "cpf"),
    [
        ("529.982.247-25", "52998224725"),
        ("52998224725", "52998224725"),
        ("1234567890 9", "12345678909"),
        ("191", None),
        ("00000000191", "00000000191"),
        ("123456797", "00123456797"),
    ],
)
def test_reads_a_cpf_even_if_a_spreadsheet_dropped_its_zeros(text: str, cpf: str | None) -> None:
    if cpf is None:
        with pytest.raises(ValueError, match="11 dígitos"):
            read_cpf(text)
    else:
        assert read_cpf(text) == cpf


def test_says_when_a_spreadsheet_lost_digits_of_a_cpf() -> None:
    with pytest.raises(ValueError, match="formate a coluna como texto"):
        read_cpf("5,29982E+10")


@pytest.mark.parametrize(("text", "flag"), [("Sim", True), ("NÃO", False), ("x", True), ("0", False), ("Isenta", True)])
def test_reads_yes_and_no(text: str, flag: bool) -> None:
    assert read_flag(text) is flag


def test_refuses_perhaps() -> None:
    with pytest.raises(ValueError, match="sim ou não"):
        read_flag("talvez")


@pytest.mark.parametrize("text", ["dez", "10,0", "-1", "100", "١٠"])
def test_refuses_a_day_that_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="1 a 28"):
        read_day(text)


def test_reads_standings() -> None:
    assert read_situacao("ATIVA") is Situacao.ATIVO
    assert read_situacao("inativo") is Situacao.DESLIGADO
    with pytest.raises(ValueError, match="ativo, licenciado ou desligado"):
        read_situacao("suspenso")
