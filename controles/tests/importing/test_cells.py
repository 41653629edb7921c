import pytest

from controles.importing.cells import (
    Decisao,
    read_amount,
    read_cpf,
    read_day,
    read_decision,
    read_flag,
    read_name,
    read_situacao,
)
from controles.militantes.models import Situacao


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


@pytest.mark.parametrize(("word", "situacao"), [("REGULAR", Situacao.ATIVO), ("DESFILIADO", Situacao.DESLIGADO)])
def test_reads_the_standings_of_the_electoral_courts_lists(word: str, situacao: Situacao) -> None:
    assert read_situacao(word) is situacao


@pytest.mark.parametrize(
    "text", ["R$ 20,00 por mês", "20,00/mês", "20 reais mensais", "20,00 ao mês", "R$20", "20 reais"]
)
def test_reads_an_amount_as_a_form_offers_it(text: str) -> None:
    assert read_amount(text) == 2000


@pytest.mark.parametrize("text", ["Maria <maria@example.org>", "Maria 529.982.247-25", "Maria 52998224725"])
def test_a_name_holds_nothing_that_would_show_in_every_list(text: str) -> None:
    with pytest.raises(ValueError, match="coluna própria"):
        read_name(text)


def test_reads_what_was_decided() -> None:
    assert read_decision("Mesma pessoa") is Decisao.MESMA
    assert read_decision("OUTRA") is Decisao.OUTRA
    with pytest.raises(ValueError, match="mesma pessoa"):
        read_decision("talvez")
